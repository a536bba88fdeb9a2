import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import process from "node:process";
import { layout, root } from "../setup/checkout.mjs";

/**
 * The configuration file that Pulumi is given for a stack.
 *
 * A stack whose secrets are sealed with a passphrase needs an `encryptionsalt`, and Pulumi writes it into the stack's
 * configuration file. That file is committed here and the passphrase is not, so the salt is kept in `.posttraining` and
 * Pulumi is given a copy of the committed file with the salt filled in. A stack whose committed file says how its secrets
 * are sealed is left alone.
 */

/** Name of the Pulumi project. */
export function projectName() {
  const name = /^name:\s*["']?([\w.-]+)/m.exec(readFileSync(path.join(root, "Pulumi.yaml"), "utf8"))?.[1];
  if (name === undefined) throw new Error("Pulumi.yaml has no name");
  return name;
}

/** @param {string} stack */
export const committedFile = (stack) => path.join(root, "stacks", `Pulumi.${stack}.yaml`);

/** @param {string} stack */
export const saltFile = (stack) => path.join(layout.stackConfiguration, `Pulumi.${stack}.yaml`);

/**
 * True if the text of a stack's configuration file says how the stack's secrets are sealed.
 *
 * @param {string} text
 */
export const sealsItsSecrets = (text) => /^(?:encryptionsalt|secretsprovider|encryptedkey):/m.test(text);

/**
 * @param {string} committed text of the committed file
 * @param {string} salt text of the file that holds the salt alone
 */
export const withSalt = (committed, salt) => `${committed.trimEnd()}\n${salt.trimEnd()}\n`.trimStart();

/** @param {string} file */
const readIfThere = (file) => (existsSync(file) ? readFileSync(file, "utf8") : "");

/**
 * Folder in which `pulumi stack init` leaves the salt: a project of the same name with nothing else in it.
 *
 * @param {string} stack
 * @returns {string | undefined} undefined when the committed file says how secrets are sealed
 */
export function folderForNewStack(stack) {
  if (sealsItsSecrets(readIfThere(committedFile(stack)))) return undefined;
  mkdirSync(layout.stackConfiguration, { recursive: true });
  writeFileSync(path.join(layout.stackConfiguration, "Pulumi.yaml"), `name: ${projectName()}\nruntime: nodejs\n`);
  // Left by a stack of that name which is gone; it need not fit the passphrase of today.
  forgetSalt(stack);
  return layout.stackConfiguration;
}

/**
 * True for a stack that was made in this checkout and not removed: its salt goes with it.
 *
 * @param {string} stack
 */
export const wasMade = (stack) => existsSync(saltFile(stack));

/**
 * True for a stack that has a committed file and, as far as this checkout knows, was not made yet.
 *
 * @param {string} stack
 */
export function needsInitialization(stack) {
  return existsSync(committedFile(stack)) && !sealsItsSecrets(readIfThere(committedFile(stack))) && !wasMade(stack);
}

/**
 * What the text of a stack's configuration file makes.
 *
 * @param {string} text
 * @returns {"local" | "platform" | "experiment" | undefined} undefined when it does not say
 */
export function kindIn(text) {
  const plain = /(?:^\s+|[{,]\s*)["']?kind["']?\s*:\s*(?:&\S+\s+)?["']?(local|platform|experiment)\b/m.exec(text)?.[1];
  const kind = stackIn(text)?.kind ?? plain;
  return kind === "local" || kind === "platform" || kind === "experiment" ? kind : undefined;
}

/**
 * The stack that the text of a configuration file describes; undefined where it cannot be read, or the reader is not installed yet.
 *
 * @param {string} text
 * @returns {{ kind?: unknown, store?: { removal?: unknown } | null } | undefined}
 */
function stackIn(text) {
  try {
    const { parse } = createRequire(import.meta.url)("yaml");
    const stack = parse(text)?.config?.["posttraining:stack"];
    return typeof stack === "object" && stack !== null ? stack : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Whether the stack's data goes with it, by its configuration.
 *
 * @param {string} stack
 */
export function removesData(stack) {
  const text = readIfThere(committedFile(stack));
  const found = stackIn(text);
  return found === undefined ? /^\s+removal:\s*["']?remove\b/m.test(text) : found.store?.removal === "remove";
}

/** @param {string} stack */
export const kindOf = (stack) => kindIn(readIfThere(committedFile(stack)));

/**
 * True for a stack that runs on this machine, and so needs all that trains and serves.
 *
 * @param {string} stack
 */
export const isLocal = (stack) => kindOf(stack) === "local";

/**
 * Writes the salt that the stack's state has, where the file was lost or damaged. Without it Pulumi would write one into the committed
 * file.
 *
 * @param {string} stack
 * @param {string} salt
 */
export function keepSalt(stack, salt) {
  const kept = /^encryptionsalt:\s*["']?([^\s"']+)/m.exec(readIfThere(saltFile(stack)))?.[1];
  if (kept === salt || sealsItsSecrets(readIfThere(committedFile(stack)))) return;
  mkdirSync(layout.stackConfiguration, { recursive: true });
  const draft = `${saltFile(stack)}.${process.pid}`;
  writeFileSync(draft, `encryptionsalt: ${salt}\n`, { mode: 0o600 });
  renameSync(draft, saltFile(stack));
}

/** @param {string} stack */
export const forgetSalt = (stack) => rmSync(saltFile(stack), { force: true });

/**
 * The file for `--config-file`, made from the committed one as that is now.
 *
 * @param {string} stack
 * @returns {string | undefined} undefined when Pulumi finds the right file by itself
 */
export function configurationFile(stack) {
  const committed = readIfThere(committedFile(stack));
  const salt = readIfThere(saltFile(stack));
  if (salt === "" || sealsItsSecrets(committed)) return undefined;
  const directory = path.join(layout.stackConfiguration, "complete");
  mkdirSync(directory, { recursive: true });
  const file = path.join(directory, `Pulumi.${stack}.yaml`);
  const draft = `${file}.${process.pid}`;
  writeFileSync(draft, withSalt(committed, salt), { mode: 0o600 });
  renameSync(draft, file);
  return file;
}
