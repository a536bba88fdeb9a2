import { existsSync, readFileSync, realpathSync, renameSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { layout, root } from "./checkout.mjs";
import { findCommand, isExecutable, lastLines, runCommand } from "./command.mjs";
import { download } from "./download.mjs";
import { buildSeconds, goBuild, requiredVersion } from "./go.mjs";
import { linkOf, linkTarget, linkTool } from "./linked-tool.mjs";
import { cachedTool, makeCachedTool } from "./tool-cache.mjs";
import { isAtLeast } from "./version.mjs";

/**
 * The Pulumi command line with its engine and its Node.js language host. Taken from PATH when it is new enough; else
 * installed by Pulumi's own installer; else, where that cannot be reached, built from Go modules.
 */

const link = "pulumi-engine";
const module = "github.com/pulumi/pulumi/pkg/v3";

/** Folder with `pulumi` and its plugins, once the part is done. */
export const engineDirectory = linkOf(link);

/** Version that is installed where PATH has none. */
const pinned = () => requiredVersion(readFileSync(path.join(root, "tools", "engine", "go.mod"), "utf8"), module);

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
    environment: { ...process.env, PULUMI_SKIP_UPDATE_CHECK: "true", PULUMI_HOME: layout.pulumiHome },
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
  const cached = cachedTool({ name: "pulumi", version: pinned() });
  if (existsSync(cached) && target === realpathSync(cached)) return true;
  // The user's own: it may have been replaced since.
  const command = findCommand("pulumi", { except: [layout.commands, engineDirectory] });
  return (
    command !== undefined &&
    path.dirname(realpathSync(command)) === target &&
    (await objectionTo(command)) === undefined
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
  const script = path.join(staging, "install.sh");
  const reason = await download("https://get.pulumi.com", script, environment);
  if (reason !== undefined) return reason;
  const { status, output } = await runCommand(
    "sh",
    [script, "--version", version, "--install-root", staging, "--no-edit-path"],
    { environment, logFile, timeoutSeconds: 600 },
  );
  rmSync(script);
  const bin = path.join(staging, "bin");
  if (status === 0 && isExecutable(path.join(bin, "pulumi"))) {
    // The cache's folder is the one that holds the commands.
    renameSync(bin, `${staging}.bin`);
    rmSync(staging, { recursive: true });
    renameSync(`${staging}.bin`, staging);
    return undefined;
  }
  rmSync(bin, { recursive: true, force: true });
  return lastLines(output, 1)[0] ?? `the installer ended with status ${status}`;
}

/** Runs dynamic providers: a script beside the official engine, which starts the SDK's own plugin with the Node on PATH. */
const dynamicProviderPlugin = `#!/bin/sh
exec node "$(node -p "require.resolve('@pulumi/pulumi/cmd/dynamic-provider')")" "$@"
`;

/**
 * @param {string} staging
 * @param {string} version
 * @param {NodeJS.ProcessEnv} environment
 * @param {string} logFile
 */
async function buildFromModules(staging, version, environment, logFile) {
  await goBuild({
    folder: "language-host",
    package: "github.com/pulumi/pulumi/sdk/v3/nodejs/cmd/pulumi-language-nodejs",
    output: path.join(staging, "pulumi-language-nodejs"),
    logFile,
    environment,
    neededBytes: 5e9,
  });
  await goBuild({
    folder: "engine",
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
  async run({ logFile, report }) {
    const command = findCommand("pulumi", { except: [layout.commands, engineDirectory] });
    if (command !== undefined) {
      const objection = await objectionTo(command);
      if (objection === undefined) {
        linkTool(link, path.dirname(realpathSync(command)));
        return `${command} is used`;
      }
      report(`${command} is not used: ${objection}`);
    }
    const version = pinned();
    const cached = { name: "pulumi", version };
    let remark;
    if (!existsSync(cachedTool(cached))) {
      remark = await makeCachedTool(
        {
          ...cached,
          make: async (staging, environment) => {
            report(`downloading Pulumi ${version} with its official installer (about 30 s)`);
            const reason = await installOfficial(staging, version, environment, logFile);
            if (reason === undefined) return "installed";
            report(
              `not to be had (${reason}): building it from Go modules, once per user (about ${Math.round(buildSeconds(480) / 60)} min)`,
            );
            await buildFromModules(staging, version, environment, logFile);
            return "built";
          },
        },
        (holder) => report(`waiting for process ${holder}, which is making it`),
      );
    }
    linkTool(link, cachedTool(cached));
    return remark ?? "found in the per-user cache";
  },
};
