import "./node-version.mjs";
import { readCommandLine } from "./command-line.mjs";
import { Problem, runMain } from "./problem.mjs";
import { formatSeconds } from "../machine/duration.mjs";
import { requireBootstrap } from "./set-up.mjs";

/**
 * `npm run bootstrap`: sets up everything that a bare checkout lacks. A second run takes no time.
 *
 * `--only infrastructure`: what deploys to a cloud, without PyTorch and the local servers. `--only packages`: npm's alone.
 */
await runMain(async () => {
  const { values } = readCommandLine("npm run bootstrap [-- --only everything|infrastructure|packages]", {
    options: { only: { type: "string", default: "everything" } },
  });
  const extent = values.only;
  if (extent !== "everything" && extent !== "infrastructure" && extent !== "packages") {
    throw new Problem(`--only ${extent} is unknown.`, ["Choose everything, infrastructure or packages."]);
  }
  const begin = performance.now();
  await requireBootstrap(extent);
  console.log(`Ready (${formatSeconds((performance.now() - begin) / 1000)}).`);
  return 0;
});
