import { createHash } from "node:crypto";
import { existsSync, readFileSync, realpathSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { totalmem } from "node:os";
import path from "node:path";
import { root } from "./checkout.mjs";
import { isExecutable, lastLines, runCommand } from "./command.mjs";
import { buildSeconds, goBuild } from "./go.mjs";
import { linkOf, linkTarget, linkTool } from "./linked-tool.mjs";
import { Problem } from "./problem.mjs";
import { engineDirectory } from "./pulumi-engine.mjs";
import { cachedTool, formatBytes, makeCachedTool } from "./tool-cache.mjs";

/**
 * Pulumi's AWS plugin for the tests that run it against a stand-in for AWS. Downloaded by Pulumi itself; where that cannot
 * be, built from Go modules: the same Terraform provider, a little older, behind the same bridge (tools/aws-provider/main.go).
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
  version: cacheVersion(pinned(), (file) => readFileSync(path.join(root, "tools", "aws-provider", file))),
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
    ["Use a machine with more, or one from which Pulumi can download its plugins."],
  );
}

/**
 * @param {string} staging
 * @param {string} version
 * @param {NodeJS.ProcessEnv} environment
 * @param {string} logFile
 * @returns {Promise<string | undefined>} why it failed; undefined when it did not
 */
async function installOfficial(staging, version, environment, logFile) {
  const home = path.join(staging, "home");
  const { status, output } = await runCommand(
    path.join(engineDirectory, "pulumi"),
    ["plugin", "install", "resource", "aws", version, "--non-interactive"],
    {
      environment: { ...environment, PULUMI_HOME: home, PULUMI_SKIP_UPDATE_CHECK: "true" },
      logFile,
      timeoutSeconds: 900,
    },
  );
  const plugin = path.join(home, "plugins", `resource-aws-v${version}`, name);
  const isThere = status === 0 && isExecutable(plugin);
  if (isThere) renameSync(plugin, path.join(staging, name));
  rmSync(home, { recursive: true, force: true });
  return isThere ? undefined : (lastLines(output, 1)[0] ?? `the command ended with status ${status}`);
}

async function isReady() {
  const directory = cachedTool(cached());
  return existsSync(directory) && linkTarget("aws-provider") === realpathSync(directory);
}

/** @type {import("./progress.mjs").Part} */
export const awsProvider = {
  name: "AWS plugin",
  after: ["Pulumi engine"],
  isDone: isReady,
  expect: () => ({ what: `version ${pinned()}`, seconds: 60 }),
  async run({ logFile, report }) {
    const version = pinned();
    const tool = cached();
    let remark;
    if (!existsSync(cachedTool(tool))) {
      remark = await makeCachedTool(
        {
          ...tool,
          make: async (staging, environment) => {
            const origin = path.join(staging, "origin");
            const reason = await installOfficial(staging, version, environment, logFile);
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
            await goBuild({
              folder: "aws-provider",
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
        (holder) => report(`waiting for process ${holder}, which is making it`),
      );
    }
    linkTool("aws-provider", cachedTool(tool));
    return remark ?? "found in the per-user cache";
  },
};
