import "./node-version.mjs";
import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import path from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { root } from "../machine/checkout.mjs";
import { readTypeScript } from "../machine/typescript.mjs";
import { exitStatus } from "./command.mjs";
import { areInstalled, npmPackages } from "./npm-packages.mjs";
import { describeError } from "./problem.mjs";
import { requireBootstrap } from "./set-up.mjs";

/**
 * `node setup/run.mjs <command> …`: runs a command that is written in TypeScript, such as cli/plan.ts, in this process. What reads
 * TypeScript is an npm package, so the packages are installed first: every command works in a bare checkout.
 */

const require = createRequire(import.meta.url);

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
    const { status, signal } = spawnSync(process.execPath, again, { stdio: "inherit" });
    process.exitCode = exitStatus(status, signal);
  }
} catch (error) {
  process.stderr.write(`\n${describeError(error)}\n`);
  process.exitCode = 1;
}
