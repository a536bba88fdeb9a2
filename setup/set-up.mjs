import process from "node:process";
import { npmPackages } from "./npm-packages.mjs";
import { objectStoreServer } from "./object-store-server.mjs";
import { Problem } from "./problem.mjs";
import { runParts } from "./progress.mjs";
import { pulumiEngine } from "./pulumi-engine.mjs";
import { pythonEnvironment } from "./python-environments.mjs";
import { uvTool } from "./uv.mjs";

/** What a bare checkout lacks, and how much of it a command needs. */

/** @typedef {"everything" | "infrastructure" | "packages"} Extent */

/**
 * What belongs to each extent: all of it; what deploys to a cloud (no torch, no local servers); what unit tests need.
 *
 * @param {Extent} extent
 * @returns {import("./progress.mjs").Part[]}
 */
export function partsOf(extent) {
  switch (extent) {
    case "packages":
      return [npmPackages];
    case "infrastructure":
      return [npmPackages, uvTool, pythonEnvironment("train", extent), pulumiEngine];
    case "everything":
      return [
        npmPackages,
        uvTool,
        pythonEnvironment("train", extent),
        pythonEnvironment("serve", extent),
        pulumiEngine,
        objectStoreServer,
      ];
  }
}

/**
 * @param {string} platform
 * @returns {Problem | undefined}
 */
export function systemProblem(platform) {
  if (platform === "linux" || platform === "darwin") return undefined;
  return new Problem(`This runs on Linux and macOS, not on ${platform}.`, [
    "On Windows use WSL 2: https://learn.microsoft.com/windows/wsl/install",
  ]);
}

/**
 * Sees to all parts of an extent.
 *
 * @param {Extent} extent
 * @param {(line: string) => void} [print]
 * @param {readonly import("./progress.mjs").Part[]} [more] parts of no extent
 * @returns {Promise<Map<string, Error>>} what went wrong, by part; already printed
 */
export async function bootstrap(extent, print = console.log, more = []) {
  const problem = systemProblem(process.platform);
  if (problem !== undefined) throw problem;
  return runParts([...partsOf(extent), ...more], print);
}

/**
 * Like `bootstrap`, for commands that cannot go on without.
 *
 * @param {Extent} extent
 * @param {(line: string) => void} [print]
 * @throws {Problem}
 */
export async function requireBootstrap(extent, print = console.log) {
  const failures = await bootstrap(extent, print);
  if (failures.size === 0) return;
  throw new Problem(`Not set up: ${[...failures.keys()].join(", ")} (the reasons are above).`, [
    "What succeeded is kept; run the command again once the cause is mended.",
  ]);
}
