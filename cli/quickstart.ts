import { formatSeconds } from "../machine/duration.mjs";
import { directLoopback } from "../machine/environment.mjs";
import { readCommandLine } from "../setup/command-line.mjs";
import { runMain } from "../setup/problem.mjs";
import { requireBootstrap } from "../setup/set-up.mjs";
import { ensureStack, pulumiInTerminal, recoverStack } from "./stack";
import { readLocalOutputs } from "./stackOutputs";
import { endStrayRuns } from "./strayRuns";
import { endpointProblem, formatSummary } from "./summary";

const stack = "local";

/** `npm run quickstart`: from a bare checkout to a served model on this machine. Running it again changes nothing. */
void runMain(async () => {
  readCommandLine("npm run quickstart", { options: {} });
  const begin = performance.now();
  // A Node that takes proxies from its environment (NODE_USE_ENV_PROXY) would ask the endpoint through one.
  Object.assign(process.env, directLoopback(process.env));
  await requireBootstrap("everything");
  await ensureStack(stack);
  await recoverStack(stack, console.log);
  // The preview would only be shown and then confirmed by --yes.
  const status = await pulumiInTerminal(stack, [
    "up",
    "--stack",
    stack,
    "--yes",
    "--skip-preview",
    "--suppress-outputs",
  ]);
  if (status !== 0) {
    console.error(
      `\nStack ${stack} is not complete. The same command goes on where it stopped; npm run teardown -- ${stack} removes it.`,
    );
    return status;
  }
  await endStrayRuns(stack, console.log);
  const outputs = readLocalOutputs(stack);
  const problem = await endpointProblem(outputs);
  if (problem !== undefined) {
    console.error(`\nStack ${stack} is there, but its endpoint does not answer now: ${problem}`);
    console.error("  The same command brings it back.");
    return 1;
  }
  console.log(`\nStack ${stack} is up (${formatSeconds((performance.now() - begin) / 1000)}).\n`);
  console.log(formatSummary(stack, outputs));
  return 0;
});
