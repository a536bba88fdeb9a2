import { parseArgs } from "node:util";
import { parseStackConfiguration } from "../configuration/stackConfiguration";
import { readStackFile, stackNames } from "../configuration/stackFile";
import { costText } from "../pricing/costTable";
import { platformCost } from "../pricing/platformCost";
import { type CommandOutcome, failed } from "./command-outcome";

const usage = `npm run cost -- <stack> [--json]

  <stack>   a stack of kind platform, by the name of its file in stacks/: ${stackNames().join(", ")}
  --json    print JSON`;

class UsageError extends Error {}

function answer(options: readonly string[]): string {
  const { values, positionals } = parseArgs({
    args: [...options],
    allowPositionals: true,
    options: { json: { type: "boolean", default: false } },
  });
  const [stack] = positionals;
  if (stack === undefined || positionals.length > 1) throw new UsageError(usage);
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
