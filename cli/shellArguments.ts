import { Problem } from "../setup/problem.mjs";

/** What `npm run shell` is asked for. */

export const usage = "npm run shell -- <stack> [--print | -- <command>]";

export interface ShellArguments {
  readonly stack: string;
  /** Lines to evaluate are wanted, and no shell. */
  readonly print: boolean;
  /** What to run in place of a person's shell; empty: the shell. */
  readonly command: readonly string[];
}

/**
 * @returns "help" where an explanation is wanted
 * @throws {Problem} where the stack is left out, or something stands behind it that has no meaning
 */
export function readShellArguments([stack, mode, ...others]: readonly string[]): ShellArguments | "help" {
  if (stack === "--help" || stack === "-h") return "help";
  const print = mode === "--print" && others.length === 0;
  const command = mode === "--" ? others : [];
  const [program = ""] = command;
  const isWhole = mode === undefined || print || program !== "";
  if (stack !== undefined && !stack.startsWith("-") && isWhole) return { stack, print, command };
  throw new Problem(`Usage: ${usage}`, [
    'For example: npm run shell -- local, or in the shell that you have: eval "$(npm run -s shell -- local --print)"',
  ]);
}
