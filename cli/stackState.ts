import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, statSync } from "node:fs";
import * as path from "node:path";
import { layout, root } from "../machine/checkout.mjs";
import { shellWord } from "../machine/shellWord";
import { Problem } from "../setup/problem.mjs";
import { projectName } from "./stackConfiguration";

/**
 * The state that Pulumi's file backend keeps of a stack, read without Pulumi: its own commands look at the states of all stacks and
 * fail for all when one of them cannot be read.
 */

export interface StackState {
  readonly resources: { urn: string; type: string; custom?: boolean; id?: string; outputs?: Record<string, unknown> }[];
  /** With which the passphrase seals its secrets. */
  readonly salt?: string;
  /** Operations of which it is not known how they ended. */
  readonly pending: { type: string; resource: { urn: string } }[];
}

/** Folder of the states of this project's stacks. */
export const stateFilesDirectory = (): string => path.join(layout.pulumiState, ".pulumi", "stacks", projectName());

export const stateFile = (stack: string): string => path.join(stateFilesDirectory(), `${stack}.json`);

/** A state that is there and cannot be read. */
export class DamagedState extends Problem {
  constructor(stack: string, file: string, reason: string) {
    const shown = path.relative(root, file);
    const backup = `${file}.bak`;
    const saved = readableBackup(backup);
    super(`The state of stack ${stack}, ${shown}, cannot be read: ${reason}.`, [
      saved === undefined
        ? "Beside it lies no older one that can be read."
        : `Beside it lies the one before, of ${saved.when}, with ${saved.resources} resources. To go on from it:`,
      ...(saved === undefined
        ? []
        : [
            `  cp ${shellWord(path.relative(root, backup))} ${shellWord(shown)}`,
            `  npm run pulumi -- refresh -s ${stack}`,
          ]),
      `Older ones: ${path.relative(root, path.join(layout.pulumiState, ".pulumi", "history", projectName(), stack))}.`,
      "The other stacks are not concerned.",
    ]);
    this.name = "DamagedState";
  }
}

/** The file of a state, as far as it is read here. */
interface StateFile {
  readonly checkpoint?: {
    readonly latest?: {
      readonly resources?: StackState["resources"];
      readonly pending_operations?: StackState["pending"];
      readonly secrets_providers?: { readonly state?: { readonly salt?: unknown } };
    } | null;
  };
}

/** @throws {Error} when it is no state */
function parseState(text: string): StackState {
  if (text.trim() === "") throw new Error("the file is empty");
  const document = JSON.parse(text) as StateFile | null;
  if (document?.checkpoint === undefined) throw new Error("it holds no checkpoint");
  const { resources, pending_operations: pending, secrets_providers: secrets } = document.checkpoint.latest ?? {};
  const salt = secrets?.state?.salt;
  return {
    resources: resources ?? [],
    pending: pending ?? [],
    ...(typeof salt === "string" ? { salt } : {}),
  };
}

function readableBackup(file: string): { resources: number; when: string } | undefined {
  try {
    const { resources } = parseState(readFileSync(file, "utf8"));
    return { resources: resources.length, when: statSync(file).mtime.toISOString().slice(0, 19).replace("T", " ") };
  } catch {
    return undefined;
  }
}

/**
 * The state of a stack; undefined when it was not made yet, or was removed.
 *
 * @throws {DamagedState} when it cannot be read
 */
export function readState(stack: string): StackState | undefined {
  const file = stateFile(stack);
  if (!existsSync(file)) return undefined;
  try {
    return parseState(readFileSync(file, "utf8"));
  } catch (error) {
    throw new DamagedState(stack, file, error instanceof Error ? error.message : String(error));
  }
}

/**
 * The outputs of a stack without asking Pulumi for them, which takes nearly half a second. Those that are secret are encrypted.
 *
 * @returns none for a stack that is not there
 * @throws {DamagedState}
 */
export function readPlainOutputs(stack: string): Record<string, unknown> {
  return readState(stack)?.resources.find(({ type }) => type === "pulumi:pulumi:Stack")?.outputs ?? {};
}

/**
 * Moves a state that cannot be read out of Pulumi's sight, with what lies beside it.
 *
 * @returns folder where it lies now; undefined when there was none
 */
export function setStateAside(stack: string): string | undefined {
  const directory = stateFilesDirectory();
  const files = existsSync(directory) ? readdirSync(directory).filter((file) => file.startsWith(`${stack}.json`)) : [];
  if (files.length === 0) return undefined;
  const aside = path.join(
    layout.state,
    "pulumi",
    "set-aside",
    `${stack}-${new Date().toISOString().replaceAll(":", "-")}`,
  );
  mkdirSync(aside, { recursive: true, mode: 0o700 });
  for (const file of files) renameSync(path.join(directory, file), path.join(aside, file));
  return aside;
}
