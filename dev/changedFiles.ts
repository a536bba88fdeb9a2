import { root } from "../machine/checkout.mjs";
import { runCommand } from "../setup/command.mjs";

/** Asks git, and gives the lines of its answer; undefined where there is none. */
type Git = (...parameters: readonly string[]) => Promise<string[] | undefined>;

async function git(...parameters: readonly string[]): Promise<string[] | undefined> {
  const { status, output } = await runCommand("git", parameters, { cwd: root, stdoutOnly: true });
  return status === 0 ? output.split("\n").filter((line) => line !== "") : undefined;
}

/** Branches that changes are made for, as a clone has them. */
const targets = ["origin/main", "origin/master"];

/**
 * Files of the checkout that differ from where the change began: where its branch left the main one, or else at the commit before.
 *
 * @returns undefined where there is no history, as in an archive or a shallow clone.
 */
export async function changedFiles(ask: Git = git): Promise<string[] | undefined> {
  const base = await baseOf(ask);
  if (base === undefined) return undefined;
  const [changed, untracked] = [
    await ask("diff", "--name-only", base),
    await ask("ls-files", "--others", "--exclude-standard"),
  ];
  return changed === undefined ? undefined : [...new Set([...changed, ...(untracked ?? [])])].sort();
}

async function baseOf(ask: Git): Promise<string | undefined> {
  const [head] = (await ask("rev-parse", "HEAD")) ?? [];
  for (const target of targets) {
    const [base] = (await ask("merge-base", "HEAD", target)) ?? [];
    if (base !== undefined && base !== head) return base;
  }
  const [before] = (await ask("rev-parse", "--verify", "--quiet", "HEAD~1")) ?? [];
  return before;
}
