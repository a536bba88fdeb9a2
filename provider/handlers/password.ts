import { randomInt, randomUUID } from "node:crypto";
import { changedProperties, type Difference, type Handler } from "../handler";
import type { PasswordInputs, PasswordState } from "../resources/password";

const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const characters = `${letters}0123456789`;

/** Letters and digits from the system's generator, a letter first: no program has to quote any of it. */
function passwordOf(length: number): string {
  const draw = (alphabet: string): string => alphabet.charAt(randomInt(alphabet.length));
  return draw(letters) + Array.from({ length: length - 1 }, () => draw(characters)).join("");
}

/** A random password that lives in the stack's state, encrypted. It is made once, and anew only when `generation` says so. */
export const password: Handler<PasswordInputs, PasswordState> = {
  secrets: ["value"],

  diff(_id, state, news): Promise<Difference> {
    const replaces = changedProperties<PasswordInputs>(state, news);
    return Promise.resolve({ changes: replaces.length > 0, replaces });
  },

  create(inputs) {
    return Promise.resolve({ id: randomUUID(), state: { ...inputs, value: passwordOf(inputs.length) } });
  },

  read(_id, state) {
    return Promise.resolve(state);
  },

  update() {
    throw new Error("every change of a password makes a new one");
  },

  delete() {
    return Promise.resolve();
  },
};
