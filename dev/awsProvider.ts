import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { totalmem } from "node:os";
import * as path from "node:path";
import { root } from "../machine/checkout.mjs";
import { isExecutable } from "../setup/command.mjs";
import { buildSeconds, goBuild } from "../setup/go.mjs";
import { linkOf, linkTarget, linkTool } from "../setup/linked-tool.mjs";
import { Problem } from "../setup/problem.mjs";
import type { Part } from "../setup/progress.mjs";
import { fetchRelease, type Release } from "../setup/release.mjs";
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
function pinned(): string {
  const manifest = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8")) as {
    readonly dependencies: Readonly<Record<string, string>>;
  };
  const version = manifest.dependencies["@pulumi/aws"];
  if (version === undefined) throw new Error("package.json does not depend on @pulumi/aws");
  return version;
}

/**
 * What the plugin is cached under: another version or other sources are another plugin.
 *
 * @param read gives the text of one of the sources
 */
export function cacheVersion(version: string, read: (file: string) => string | Buffer): string {
  const hash = createHash("sha256");
  for (const file of sources) hash.update(`${file}\0`).update(read(file)).update("\0");
  return `${version}-${hash.digest("hex").slice(0, 12)}`;
}

const cached = (): { name: string; version: string } => ({
  name,
  version: cacheVersion(pinned(), (file) => readFileSync(path.join(root, "dev", "aws-provider", file))),
});

/**
 * Why the plugin cannot be built here; undefined when it can.
 *
 * @param bytes memory of the machine
 */
export function memoryProblem(bytes: number): Problem | undefined {
  if (bytes >= neededMemory) return undefined;
  return new Problem(
    `This machine has ${formatBytes(bytes)} of memory; building the AWS plugin needs about ${formatBytes(neededMemory)}.`,
    ["Use a machine with more, or one that can reach github.com, where the plugin's releases are."],
  );
}

/**
 * The plugin's release for a machine; undefined where there is none. `pulumi plugin install` would download the same archive,
 * but compares it with nothing.
 */
export function awsPluginRelease(version: string, platform: string, architecture: string): Release | undefined {
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

/** @returns why it is not to be had; undefined when it was */
async function downloadRelease(
  staging: string,
  version: string,
  environment: NodeJS.ProcessEnv,
): Promise<string | undefined> {
  const release = awsPluginRelease(version, process.platform, process.arch);
  if (release === undefined) return `there is no release for ${process.platform} ${process.arch}`;
  requireDiskSpace(staging, 2e9, "the AWS plugin");
  return fetchRelease(release, staging, environment);
}

/** Why a plugin that an earlier version of this project left in the cache is not used. */
function cachedObjection(directory: string): Promise<string | undefined> {
  const isMade = existsSync(path.join(directory, "origin")) && isExecutable(path.join(directory, name));
  return Promise.resolve(isMade ? undefined : "it is not complete");
}

const isReady = (): Promise<boolean> => Promise.resolve(isWholeTool(linkTarget("aws-provider"), cached()));

export const awsProvider: Part = {
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
