import { readFileSync, realpathSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { layout, root } from "../machine/checkout.mjs";
import { findCommand, isExecutable, runCommand } from "./command.mjs";
import { buildSeconds, goBuild, requiredVersion } from "./go.mjs";
import { linkTarget, linkTool } from "./linked-tool.mjs";
import { knownChecksum } from "./release-checksums.mjs";
import { fetchRelease } from "./release.mjs";
import { environmentHere } from "./set-up-environment.mjs";
import { cachedTool, ensureCachedTool, isWholeTool, requireDiskSpace } from "./tool-cache.mjs";
import { isAtLeast } from "../machine/version.mjs";

/**
 * versitygw, the S3-compatible server of the local stack. Taken from PATH; else its release; else built from Go modules.
 */

const name = "versitygw";
const module = "github.com/versity/versitygw";

const pinned = () => requiredVersion(readFileSync(path.join(root, "setup", "object-store", "go.mod"), "utf8"), module);

/**
 * The release for a machine, as the project's .goreleaser.yaml makes it; undefined where there is none, or none whose
 * checksum is known.
 *
 * @param {string} version
 * @param {string} platform
 * @param {string} architecture
 * @returns {import("./release.mjs").Release | undefined}
 */
export function versitygwRelease(version, platform, architecture) {
  const sha256 = knownChecksum("versitygw", version, platform, architecture);
  if (sha256 === undefined) return undefined;
  const system = platform === "darwin" ? "Darwin" : "Linux";
  const folder = `${name}_v${version}_${system}_${architecture === "x64" ? "x86_64" : architecture}`;
  return {
    url: `https://${module}/releases/download/v${version}/${folder}.tar.gz`,
    checksum: { sha256 },
    folder,
    commands: [name],
  };
}

/**
 * @param {string} staging
 * @param {string} version
 * @param {NodeJS.ProcessEnv} environment
 * @returns {Promise<string | undefined>} why it is not to be had; undefined when it was
 */
async function downloadRelease(staging, version, environment) {
  const release = versitygwRelease(version, process.platform, process.arch);
  if (release === undefined) return `there is no release for ${process.platform} ${process.arch}`;
  requireDiskSpace(staging, 0.2e9, name);
  return fetchRelease(release, staging, environment);
}

/** @param {string} command */
async function objectionTo(command) {
  const { output } = await runCommand(command, ["--version"], { environment: environmentHere(), timeoutSeconds: 30 });
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
  if (isWholeTool(path.dirname(target), { name, version: pinned() })) return true;
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
  async run(context) {
    const { logFile, report, doing } = context;
    const command = findCommand(name, { except: [layout.tools] });
    if (command !== undefined) {
      const objection = await objectionTo(command);
      if (objection === undefined) {
        linkTool(name, realpathSync(command));
        return `${command} is used`;
      }
      report(`${command} is not used: ${objection}`);
    }
    const tool = { name, version: pinned() };
    const remark = await ensureCachedTool(
      {
        ...tool,
        objectionTo: (directory) => objectionTo(path.join(directory, name)),
        async make(staging, environment) {
          doing("downloading");
          const reason = await downloadRelease(staging, tool.version, environment);
          if (reason === undefined) return "downloaded";
          const minutes = Math.max(1, Math.round(buildSeconds(200) / 60));
          report(`no release to be had (${reason}): building it from Go modules, once per user (about ${minutes} min)`);
          doing("building from Go modules");
          await goBuild({
            folder: "setup/object-store",
            package: `${module}/cmd/${name}`,
            output: path.join(staging, name),
            logFile,
            environment,
            neededBytes: 2e9,
            linkerFlags: `-X main.Version=${tool.version}`,
          });
          return "built";
        },
      },
      context,
    );
    linkTool(name, path.join(cachedTool(tool), name));
    return remark;
  },
};
