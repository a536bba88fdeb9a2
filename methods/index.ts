import { dpo } from "./dpo";
import { grpo } from "./grpo";
import { kto } from "./kto";
import type { Method } from "./method";
import { sft } from "./sft";

/** Every training method, one line each. Its Python half stands in flows/posttraining/methods/__init__.py. */
export const methods = [
  sft, //
  dpo,
  grpo,
  kto,
] as const;

export type MethodName = (typeof methods)[number]["name"];

const byName = new Map<string, Method>(methods.map((method) => [method.name, method]));

/**
 * The record of a method.
 * @throws when there is none of that name: every name that a recipe can have is in the registry.
 */
export function methodOf({ method: name }: { readonly method: MethodName }): Method {
  const method = byName.get(name);
  if (method === undefined) throw new Error(`there is no training method ${name}`);
  return method;
}

/** Labels of the methods of which something holds, as a message lists them. */
export function namesOf(holds: (method: Method) => boolean): string {
  return methods
    .filter(holds)
    .map(({ name }) => name)
    .join(", ");
}
