import { createHash } from "node:crypto";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { cacheDirectory, layout, pythonDirectory, pythonOf } from "./checkout.mjs";
import { isExecutable, runCommand } from "./command.mjs";
import { withExclusiveLock } from "./exclusive-lock.mjs";
import { PartFailure } from "./progress.mjs";
import { Problem } from "./problem.mjs";
import { requireDiskSpace } from "./tool-cache.mjs";
import { findUv } from "./uv.mjs";

/** @typedef {import("./checkout.mjs").PythonEnvironment} PythonEnvironment */

/** What Python the lock is for: `requires-python` of flows/pyproject.toml. */
const pythonRange = ">=3.11,<3.13";

/**
 * Dependency groups of an environment (docs/contracts.md).
 *
 * @param {PythonEnvironment} environment
 * @param {"everything" | "infrastructure"} extent `infrastructure`: what deploys and reads flows, without torch
 * @param {string} platform
 * @returns {string[]}
 */
export function groupsOf(environment, extent, platform) {
  switch (environment) {
    case "train":
      return extent === "infrastructure" ? ["flows", "lint"] : ["flows", "lint", "train", "evaluate", "notebook"];
    case "serve":
      return [platform === "linux" ? "serve-cpu" : "serve-transformers"];
    case "aws":
      return ["aws"];
  }
}

/**
 * Why the lock has no packages for a machine; undefined when it has.
 *
 * @param {string} platform
 * @param {string} architecture
 * @returns {Problem | undefined}
 */
export function machineProblem(platform, architecture) {
  if (platform === "linux" && (architecture === "x64" || architecture === "arm64")) return undefined;
  if (platform === "darwin" && architecture === "arm64") return undefined;
  return new Problem(
    `PyTorch has no packages for ${platform} on ${architecture}, so nothing can be trained on this machine.`,
    [
      "Use Linux on x86_64 or arm64, or a Mac with Apple silicon.",
      "To deploy to a cloud from here, `npm run bootstrap -- --only infrastructure` is enough.",
    ],
  );
}

/**
 * The remedy for a failed `uv sync`, where its output shows a cause that a person can mend.
 *
 * @param {string} output
 * @param {string} platform
 * @returns {Problem | undefined}
 */
export function syncProblem(output, platform) {
  if (/No interpreter found|No Python interpreter|no download found for request/i.test(output)) {
    return new Problem(`There is no Python ${pythonRange} on this machine, and none could be downloaded.`, [
      platform === "darwin"
        ? "Install one: brew install python@3.12"
        : "Install one: apt-get install python3.11 python3.11-venv (Debian 12), dnf install python3.12 (Fedora, RHEL)",
      "or, with a way to the internet: uv python install 3.12",
    ]);
  }
  if (/No space left on device|os error 28/i.test(output)) {
    return new Problem("The disk is full: the Python environments need about 9 GB.", [
      "Make room, or move the checkout (and UV_CACHE_DIR) to another disk.",
    ]);
  }
  if (/error sending request|dns error|Connection refused|operation timed out|failed to lookup address/i.test(output)) {
    return new Problem("The Python package index cannot be reached.", [
      "Check the network, or name your mirror: UV_INDEX_URL=https://… (behind a proxy: HTTPS_PROXY)",
    ]);
  }
  return undefined;
}

/** @typedef {{ lock: string, groups: string[] }} Stamp */

const lockDigest = () => {
  const hash = createHash("sha256");
  for (const name of ["pyproject.toml", "uv.lock"]) hash.update(readFileSync(path.join(layout.flows, name)));
  return hash.digest("hex");
};

/** @param {PythonEnvironment} environment */
const stampOf = (environment) => path.join(pythonDirectory(environment), "posttraining.json");

/**
 * True if what was installed holds what is wanted now.
 *
 * @param {Stamp} wanted
 * @param {Stamp | undefined} installed
 */
export function isCovered(wanted, installed) {
  return installed?.lock === wanted.lock && wanted.groups.every((group) => installed.groups.includes(group));
}

/**
 * @param {PythonEnvironment} environment
 * @returns {Stamp | undefined}
 */
function readStamp(environment) {
  const file = stampOf(environment);
  return existsSync(file) && isExecutable(pythonOf(environment)) ? JSON.parse(readFileSync(file, "utf8")) : undefined;
}

/**
 * One Python environment as a part of the set-up.
 *
 * @param {PythonEnvironment} environment
 * @param {"everything" | "infrastructure"} extent
 * @returns {import("./progress.mjs").Part}
 */
export function pythonEnvironment(environment, extent) {
  const groups = groupsOf(environment, extent, process.platform);
  const wanted = () => ({ lock: lockDigest(), groups });
  const isDone = () => isCovered(wanted(), readStamp(environment));
  return {
    name: `Python (${environment})`,
    after: ["uv"],
    behind: environment === "serve" ? ["Python (train)"] : [],
    isDone: async () => isDone(),
    expect: () => ({ what: `packages of ${groups.join(", ")}`, seconds: extent === "infrastructure" ? 10 : 90 }),
    run: ({ logFile, report }) =>
      withExclusiveLock(
        path.join(layout.locks, `python-${environment}`),
        async (variables) => {
          if (isDone()) return "done by another process";
          const machine = extent === "everything" ? machineProblem(process.platform, process.arch) : undefined;
          if (machine !== undefined) throw machine;
          const uv = await findUv();
          if (uv === undefined) throw new Error("uv has gone");
          if (extent === "everything")
            requireDiskSpace(
              layout.state,
              environment === "train" ? 6.5e9 : 2.5e9,
              `the Python environment "${environment}"`,
            );
          rmSync(stampOf(environment), { force: true });
          const selection = groups.flatMap((group) => ["--group", group]);
          const { status, output } = await runCommand(
            uv,
            // Byte code now: every step of a flow is a process of its own and would otherwise make it again.
            ["sync", "--frozen", "--project", layout.flows, "--no-default-groups", "--compile-bytecode", ...selection],
            {
              environment: {
                UV_PYTHON_INSTALL_DIR: path.join(cacheDirectory(), "python"),
                ...variables,
                UV_PROJECT_ENVIRONMENT: pythonDirectory(environment),
                UV_NO_PROGRESS: "1",
                VIRTUAL_ENV: undefined,
              },
              logFile,
            },
          );
          if (status !== 0) {
            throw (
              syncProblem(output, process.platform) ??
              new PartFailure(`uv sync failed (exit status ${status}):`, output)
            );
          }
          writeFileSync(stampOf(environment), `${JSON.stringify(wanted())}\n`);
          return undefined;
        },
        (holder) => report(`waiting for process ${holder}, which is doing it`),
      ),
  };
}
