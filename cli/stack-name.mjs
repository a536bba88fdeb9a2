import { existsSync, readdirSync } from "node:fs";
import path from "node:path";
import { stackNameProblem } from "../machine/stack-name.mjs";
import { layout, root } from "../setup/checkout.mjs";
import { Problem } from "../setup/problem.mjs";
import { stateFilesDirectory } from "./stack-state.mjs";

/** Which stacks there are, and whether a name that a command was given is that of one. Every command asks here. */

/** @param {string} folder */
const entriesOf = (folder) => (existsSync(folder) ? readdirSync(folder) : []);

/**
 * Stacks that this checkout knows: those with a committed configuration file, those in Pulumi's state, and those of which there
 * are records.
 *
 * @returns {string[]} sorted
 */
export function knownStacks() {
  const named = (/** @type {string} */ folder, /** @type {RegExp} */ pattern) =>
    entriesOf(folder).flatMap((file) => pattern.exec(file)?.[1] ?? []);
  const all = [
    ...named(path.join(root, "stacks"), /^Pulumi\.(.+)\.yaml$/),
    ...named(stateFilesDirectory(), /^(.+)\.json$/),
    ...entriesOf(path.join(layout.state, "stacks")),
  ];
  return [...new Set(all)].filter((name) => stackNameProblem(name) === undefined).sort();
}

/**
 * @param {string} name
 * @param {readonly string[]} known
 * @returns {Problem | undefined}
 */
export function unknownStackProblem(name, known) {
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
 * @param {string} name
 * @throws {Problem}
 */
export function requireStack(name) {
  const problem = unknownStackProblem(name, knownStacks());
  if (problem !== undefined) throw problem;
  return name;
}

/**
 * The name, if a new stack may have it.
 *
 * @param {string} name
 * @throws {Problem}
 */
export function requireStackName(name) {
  const problem = stackNameProblem(name);
  if (problem !== undefined)
    throw new Problem(`${JSON.stringify(name)} cannot be the name of a stack.`, [`It ${problem}.`]);
  return name;
}
