import "./node-version.mjs";
import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { layout, root } from "../machine/checkout.mjs";
import { areInstalled, npmPackages } from "./npm-packages.mjs";
import { describeError } from "./problem.mjs";
import { requireBootstrap } from "./set-up.mjs";

/**
 * `node setup/run.mjs <command> …`: runs a command that is written in TypeScript, such as cli/plan.ts, in this process. What reads
 * TypeScript is an npm package, so the packages are installed first: every command works in a bare checkout.
 */

const require = createRequire(import.meta.url);

/**
 * Has Node read TypeScript. What has been read is kept in the checkout. By itself the reader keeps it in the folder for short-lived
 * files, where another user of the machine could put other code in its place.
 */
function readTypeScript() {
  const { TMPDIR, TSX_DISABLE_CACHE } = process.env;
  const readAsItIs = require.extensions[".js"];
  try {
    mkdirSync(layout.compiled, { recursive: true, mode: 0o700 });
    process.env.TMPDIR = layout.compiled;
  } catch {
    // In a checkout that this user cannot write to nothing is kept.
    process.env.TSX_DISABLE_CACHE = "1";
  }
  require("tsx/cjs");
  for (const [name, value] of Object.entries({ TMPDIR, TSX_DISABLE_CACHE })) {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
  // What Node reads by itself stays so: it is quicker, and of each module there is one, the set-up's own and the command's.
  require.extensions[".js"] = readAsItIs;
  // A person's NODE_OPTIONS may keep Node from requiring an ECMAScript module; then the reader makes another kind of it.
  if (process.features.require_module) require.extensions[".mjs"] = readAsItIs;
}

const [command = "", ...parameters] = process.argv.slice(2);
const file = path.join(root, command);
process.argv = [process.execPath, file, ...parameters];

/** Standard output belongs to the command: it may be JSON that another program reads. */
const installPackages = () => requireBootstrap("packages", console.error);

try {
  if (!areInstalled()) await installPackages();
  try {
    readTypeScript();
    require(file);
  } catch (error) {
    // What cannot be loaded may be a package that somebody has changed. Else the fault is the command's own.
    if (await npmPackages.isDone()) throw error;
    await installPackages();
    // Node remembers what it did not find.
    const again = [fileURLToPath(import.meta.url), command, ...parameters];
    process.exitCode = spawnSync(process.execPath, again, { stdio: "inherit" }).status ?? 1;
  }
} catch (error) {
  process.stderr.write(`\n${describeError(error)}\n`);
  process.exitCode = 1;
}
