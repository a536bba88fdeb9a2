import { existsSync, lstatSync, readdirSync, realpathSync, rmdirSync, rmSync } from "node:fs";
import * as path from "node:path";

/**
 * Removal that stays where it belongs. Whatever path it is given, by a command line, a state file or a configuration: only what
 * lies below the checkout's own state folder is ever removed, and through no link to somewhere else.
 */

/**
 * What keeps a path from being removed; undefined when nothing does.
 *
 * @param root folder below which removal is allowed; absolute
 */
export function removalProblem(root: string, target: string): string | undefined {
  const absolute = path.resolve(target);
  const isBelow = (top: string, file: string) => file.startsWith(`${top}${path.sep}`);
  if (!isBelow(path.resolve(root), absolute)) return `${target} does not lie below ${root}`;
  let parent = path.dirname(absolute);
  while (!existsSync(parent)) parent = path.dirname(parent);
  if (!existsSync(root)) return undefined;
  const [realRoot, realParent] = [realpathSync(root), realpathSync(parent)];
  if (realParent !== realRoot && !isBelow(realRoot, realParent)) {
    return `${target} leads to ${realParent} by a link, which does not lie below ${root}`;
  }
  return undefined;
}

/**
 * Why a folder that a state names is none of this checkout's; undefined when it is its own, or was: of a checkout that was moved, the
 * place in the state is gone. A checkout that was copied has a state that names the folders of the other one.
 *
 * @param root folder in which everything of this checkout lies; absolute
 */
export function foreignFolderProblem(root: string, folder: string): string | undefined {
  return existsSync(folder) ? removalProblem(root, path.join(folder, "entry")) : undefined;
}

/**
 * Removes a file or a folder with all that is in it. A link is removed, not what it leads to.
 *
 * @param root folder below which removal is allowed; absolute
 * @param target need not exist
 * @throws {Error} when it does not lie below
 */
export function removeBelow(root: string, target: string): void {
  const problem = removalProblem(root, target);
  if (problem !== undefined) throw new Error(`not removed: ${problem}`);
  rmSync(target, { recursive: true, force: true });
}

/**
 * Removes entries of a folder, and the folder itself if nothing else is in it.
 *
 * @param root folder below which removal is allowed; absolute
 * @param folder need not exist
 * @param entries what the names match of what belongs there
 * @returns names that stay, since they are none of these
 */
export function removeEntries(root: string, folder: string, entries: RegExp): string[] {
  const problem = removalProblem(root, path.join(folder, "entry"));
  if (problem !== undefined) throw new Error(`not removed: ${problem}`);
  if (!existsSync(folder)) return [];
  for (const name of readdirSync(folder).filter((each) => entries.test(each))) {
    rmSync(path.join(folder, name), { recursive: true, force: true });
  }
  const left = readdirSync(folder);
  if (left.length === 0 && lstatSync(folder).isDirectory()) rmdirSync(folder);
  return left;
}
