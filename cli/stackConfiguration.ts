import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import * as path from "node:path";
import { parse } from "yaml";
import { layout, root } from "../machine/checkout.mjs";

/**
 * The configuration file that Pulumi is given for a stack.
 *
 * A stack whose secrets are sealed with a passphrase needs an `encryptionsalt`, and Pulumi writes it into the stack's
 * configuration file. That file is committed here and the passphrase is not, so the salt is kept in `.posttraining` and
 * Pulumi is given a copy of the committed file with the salt filled in. A stack whose committed file says how its secrets
 * are sealed is left alone.
 */

/** Name of the Pulumi project. */
export function projectName(): string {
  const name = /^name:\s*["']?([\w.-]+)/m.exec(readFileSync(path.join(root, "Pulumi.yaml"), "utf8"))?.[1];
  if (name === undefined) throw new Error("Pulumi.yaml has no name");
  return name;
}

export const committedFile = (stack: string): string => path.join(root, "stacks", `Pulumi.${stack}.yaml`);

export const saltFile = (stack: string): string => path.join(layout.stackConfiguration, `Pulumi.${stack}.yaml`);

/** True if the text of a stack's configuration file says how the stack's secrets are sealed. */
export const sealsItsSecrets = (text: string): boolean =>
  /^(?:encryptionsalt|secretsprovider|encryptedkey):/m.test(text);

/**
 * @param committed text of the committed file
 * @param salt text of the file that holds the salt alone
 */
export const withSalt = (committed: string, salt: string): string =>
  `${committed.trimEnd()}\n${salt.trimEnd()}\n`.trimStart();

const readIfThere = (file: string): string => (existsSync(file) ? readFileSync(file, "utf8") : "");

/**
 * Folder in which `pulumi stack init` leaves the salt: a project of the same name with nothing else in it.
 *
 * @returns undefined when the committed file says how secrets are sealed
 */
export function folderForNewStack(stack: string): string | undefined {
  if (sealsItsSecrets(readIfThere(committedFile(stack)))) return undefined;
  mkdirSync(layout.stackConfiguration, { recursive: true });
  writeFileSync(path.join(layout.stackConfiguration, "Pulumi.yaml"), `name: ${projectName()}\nruntime: nodejs\n`);
  // Left by a stack of that name which is gone; it need not fit the passphrase of today.
  forgetSalt(stack);
  return layout.stackConfiguration;
}

/** True for a stack that was made in this checkout and not removed: its salt goes with it. */
export const wasMade = (stack: string): boolean => existsSync(saltFile(stack));

/** True for a stack that has a committed file and, as far as this checkout knows, was not made yet. */
export function needsInitialization(stack: string): boolean {
  return existsSync(committedFile(stack)) && !sealsItsSecrets(readIfThere(committedFile(stack))) && !wasMade(stack);
}

/**
 * What the text of a stack's configuration file makes.
 *
 * @returns undefined when it does not say
 */
export function kindIn(text: string): "local" | "platform" | "experiment" | undefined {
  const plain = /(?:^\s+|[{,]\s*)["']?kind["']?\s*:\s*(?:&\S+\s+)?["']?(local|platform|experiment)\b/m.exec(text)?.[1];
  const kind = stackIn(text)?.kind ?? plain;
  return kind === "local" || kind === "platform" || kind === "experiment" ? kind : undefined;
}

/** The stack that the text of a configuration file describes; undefined where it cannot be read. */
function stackIn(text: string): { kind?: unknown; store?: { removal?: unknown } | null } | undefined {
  try {
    const document = parse(text) as { config?: { "posttraining:stack"?: unknown } } | null;
    const stack = document?.config?.["posttraining:stack"];
    return typeof stack === "object" && stack !== null ? stack : undefined;
  } catch {
    return undefined;
  }
}

/** Whether the stack's data goes with it, by its configuration. */
export function removesData(stack: string): boolean {
  const text = readIfThere(committedFile(stack));
  const found = stackIn(text);
  return found === undefined ? /^\s+removal:\s*["']?remove\b/m.test(text) : found.store?.removal === "remove";
}

export const kindOf = (stack: string): "local" | "platform" | "experiment" | undefined =>
  kindIn(readIfThere(committedFile(stack)));

/** True for a stack that runs on this machine, and so needs all that trains and serves. */
export const isLocal = (stack: string): boolean => kindOf(stack) === "local";

/**
 * Writes the salt that the stack's state has, where the file was lost or damaged. Without it Pulumi would write one into the committed
 * file.
 */
export function keepSalt(stack: string, salt: string): void {
  const kept = /^encryptionsalt:\s*["']?([^\s"']+)/m.exec(readIfThere(saltFile(stack)))?.[1];
  if (kept === salt || sealsItsSecrets(readIfThere(committedFile(stack)))) return;
  mkdirSync(layout.stackConfiguration, { recursive: true });
  const draft = `${saltFile(stack)}.${process.pid}`;
  writeFileSync(draft, `encryptionsalt: ${salt}\n`, { mode: 0o600 });
  renameSync(draft, saltFile(stack));
}

export const forgetSalt = (stack: string): void => {
  rmSync(saltFile(stack), { force: true });
};

/**
 * The file for `--config-file`, made from the committed one as that is now.
 *
 * @returns undefined when Pulumi finds the right file by itself
 */
export function configurationFile(stack: string): string | undefined {
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
