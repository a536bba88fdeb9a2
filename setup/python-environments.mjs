import { createHash } from "node:crypto";
import { existsSync, lstatSync, readFileSync, realpathSync, rmSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { cacheDirectory, layout, pythonDirectory, pythonOf } from "../machine/checkout.mjs";
import { runCommand } from "./command.mjs";
import { describeWait, withExclusiveLock } from "./exclusive-lock.mjs";
import { bytesByOwner, describeDamage, readList, readWhat, writeList } from "./installed-files.mjs";
import { PartFailure } from "./progress.mjs";
import { Problem } from "./problem.mjs";
import { interpreterObjection, lookFrom } from "./python-interpreter.mjs";
import {
  distributionFolders,
  environmentItself,
  ownedFiles,
  readDistributions,
  recordedDamage,
  sizesIn,
} from "./python-records.mjs";
import { environmentHere } from "./set-up-environment.mjs";
import { requireDiskSpace } from "./tool-cache.mjs";
import { findUv } from "./uv.mjs";

/** @typedef {import("../machine/checkout.mjs").PythonEnvironment} PythonEnvironment */

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
 * Top-level modules that must be found once a dependency group is installed: those of the packages that flows/pyproject.toml
 * names for it.
 *
 * @type {Readonly<Record<string, readonly string[]>>}
 */
export const modulesOf = {
  flows: ["metaflow", "boto3", "kubernetes", "jsonschema", "yaml"],
  lint: ["ruff", "pytest", "moto"],
  train: ["torch", "transformers", "trl", "peft", "accelerate", "datasets", "tokenizers", "safetensors", "numpy"],
  evaluate: ["lm_eval"],
  notebook: ["nbclient", "nbformat", "ipykernel", "matplotlib"],
  "serve-cpu": ["vllm", "torch", "torchvision", "torchaudio"],
  "serve-transformers": ["transformers", "torch", "requests"],
  aws: ["moto"],
};

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

/** @typedef {{ lock: string, groups: string[], isUnfinished?: true }} Installation */

const lockDigest = () => {
  const hash = createHash("sha256");
  for (const name of ["pyproject.toml", "uv.lock"]) hash.update(readFileSync(path.join(layout.flows, name)));
  return hash.digest("hex");
};

/** @param {PythonEnvironment} environment */
const listOf = (environment) => path.join(pythonDirectory(environment), ".installed-files");

/** What earlier versions of this project wrote instead of the list. @param {PythonEnvironment} environment */
const stampOf = (environment) => path.join(pythonDirectory(environment), "posttraining.json");

/**
 * True if what was installed holds what is wanted now.
 *
 * @param {Installation} wanted
 * @param {Installation | undefined} installed
 */
export function isCovered(wanted, installed) {
  return installed?.lock === wanted.lock && wanted.groups.every((group) => installed.groups.includes(group));
}

/**
 * The groups to install: those that are there stay, for the commands that need them.
 *
 * @param {Installation} wanted
 * @param {Installation | undefined} installed
 * @returns {Installation}
 */
export function together(wanted, installed) {
  const kept = installed?.lock === wanted.lock ? installed.groups : [];
  return { lock: wanted.lock, groups: [...new Set([...wanted.groups, ...kept])] };
}

/**
 * @typedef {object} State
 * @property {boolean} isThere its folder has an interpreter, or at least a list of what there was
 * @property {boolean} isListed there is a list of what was installed, and it can be used
 * @property {Installation} [installed] what was installed, or begun to be
 * @property {boolean} isCovered
 * @property {ReadonlyMap<string, number>} damaged owners of files that are missing or have another size
 * @property {import("./python-interpreter.mjs").Objection} [objection] what is wrong with the interpreter
 */

/**
 * @param {PythonEnvironment} environment
 * @param {Installation} wanted
 * @returns {Promise<State>}
 */
async function look(environment, wanted) {
  const directory = pythonDirectory(environment);
  const isThere = [listOf(environment), pythonOf(environment)].some(
    (file) => lstatSync(file, { throwIfNoEntry: false }) !== undefined,
  );
  if (!isThere) return { isThere, isListed: false, isCovered: false, damaged: new Map() };
  const list = listOf(environment);
  const modules = new Set(wanted.groups.flatMap((group) => modulesOf[group] ?? []));
  const seen = await lookFrom(pythonOf(environment), [...modules], { list, folder: directory });
  const installed = /** @type {Installation | undefined} */ (readWhat(list)) ?? readStamp(environment);
  return {
    isThere,
    isListed: seen.isListed && installed !== undefined && installed.isUnfinished !== true,
    installed,
    isCovered: isCovered(wanted, installed),
    damaged: seen.damaged,
    objection: seen.objection,
  };
}

/**
 * @param {PythonEnvironment} environment
 * @returns {Installation | undefined}
 */
function readStamp(environment) {
  try {
    return { ...JSON.parse(readFileSync(stampOf(environment), "utf8")), isUnfinished: true };
  } catch {
    return undefined;
  }
}

/**
 * @typedef {object} Remedy
 * @property {boolean} isAnew the environment is removed and made again
 * @property {string[]} packages installed again
 * @property {string} [reason] for people
 */

/**
 * What is to be done about an environment; undefined when nothing is.
 *
 * @param {State} state
 * @returns {Remedy | undefined}
 */
export function remedyFor({ isThere, isListed, isCovered, damaged, objection }) {
  // uv makes no environment in a folder that holds half of one.
  if (!isThere) return { isAnew: true, packages: [] };
  if (damaged.has(environmentItself)) {
    return { isAnew: true, packages: [], reason: `${describeDamage(damaged)}: making the environment anew` };
  }
  if (damaged.size > 0) {
    const them = damaged.size === 1 ? "it" : "them";
    return {
      isAnew: false,
      packages: [...damaged.keys()],
      reason: `${describeDamage(damaged)}: installing ${them} again`,
    };
  }
  // Without a list, or with another one, modules may only not be installed yet.
  if (objection !== undefined && (!objection.starts || (isListed && isCovered))) {
    return { isAnew: true, packages: [], reason: `${objection.what}: making the environment anew` };
  }
  if (!isListed) {
    return { isAnew: false, packages: [], reason: "there is no list of what was installed: checking every package" };
  }
  return isCovered ? undefined : { isAnew: false, packages: [] };
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
  /** @type {State | undefined} */
  let seen;
  return {
    name: `Python (${environment})`,
    after: ["uv"],
    behind: environment === "serve" ? ["Python (train)"] : [],
    async isDone() {
      seen = await look(environment, wanted());
      return remedyFor(seen) === undefined;
    },
    expect() {
      const remedy = seen === undefined ? undefined : remedyFor(seen);
      if (remedy?.reason !== undefined && !remedy.isAnew) {
        return { what: remedy.packages.length > 0 ? "repair" : "check of what is installed", seconds: 20 };
      }
      const all = together(wanted(), seen?.installed).groups;
      return { what: `packages of ${all.join(", ")}`, seconds: neededBytes(all) > 1e9 ? 90 : 10 };
    },
    run: ({ logFile, report, doing }) =>
      withExclusiveLock(
        path.join(layout.locks, `python-${environment}`),
        async (variables) => {
          doing("looking at what is there");
          const state = await look(environment, wanted());
          const remedy = remedyFor(state);
          if (remedy === undefined) return "done by another process";
          const installation = together(wanted(), state.installed);
          const machine = extent === "everything" ? machineProblem(process.platform, process.arch) : undefined;
          if (machine !== undefined) throw machine;
          const uv = await findUv();
          if (uv === undefined) throw new Error("uv has gone");
          if (remedy.reason !== undefined) report(remedy.reason);
          await install({ uv, environment, installation, remedy, variables, logFile, report, doing });
          return undefined;
        },
        (holder, seconds) => report(describeWait(holder, seconds, "is installing them")),
      ),
  };
}

/**
 * Disk space of a new environment, without packages that other environments have too.
 *
 * @param {readonly string[]} groups
 */
function neededBytes(groups) {
  if (groups.includes("train")) return 6.5e9;
  return groups.some((group) => group.startsWith("serve-")) ? 2.5e9 : 0.5e9;
}

/**
 * @typedef {object} Work
 * @property {string} uv
 * @property {PythonEnvironment} environment
 * @property {Installation} installation
 * @property {Remedy} remedy
 * @property {NodeJS.ProcessEnv} variables
 * @property {string} logFile
 * @property {(line: string) => void} report
 * @property {(activity: string) => void} doing
 */

/** @param {Work} work */
async function install({ uv, environment, installation, remedy, variables, logFile, report, doing }) {
  const directory = pythonDirectory(environment);
  const commandEnvironment = {
    UV_PYTHON_INSTALL_DIR: managedInterpreters(),
    ...environmentHere(variables),
    UV_PROJECT_ENVIRONMENT: directory,
    UV_NO_PROGRESS: "1",
  };
  const missingBytes =
    remedy.packages.length > 0
      ? bytesOf(environment, remedy.packages)
      : neededBytes(installation.groups) - bytesIn(directory);
  requireDiskSpace(layout.state, Math.max(50e6, missingBytes), `the Python environment "${environment}"`);

  /**
   * @param {readonly string[]} packages to install again
   * @param {readonly string[]} [options]
   */
  const sync = async (packages, options = []) => {
    // uv can neither remove nor replace a package whose own list is damaged; one without is new to it.
    for (const { name, folder } of distributionFolders(directory)) {
      if (packages.includes(name)) rmSync(path.join(directory, folder), { recursive: true, force: true });
    }
    doing(packages.length === 0 ? "uv sync" : `installing ${packages.slice(0, 5).join(", ")} again`);
    const selection = installation.groups.flatMap((group) => ["--group", group]);
    const again = packages.flatMap((name) => ["--reinstall-package", name]);
    const { status, output } = await runCommand(
      uv,
      // Byte code now: every step of a flow is a process of its own and would otherwise make it again.
      [
        ...["sync", "--frozen", "--project", layout.flows, "--no-default-groups", "--compile-bytecode"],
        // Commands put the checkout's own library on the path: an environment then outlives a checkout that is moved, or another's.
        ...["--no-install-project", ...selection, ...again, ...options],
      ],
      { environment: commandEnvironment, logFile },
    );
    if (status !== 0) {
      throw syncProblem(output, process.platform) ?? new PartFailure(`uv sync failed (exit status ${status}):`, output);
    }
  };

  const damage = () => {
    doing("checking what was installed");
    const distributions = readDistributions(directory);
    return { distributions, damaged: recordedDamage(distributions, sizesIn(directory)) };
  };

  const begin = async () => {
    await requireInterpreter(environment, report);
    rmSync(directory, { recursive: true, force: true });
    await sync([]);
  };

  // From here on an interruption leaves an environment that is looked at package by package.
  const list = listOf(environment);
  if (existsSync(directory)) writeList(list, directory, { ...installation, isUnfinished: true }, []);
  rmSync(stampOf(environment), { force: true });
  if (remedy.isAnew) await begin();
  else await sync(remedy.packages);

  let { distributions, damaged } = damage();
  if (damaged.size > 0 && remedy.packages.length === 0 && !remedy.isAnew) {
    report(`${describeDamage(damaged)}: installing ${damaged.size === 1 ? "it" : "them"} again`);
    await sync([...damaged.keys()]);
    ({ distributions, damaged } = damage());
  }
  if (damaged.size > 0) {
    // uv links files from its cache into environments: what is cut off in one is cut off in the cache, and uv does not look.
    const packages = [...damaged.keys()];
    report(`uv's cache has the same: fetching ${packages.slice(0, 5).join(", ")} anew`);
    const cleaned = await runCommand(uv, ["cache", "clean", ...packages], {
      // It waits for every other uv of this user, servers that were started by `uv run` among them.
      environment: { ...commandEnvironment, UV_LOCK_TIMEOUT: "20" },
    });
    await sync(packages, cleaned.status === 0 ? [] : ["--no-cache"]);
    ({ distributions, damaged } = damage());
  }
  if (damaged.size > 0) {
    throw new PartFailure(
      "What was installed is not what the packages say of themselves:",
      [...damaged].map(([name, files]) => `${name}: ${files} files`).join("\n"),
    );
  }

  const modules = installation.groups.flatMap((group) => modulesOf[group] ?? []);
  let objection = await interpreterObjection(pythonOf(environment), modules);
  if (objection !== undefined && !remedy.isAnew) {
    report(`${objection.what}: making the environment anew`);
    await begin();
    ({ distributions, damaged } = damage());
    objection = await interpreterObjection(pythonOf(environment), modules);
  }
  if (objection !== undefined) throw interpreterProblem(objection.what);
  writeList(list, directory, installation, ownedFiles(directory, distributions));
}

/** Folder of the interpreters that uv downloads for this project. */
const managedInterpreters = () => path.join(cacheDirectory(), "python");

/** @param {string} what */
function interpreterProblem(what) {
  return new Problem(`${what}.`, [
    "Reinstall that Python with its whole standard library (on Debian: apt-get install --reinstall python3.11 libpython3.11-stdlib),",
    "or name another one: UV_PYTHON=/path/to/python3.12 npm run bootstrap",
  ]);
}

/**
 * Makes sure that the interpreter that an environment was made with can be used again; one that had been downloaded and is
 * broken is removed, so that uv downloads it again.
 *
 * @param {PythonEnvironment} environment
 * @param {(line: string) => void} report
 * @throws {Problem} when it is broken and not this project's
 */
async function requireInterpreter(environment, report) {
  const link = pythonOf(environment);
  if (!existsSync(link)) return;
  const base = realpathSync(link);
  const managed = managedInterpreters();
  // Not a link: nothing to learn from it.
  if (base === link) return;
  const objection = await interpreterObjection(base, []);
  if (objection === undefined) return;
  const own = existsSync(managed) ? path.relative(realpathSync(managed), base) : "..";
  if (!own.startsWith("..")) {
    report(`${objection.what}: downloading that Python again`);
    rmSync(path.join(managed, own.split(path.sep)[0] ?? own), { recursive: true, force: true });
  } else if (!process.env.UV_PYTHON) throw interpreterProblem(objection.what);
}

/** Bytes that an environment has already. @param {string} directory */
function bytesIn(directory) {
  const sizeOf = sizesIn(directory);
  const files = readDistributions(directory).flatMap((distribution) => distribution.files ?? []);
  return files.reduce((sum, { file }) => sum + (sizeOf(file) ?? 0), 0);
}

/**
 * Disk space for packages that are installed again: fetched and unpacked.
 *
 * @param {PythonEnvironment} environment
 * @param {readonly string[]} packages
 */
function bytesOf(environment, packages) {
  const bytes = bytesByOwner(readList(listOf(environment)) ?? "");
  return packages.reduce((sum, name) => sum + 2 * (bytes.get(name) ?? 0), 50e6);
}
