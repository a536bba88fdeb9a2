import { createHash } from "node:crypto";
import { existsSync, readFileSync, realpathSync, renameSync, rmSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { layout, root } from "./checkout.mjs";
import { findCommand, isExecutable, lastLines, runCommand } from "./command.mjs";
import { download } from "./download.mjs";
import { buildSeconds, goBuild, requiredVersion } from "./go.mjs";
import { linkTarget, linkTool } from "./linked-tool.mjs";
import { cachedTool, makeCachedTool } from "./tool-cache.mjs";
import { isAtLeast } from "./version.mjs";

/**
 * versitygw, the S3-compatible server of the local stack. Taken from PATH; else its release; else built from Go modules.
 */

const name = "versitygw";
const module = "github.com/versity/versitygw";

const pinned = () => requiredVersion(readFileSync(path.join(root, "tools", "object-store", "go.mod"), "utf8"), module);

/**
 * Name of the release's archive for a machine, as the project's .goreleaser.yaml makes it; undefined where there is none.
 *
 * @param {string} version
 * @param {string} platform
 * @param {string} architecture
 */
export function releaseArchive(version, platform, architecture) {
  const system = { linux: "Linux", darwin: "Darwin" }[platform];
  const processor = { x64: "x86_64", arm64: "arm64" }[architecture];
  return system === undefined || processor === undefined ? undefined : `${name}_v${version}_${system}_${processor}`;
}

/**
 * The SHA-256 that a release's checksums.txt gives for a file.
 *
 * @param {string} checksums
 * @param {string} file
 */
export function checksumOf(checksums, file) {
  for (const line of checksums.split("\n")) {
    const [sum, listed] = line.trim().split(/\s+\*?/);
    if (listed === file) return sum;
  }
  return undefined;
}

/**
 * @param {string} staging
 * @param {string} version
 * @param {NodeJS.ProcessEnv} environment
 * @returns {Promise<string | undefined>} why it failed; undefined when it did not
 */
async function downloadRelease(staging, version, environment) {
  const archive = releaseArchive(version, process.platform, process.arch);
  if (archive === undefined) return `there is no release for ${process.platform} ${process.arch}`;
  const release = `https://${module}/releases/download/v${version}`;
  const checksums = path.join(staging, "checksums.txt");
  const packed = path.join(staging, `${archive}.tar.gz`);
  try {
    const reason =
      (await download(`${release}/checksums.txt`, checksums, environment)) ??
      (await download(`${release}/${archive}.tar.gz`, packed, environment));
    if (reason !== undefined) return reason;
    const expected = checksumOf(readFileSync(checksums, "utf8"), path.basename(packed));
    const actual = createHash("sha256").update(readFileSync(packed)).digest("hex");
    if (actual !== expected) return `the archive's SHA-256 is ${actual}, and the release says ${expected ?? "none"}`;
    const { status, output } = await runCommand("tar", ["-xzf", packed, "-C", staging], { environment });
    if (status !== 0) return lastLines(output, 1)[0] ?? "tar failed";
    renameSync(path.join(staging, archive, name), path.join(staging, name));
    return undefined;
  } finally {
    for (const file of [checksums, packed, path.join(staging, archive)]) rmSync(file, { recursive: true, force: true });
  }
}

/** @param {string} command */
async function objectionTo(command) {
  const { output } = await runCommand(command, ["--version"], { timeoutSeconds: 30 });
  return versionObjection(output, pinned());
}

/**
 * Why a server on PATH is not used; undefined when it can be.
 *
 * @param {string} text what `versitygw --version` says
 * @param {string} oldest for example `1.8.0`
 */
export function versionObjection(text, oldest) {
  const version = /Version\s*:\s*v?(\d+\.\d+\.\d+)/.exec(text)?.[1];
  if (version === undefined) return "its version is unknown";
  return isAtLeast(version, oldest) ? undefined : `it is version ${version}, and ${oldest} or newer is needed`;
}

async function isReady() {
  const target = linkTarget(name);
  if (target === undefined || !isExecutable(target)) return false;
  const cached = path.join(cachedTool({ name, version: pinned() }), name);
  if (existsSync(cached) && target === realpathSync(cached)) return true;
  const command = findCommand(name, { except: [layout.tools] });
  return command !== undefined && realpathSync(command) === target && (await objectionTo(command)) === undefined;
}

/** @type {import("./progress.mjs").Part} */
export const objectStoreServer = {
  name: "object store",
  // Two builds side by side would only slow each other down.
  behind: ["Pulumi engine"],
  isDone: isReady,
  expect: () => ({ what: `${name} ${pinned()}`, seconds: 10 }),
  async run({ logFile, report }) {
    const command = findCommand(name, { except: [layout.tools] });
    if (command !== undefined) {
      const objection = await objectionTo(command);
      if (objection === undefined) {
        linkTool(name, realpathSync(command));
        return `${command} is used`;
      }
      report(`${command} is not used: ${objection}`);
    }
    const version = pinned();
    const cached = { name, version };
    let remark;
    if (!existsSync(cachedTool(cached))) {
      remark = await makeCachedTool(
        {
          ...cached,
          make: async (staging, environment) => {
            const reason = await downloadRelease(staging, version, environment);
            if (reason === undefined) return "downloaded";
            const minutes = Math.max(1, Math.round(buildSeconds(200) / 60));
            report(
              `no release to be had (${reason}): building it from Go modules, once per user (about ${minutes} min)`,
            );
            await goBuild({
              folder: "object-store",
              package: `${module}/cmd/${name}`,
              output: path.join(staging, name),
              logFile,
              environment,
              neededBytes: 2e9,
              linkerFlags: `-X main.Version=${version}`,
            });
            return "built";
          },
        },
        (holder) => report(`waiting for process ${holder}, which is making it`),
      );
    }
    linkTool(name, path.join(cachedTool(cached), name));
    return remark ?? "found in the per-user cache";
  },
};
