import process from "node:process";
import { parseArgs } from "node:util";
import { Problem } from "./problem.mjs";

/**
 * Reads a command's arguments. What it does not know is refused: a command that ignored it would do something else than asked.
 *
 * @template {NonNullable<import("node:util").ParseArgsConfig["options"]>} const Options
 * @param {string} usage shown with every refusal
 * @param {{ options: Options, words?: number }} known its options, and how many words it takes at most (default 0)
 * @param {readonly string[]} [given] without node and the script
 */
export function readCommandLine(usage, { options, words = 0 }, given = process.argv.slice(2)) {
  if (given.includes("--help") || given.includes("-h")) {
    console.log(`Usage: ${usage}`);
    process.exit(0);
  }
  const refuse = (/** @type {string} */ what) => new Problem(what, [`Usage: ${usage}`]);
  const { values, positionals } = (() => {
    try {
      return parseArgs({ args: [...given], options, allowPositionals: true });
    } catch (error) {
      // Node's message goes on about how a word may begin with a dash.
      const [first = ""] = (error instanceof Error ? error.message : String(error)).split(/\. |\n/);
      throw refuse(`${first.replace(/\.$/, "")}.`);
    }
  })();
  const [extra] = positionals.slice(words);
  if (extra !== undefined) throw refuse(`Unexpected argument '${extra}'.`);
  return { values, positionals };
}
