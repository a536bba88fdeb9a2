import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { totalmem } from "node:os";
import path from "node:path";
import process from "node:process";
import { root } from "../setup/checkout.mjs";
import { isExecutable } from "../setup/command.mjs";
import { buildSeconds, goBuild } from "../setup/go.mjs";
import { linkOf, linkTarget, linkTool } from "../setup/linked-tool.mjs";
import { Problem } from "../setup/problem.mjs";
import { fetchRelease } from "../setup/release.mjs";
import { cachedTool, ensureCachedTool, formatBytes, isWholeTool, requireDiskSpace } from "../setup/tool-cache.mjs";

/**
 * Pulumi's AWS plugin for the tests that run it against a stand-in for AWS. Its release; where that cannot be had, built from
 * Go modules: the same Terraform provider, a little older, behind the same bridge (dev/aws-provider/main.go).
 */

const name = "pulumi-resource-aws";
const sources = ["go.mod", "go.sum", "main.go", "names.go", "resources.json"];

/** Measured: most memory, by the linker; processor time of a build with nothing cached; modules, build cache and the plugin itself. */
const neededMemory = 9.5e9;
const neededProcessorSeconds = 2700;
const neededDisk = 12e9;

/** Folder that goes on PATH: the plugin, and a file `origin` that says where it came from. */
export const awsProviderDirectory = linkOf("aws-provider");

/** Version of the types that programs are written against: the plugin's version is the same. */
function pinned() {
  /** @type {{ dependencies: Record<string, string> }} */
  const manifest = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8"));
  const version = manifest.dependencies["@pulumi/aws"];
  if (version === undefined) throw new Error("package.json does not depend on @pulumi/aws");
  return version;
}

/**
 * What the plugin is cached under: another version or other sources are another plugin.
 *
 * @param {string} version
 * @param {(file: string) => string | Buffer} read gives the text of one of the sources
 */
export function cacheVersion(version, read) {
  const hash = createHash("sha256");
  for (const file of sources) hash.update(`${file}\0`).update(read(file)).update("\0");
  return `${version}-${hash.digest("hex").slice(0, 12)}`;
}

const cached = () => ({
  name,
  version: cacheVersion(pinned(), (file) => readFileSync(path.join(root, "dev", "aws-provider", file))),
});

/**
 * Why the plugin cannot be built here; undefined when it can.
 *
 * @param {number} bytes memory of the machine
 * @returns {Problem | undefined}
 */
export function memoryProblem(bytes) {
  if (bytes >= neededMemory) return undefined;
  return new Problem(
    `This machine has ${formatBytes(bytes)} of memory; building the AWS plugin needs about ${formatBytes(neededMemory)}.`,
    ["Use a machine with more, or one that can reach github.com, where the plugin's releases are."],
  );
}

/**
 * The plugin's release for a machine; undefined where there is none. `pulumi plugin install` would download the same archive,
 * but compares it with nothing.
 *
 * @param {string} version
 * @param {string} platform
 * @param {string} architecture
 * @returns {import("../setup/release.mjs").Release | undefined}
 */
export function awsPluginRelease(version, platform, architecture) {
  const processor = { x64: "amd64", arm64: "arm64" }[architecture];
  if (processor === undefined || (platform !== "linux" && platform !== "darwin")) return undefined;
  const release = `https://github.com/pulumi/pulumi-aws/releases/download/v${version}`;
  return {
    url: `${release}/${name}-v${version}-${platform}-${processor}.tar.gz`,
    // The release's own list, which is of SHA-1 (`shasum` in publish.yml of github.com/pulumi/ci-mgmt, read 2026-11-28);
    // nobody else publishes sums of this version. That finds what was cut off or mixed up on the way; who made the release is
    // vouched for by the connection alone.
    checksum: { algorithm: "sha1", list: `${release}/pulumi-aws_${version}_checksums.txt` },
    folder: "",
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
  const release = awsPluginRelease(version, process.platform, process.arch);
  if (release === undefined) return `there is no release for ${process.platform} ${process.arch}`;
  requireDiskSpace(staging, 2e9, "the AWS plugin");
  return fetchRelease(release, staging, environment);
}

/**
 * Why a plugin that an earlier version of this project left in the cache is not used.
 *
 * @param {string} directory
 * @returns {Promise<string | undefined>}
 */
async function cachedObjection(directory) {
  const isMade = existsSync(path.join(directory, "origin")) && isExecutable(path.join(directory, name));
  return isMade ? undefined : "it is not complete";
}

const isReady = async () => isWholeTool(linkTarget("aws-provider"), cached());

/** @type {import("../setup/progress.mjs").Part} */
export const awsProvider = {
  name: "AWS plugin",
  // Two builds side by side would only slow each other down.
  behind: ["Pulumi engine"],
  isDone: isReady,
  expect: () => ({ what: `version ${pinned()}`, seconds: 60 }),
  async run(context) {
    const { logFile, report, doing } = context;
    const version = pinned();
    const tool = cached();
    const remark = await ensureCachedTool(
      {
        ...tool,
        objectionTo: cachedObjection,
        async make(staging, environment) {
          const origin = path.join(staging, "origin");
          doing("downloading");
          const reason = await downloadRelease(staging, version, environment);
          if (reason === undefined) {
            writeFileSync(origin, "official\n");
            return "downloaded";
          }
          const problem = memoryProblem(totalmem());
          if (problem !== undefined) throw problem;
          const minutes = Math.max(1, Math.round(buildSeconds(neededProcessorSeconds) / 60));
          report(
            `the official plugin is not to be had (${reason}): building one from Go modules, once per user (about ${minutes} min)`,
          );
          doing("building from Go modules");
          await goBuild({
            folder: "dev/aws-provider",
            package: ".",
            output: path.join(staging, name),
            logFile,
            environment,
            neededBytes: neededDisk,
            linkerFlags: `-X main.version=${version}`,
          });
          writeFileSync(origin, "built\n");
          return "built";
        },
      },
      context,
    );
    linkTool("aws-provider", cachedTool(tool));
    return remark;
  },
};
