import { lstatSync, mkdirSync, realpathSync, renameSync, rmSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { layout, root } from "../machine/checkout.mjs";
import { findCommand, isExecutable, lastLines, runCommand } from "./command.mjs";
import { describeWait, withExclusiveLock } from "./exclusive-lock.mjs";
import { describeDamage, filesBelow, inspectFiles, writeList } from "./installed-files.mjs";
import { linkOf, linkTarget, linkTool } from "./linked-tool.mjs";
import { Problem } from "./problem.mjs";
import { fetchRelease } from "./release.mjs";
import { environmentHere } from "./set-up-environment.mjs";
import { requireDiskSpace } from "./tool-cache.mjs";
import { isAtLeast } from "../machine/version.mjs";

/** uv, which makes the Python environments. Taken from PATH when it is new enough; else installed into the checkout. */

/** Version that is installed where PATH has none; setup/uv-requirements.txt has its Python package. */
export const pinnedUv = "0.13.9";
/** `required-version` of flows/pyproject.toml; the lock's format needs it too. */
const oldest = "0.9.0";

const released = path.join(layout.tools, "uv-release");
const packaged = path.join(layout.tools, "uv-package");
/** Where an installation of this project has uv. */
const installations = [
  { folder: released, command: path.join(released, "uv") },
  { folder: packaged, command: path.join(packaged, "bin", "uv") },
];
/** Link to uv, for the PATH of `npm run shell`; earlier versions of this project put uv itself there. */
const link = linkOf("uv");

/** @param {string} folder */
const listIn = (folder) => path.join(folder, ".installed-files");

/** @param {string} command */
async function isUsable(command) {
  if (!isExecutable(command)) return false;
  const { status, output } = await runCommand(command, ["--version"], {
    environment: environmentHere(),
    timeoutSeconds: 30,
  });
  const version = /^uv (\d+\.\d+\.\d+)/m.exec(output)?.[1];
  return status === 0 && version !== undefined && isAtLeast(version, oldest);
}

/** Files of an installation that are missing or have another size; none where there is no list. @param {string} folder */
const damageOf = (folder) => inspectFiles(listIn(folder), folder).damaged;

/** @type {Promise<string | undefined> | undefined} */
let found;

/** Path of a uv that can be used; undefined when there is none yet. */
export function findUv() {
  found ??= (async () => {
    for (const { folder, command } of installations) {
      if (damageOf(folder).size === 0 && (await isUsable(command))) return command;
    }
    if (lstatSync(link, { throwIfNoEntry: false })?.isFile() === true && (await isUsable(link))) return link;
    const command = findCommand("uv", { except: [layout.tools] });
    return command !== undefined && (await isUsable(command)) ? command : undefined;
  })();
  return found;
}

/**
 * The release for a machine; undefined where there is none.
 *
 * @param {string} version
 * @param {string} platform
 * @param {string} architecture
 * @param {boolean} hasGlibc false on Linux with musl
 * @returns {import("./release.mjs").Release | undefined}
 */
export function uvRelease(version, platform, architecture, hasGlibc) {
  const processor = { x64: "x86_64", arm64: "aarch64" }[architecture];
  const system = { linux: `unknown-linux-${hasGlibc ? "gnu" : "musl"}`, darwin: "apple-darwin" }[platform];
  if (processor === undefined || system === undefined) return undefined;
  const folder = `uv-${processor}-${system}`;
  const url = `https://github.com/astral-sh/uv/releases/download/${version}/${folder}.tar.gz`;
  // The release's own sum: as good as the connection that brings it. No public list of this version's archives was to be found
  // on 2026-11-28 (astral-sh/setup-uv, which lists them, ended at 0.12.5); the wheels' sums are known: setup/uv-requirements.txt.
  return { url, checksum: { algorithm: "sha256", list: `${url}.sha256` }, folder, commands: ["uv", "uvx"] };
}

function hasGlibc() {
  const report = /** @type {{ header?: { glibcVersionRuntime?: string } }} */ (process.report?.getReport() ?? {});
  return report.header?.glibcVersionRuntime !== undefined;
}

/**
 * @param {string} staging
 * @param {NodeJS.ProcessEnv} environment
 * @returns {Promise<string | undefined>} why it failed; undefined when it did not
 */
async function downloadRelease(staging, environment) {
  const isLinux = process.platform === "linux";
  const release = uvRelease(pinnedUv, process.platform, process.arch, isLinux && hasGlibc());
  if (release === undefined) return `there is no release for ${process.platform} ${process.arch}`;
  return fetchRelease(release, staging, environment);
}

/**
 * @param {string} staging
 * @param {NodeJS.ProcessEnv} environment
 * @returns {Promise<string | undefined>} why it failed; undefined when it did not
 */
async function installPackage(staging, environment) {
  const python = ["python3", "python3.12", "python3.11"]
    .map((name) => findCommand(name))
    .find((file) => file !== undefined);
  if (python === undefined) return "there is no Python";
  const parameters = [
    ...["-m", "pip", "install", "--quiet", "--no-input", "--no-deps", "--only-binary", ":all:", "--require-hashes"],
    ...["--target", staging, "--requirement", path.join(root, "setup", "uv-requirements.txt")],
  ];
  const { status, output } = await runCommand(python, parameters, {
    environment: { ...environment, PIP_DISABLE_PIP_VERSION_CHECK: "1" },
    timeoutSeconds: 300,
  });
  if (status === 0) return undefined;
  const said = output.split("\n").findLast((line) => line.startsWith("ERROR:")) ?? lastLines(output, 1)[0];
  return said || `pip ended with status ${status}`;
}

/**
 * Fills a folder in one step: it is there, with a list of its files, when all of it is.
 *
 * @param {string} folder
 * @param {(staging: string) => Promise<string | undefined>} fill the result says why it failed
 */
async function installInto(folder, fill) {
  const staging = `${folder}.partial`;
  rmSync(staging, { recursive: true, force: true });
  mkdirSync(staging, { recursive: true });
  try {
    const reason = await fill(staging);
    if (reason !== undefined) return reason;
    const files = filesBelow(staging, (name) => name === "__pycache__");
    writeList(listIn(staging), staging, { version: pinnedUv }, [{ owner: path.basename(folder), files }]);
    rmSync(folder, { recursive: true, force: true });
    renameSync(staging, folder);
    return undefined;
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
}

/**
 * True if a uv of this project is on the PATH that the project's commands have; one of the user's is on theirs.
 *
 * @param {string} uv
 */
function isLinked(uv) {
  return !installations.some(({ command }) => command === uv) || linkTarget("uv") === realpathSync(uv);
}

/** @param {string} uv */
function putOnPath(uv) {
  if (!isLinked(uv)) linkTool("uv", path.relative(layout.tools, uv));
}

/** @type {import("./progress.mjs").Part} */
export const uvTool = {
  name: "uv",
  async isDone() {
    const uv = await findUv();
    return uv !== undefined && isLinked(uv);
  },
  expect: () => ({ what: `uv ${pinnedUv}, into the checkout`, seconds: 10 }),
  run: ({ report, doing }) =>
    withExclusiveLock(
      path.join(layout.locks, "uv"),
      async (variables) => {
        const environment = environmentHere(variables);
        found = undefined;
        const there = await findUv();
        if (there !== undefined) {
          putOnPath(there);
          return "found there";
        }
        for (const { folder } of installations) {
          const damaged = damageOf(folder);
          if (damaged.size > 0) report(`${describeDamage(damaged)}: installing it again`);
        }
        requireDiskSpace(layout.tools, 0.3e9, "uv");
        doing("downloading");
        const official = await installInto(released, (staging) => downloadRelease(staging, environment));
        if (official !== undefined) {
          report(`the release is not to be had (${official}): installing the Python package`);
          doing("installing the Python package");
          const reason = await installInto(packaged, (staging) => installPackage(staging, environment));
          if (reason !== undefined) {
            throw new Problem(`uv cannot be installed. Its release: ${official}. Its Python package: ${reason}`, [
              "Install uv yourself (https://docs.astral.sh/uv/getting-started/installation),",
              process.platform === "darwin"
                ? "or Python: brew install python@3.12"
                : "or pip: apt-get install python3-pip",
            ]);
          }
        }
        found = undefined;
        const uv = await findUv();
        if (uv === undefined) throw new Problem("uv was installed, but does not run on this machine.");
        putOnPath(uv);
        return undefined;
      },
      (holder, seconds) => report(describeWait(holder, seconds, "is installing it")),
    ),
};
