import "./node-version.mjs";
import { readCommandLine } from "./command-line.mjs";
import { runMain } from "./problem.mjs";
import { formatSeconds } from "./progress.mjs";
import { requireBootstrap } from "./set-up.mjs";
import { ensureStack, pulumiInTerminal, readOutputs, recoverStack } from "./stack.mjs";

const stack = "local";

/** `npm run quickstart`: from a bare checkout to a served model on this machine. Running it again changes nothing. */
await runMain(async () => {
  readCommandLine("npm run quickstart", { options: {} });
  const begin = performance.now();
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
  // It uses an npm package, which was not there when this command started.
  const { formatSummary } = await import("./summary.mjs");
  console.log(`\nStack ${stack} is up (${formatSeconds((performance.now() - begin) / 1000)}).\n`);
  console.log(formatSummary(stack, await readOutputs(stack, false)));
  return 0;
});
