import { existsSync, readdirSync } from "node:fs";
import * as path from "node:path";
import { stackNameProblem } from "../machine/stackName";
import { layout, root } from "../machine/checkout.mjs";
import { Problem } from "../setup/problem.mjs";
import { stateFilesDirectory } from "./stackState";

/** Which stacks there are, and whether a name that a command was given is that of one. Every command asks here. */

const entriesOf = (folder: string): string[] => (existsSync(folder) ? readdirSync(folder) : []);

/**
 * Stacks that this checkout knows: those with a committed configuration file, those in Pulumi's state, and those of which there
 * are records.
 *
 * @returns sorted
 */
export function knownStacks(): string[] {
  const named = (folder: string, pattern: RegExp) => entriesOf(folder).flatMap((file) => pattern.exec(file)?.[1] ?? []);
  const all = [
    ...named(path.join(root, "stacks"), /^Pulumi\.(.+)\.yaml$/),
    ...named(stateFilesDirectory(), /^(.+)\.json$/),
    ...entriesOf(path.join(layout.state, "stacks")),
  ];
  return [...new Set(all)].filter((name) => stackNameProblem(name) === undefined).sort();
}

export function unknownStackProblem(name: string, known: readonly string[]): Problem | undefined {
  if (known.includes(name)) return undefined;
  const form = stackNameProblem(name);
  // Not as a path and not in another case: such a name is not the one that it resembles.
  const meant = known.find(
    (each) => each === path.basename(name.replace(/\/+$/, "")).toLowerCase() || each === name.toLowerCase(),
  );
  return new Problem(`There is no stack ${JSON.stringify(name)} in this checkout.`, [
    ...(form === undefined ? [] : [`A stack's name ${form}.`]),
    `Its stacks: ${known.join(", ")}.${meant === undefined ? "" : ` Did you mean ${meant}?`}`,
  ]);
}

/**
 * The name, if it is that of a stack of this checkout.
 *
 * @throws {Problem}
 */
export function requireStack(name: string): string {
  const problem = unknownStackProblem(name, knownStacks());
  if (problem !== undefined) throw problem;
  return name;
}

/**
 * The name, if a new stack may have it.
 *
 * @throws {Problem}
 */
export function requireStackName(name: string): string {
  const problem = stackNameProblem(name);
  if (problem !== undefined)
    throw new Problem(`${JSON.stringify(name)} cannot be the name of a stack.`, [`It ${problem}.`]);
  return name;
}
