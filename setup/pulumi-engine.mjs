import { readFileSync, realpathSync, writeFileSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { layout, root } from "../machine/checkout.mjs";
import { findCommand, isExecutable, runCommand } from "./command.mjs";
import { buildSeconds, goBuild, requiredVersion } from "./go.mjs";
import { linkOf, linkTarget, linkTool } from "./linked-tool.mjs";
import { knownChecksum } from "./release-checksums.mjs";
import { fetchRelease } from "./release.mjs";
import { environmentHere } from "./set-up-environment.mjs";
import { cachedTool, ensureCachedTool, isWholeTool, requireDiskSpace } from "./tool-cache.mjs";
import { isAtLeast } from "../machine/version.mjs";

/**
 * The Pulumi command line with its engine and its Node.js language host. Taken from PATH when it is new enough; else Pulumi's
 * release; else, where that cannot be had, built from Go modules.
 */

const link = "pulumi-engine";
const module = "github.com/pulumi/pulumi/pkg/v3";

/** Disk space for the archive and what it unpacks to, on the safe side. */
const releaseBytes = 1e9;

/** Folder with `pulumi` and its plugins, once the part is done. */
export const engineDirectory = linkOf(link);

/** Version that is installed where PATH has none. */
const pinned = () => requiredVersion(readFileSync(path.join(root, "setup", "engine", "go.mod"), "utf8"), module);

/** The first version that takes a program as a policy pack, which policy/ is (pulumi/pulumi#24052). */
const programsAsPolicyPacks = "3.255.0";

/** An engine as old as the SDK is the oldest that Pulumi tests the SDK with. */
function oldestUsable() {
  /** @type {{ dependencies: Record<string, string> }} */
  const manifest = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8"));
  const sdk = manifest.dependencies["@pulumi/pulumi"] ?? "3.0.0";
  return isAtLeast(sdk, programsAsPolicyPacks) ? sdk : programsAsPolicyPacks;
}

/**
 * Why an engine on PATH is not used; undefined when it can be.
 *
 * @param {string} version what `pulumi version` says, for example `v3.258.0`
 * @param {string} oldest for example `3.248.0`
 * @param {boolean} hasLanguageHost `pulumi-language-nodejs` lies beside it or on PATH
 */
export function engineObjection(version, oldest, hasLanguageHost) {
  const found = /\d+\.\d+\.\d+/.exec(version)?.[0];
  if (found === undefined) return "its version is unknown";
  const major = oldest.split(".")[0];
  if (!found.startsWith(`${major}.`)) return `it is version ${found}, and ${major}.x is needed`;
  if (!isAtLeast(found, oldest)) return `it is version ${found}, and ${oldest} or newer is needed`;
  if (!hasLanguageHost) return "pulumi-language-nodejs is missing beside it";
  return undefined;
}

/**
 * @param {string} command path of a `pulumi`
 */
async function objectionTo(command) {
  const { status, output } = await runCommand(command, ["version"], {
    environment: { ...environmentHere(), PULUMI_SKIP_UPDATE_CHECK: "true", PULUMI_HOME: layout.pulumiHome },
    stdoutOnly: true,
    timeoutSeconds: 30,
  });
  if (status !== 0) return "`pulumi version` fails";
  const host = "pulumi-language-nodejs";
  const hasHost = isExecutable(path.join(path.dirname(realpathSync(command)), host)) || findCommand(host) !== undefined;
  return engineObjection(output.trim(), oldestUsable(), hasHost);
}

async function isReady() {
  const target = linkTarget(link);
  if (target === undefined || !isExecutable(path.join(target, "pulumi"))) return false;
  if (isWholeTool(target, { name: "pulumi", version: pinned() })) return true;
  // The user's own: it may have been replaced since.
  const command = findCommand("pulumi", { except: [layout.commands, engineDirectory] });
  return (
    command !== undefined &&
    path.dirname(realpathSync(command)) === target &&
    (await objectionTo(command)) === undefined
  );
}

/**
 * The release for a machine, as goreleaser makes it (.goreleaser.yml of github.com/pulumi/pulumi); undefined where there is
 * none, or none whose checksum is known.
 *
 * @param {string} version
 * @param {string} platform
 * @param {string} architecture
 * @returns {import("./release.mjs").Release | undefined}
 */
export function pulumiRelease(version, platform, architecture) {
  const sha256 = knownChecksum("pulumi", version, platform, architecture);
  if (sha256 === undefined) return undefined;
  const archive = `pulumi-v${version}-${platform}-${architecture}.tar.gz`;
  return {
    url: `https://github.com/pulumi/pulumi/releases/download/v${version}/${archive}`,
    checksum: { sha256 },
    folder: "pulumi",
    commands: ["pulumi", "pulumi-language-nodejs"],
    whole: true,
  };
}

/**
 * @param {string} staging
 * @param {string} version
 * @param {NodeJS.ProcessEnv} environment
 * @returns {Promise<string | undefined>} why it is not to be had; undefined when it was
 */
async function downloadRelease(staging, version, environment) {
  const release = pulumiRelease(version, process.platform, process.arch);
  if (release === undefined) return `there is no release for ${process.platform} ${process.arch}`;
  requireDiskSpace(staging, releaseBytes, `Pulumi ${version}`);
  return fetchRelease(release, staging, environment);
}

/** Why an engine that an earlier version of this project left in the cache is not used. @param {string} directory */
async function cachedObjection(directory) {
  return isExecutable(path.join(directory, "pulumi"))
    ? objectionTo(path.join(directory, "pulumi"))
    : "it has no pulumi";
}

/** Runs dynamic providers: a script beside the official engine, which starts the SDK's own plugin with the Node on PATH. */
const dynamicProviderPlugin = `#!/bin/sh
exec node "$(node -p "require.resolve('@pulumi/pulumi/cmd/dynamic-provider')")" "$@"
`;

/**
 * @param {string} staging
 * @param {string} version
 * @param {NodeJS.ProcessEnv} environment
 * @param {import("./progress.mjs").PartContext} context
 */
async function buildFromModules(staging, version, environment, { logFile, doing }) {
  doing("building its language host from Go modules");
  await goBuild({
    folder: "setup/language-host",
    package: "github.com/pulumi/pulumi/sdk/v3/nodejs/cmd/pulumi-language-nodejs",
    output: path.join(staging, "pulumi-language-nodejs"),
    logFile,
    environment,
    neededBytes: 5e9,
  });
  doing("building from Go modules");
  await goBuild({
    folder: "setup/engine",
    package: `${module}/cmd/pulumi`,
    output: path.join(staging, "pulumi"),
    logFile,
    environment,
    neededBytes: 4e9,
    linkerFlags: `-X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=v${version}`,
  });
  writeFileSync(path.join(staging, "pulumi-resource-pulumi-nodejs"), dynamicProviderPlugin);
}

/** @type {import("./progress.mjs").Part} */
export const pulumiEngine = {
  name: "Pulumi engine",
  isDone: isReady,
  expect: () => ({ what: `version ${oldestUsable()} or newer`, seconds: 30 }),
  async run(context) {
    const { report, doing } = context;
    const command = findCommand("pulumi", { except: [layout.commands, engineDirectory] });
    if (command !== undefined) {
      const objection = await objectionTo(command);
      if (objection === undefined) {
        linkTool(link, path.dirname(realpathSync(command)));
        return `${command} is used`;
      }
      report(`${command} is not used: ${objection}`);
    }
    const tool = { name: "pulumi", version: pinned() };
    const remark = await ensureCachedTool(
      {
        ...tool,
        objectionTo: cachedObjection,
        async make(staging, environment) {
          report(`downloading the release of Pulumi ${tool.version} (about 30 s)`);
          doing("downloading");
          const reason = await downloadRelease(staging, tool.version, environment);
          if (reason === undefined) return "downloaded";
          report(
            `not to be had (${reason}): building it from Go modules, once per user (about ${Math.round(buildSeconds(480) / 60)} min)`,
          );
          await buildFromModules(staging, tool.version, environment, context);
          return "built";
        },
      },
      context,
    );
    linkTool(link, cachedTool(tool));
    return remark;
  },
};
