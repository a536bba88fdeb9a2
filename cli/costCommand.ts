import { basename } from "node:path";
import { parseArgs } from "node:util";
import { nearest } from "../validation/explain";
import { parseStackConfiguration } from "../configuration/stackConfiguration";
import { readStackFile, stackNames } from "../configuration/stackFile";
import { costText } from "../pricing/costTable";
import { platformCost } from "../pricing/platformCost";
import { type CommandOutcome, failed } from "./commandOutcome";

const usage = `npm run cost -- <stack> [--json]

  <stack>   a stack of kind platform, by the name of its file in stacks/: ${stackNames().join(", ")}
  --json    print JSON`;

class UsageError extends Error {}

/** A stack goes by its name: not by its file's path, not by its full name in Pulumi, and not in another case. */
function checkName(stack: string): void {
  const names = stackNames();
  if (names.includes(stack)) return;
  const name = basename(stack).replace(/^Pulumi\.|\.ya?ml$/gi, "");
  const near = nearest(name, names);
  throw new UsageError(
    `There is no such stack in stacks/: got ${JSON.stringify(stack)}; allowed: ${names.join(", ")}${near === undefined ? "" : ` (did you mean ${near}?)`}`,
  );
}

function answer(options: readonly string[]): string {
  const { values, positionals } = parseArgs({
    args: [...options],
    allowPositionals: true,
    options: { json: { type: "boolean", default: false }, help: { type: "boolean", short: "h", default: false } },
  });
  if (values.help) return usage;
  const [stack, ...others] = positionals;
  if (stack === undefined) throw new UsageError(usage);
  if (others.length > 0) throw new UsageError(`one stack at a time, not ${positionals.join(", ")}\n${usage}`);
  checkName(stack);
  const configuration = parseStackConfiguration(readStackFile(stack));
  if (configuration.kind === "local")
    throw new UsageError(`Stack ${stack} is of kind local: it runs on this machine and costs nothing on AWS.`);
  const cost = platformCost(configuration);
  return values.json ? JSON.stringify(cost, null, 2) : costText(cost);
}

/**
 * What `npm run cost` prints.
 *
 * @param options as on the command line
 */
export function costCommand(options: readonly string[]): CommandOutcome {
  try {
    return { status: 0, stdout: `${answer(options)}\n`, stderr: "" };
  } catch (error) {
    return failed(error, 1, usage);
  }
}
