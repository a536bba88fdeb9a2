import { rmSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { layout } from "./checkout.mjs";
import { findCommand, isExecutable, lastLines, runCommand } from "./command.mjs";
import { download } from "./download.mjs";
import { withExclusiveLock } from "./exclusive-lock.mjs";
import { Problem } from "./problem.mjs";
import { isAtLeast } from "./version.mjs";

/** uv, which makes the Python environments. Taken from PATH when it is new enough; else installed into the checkout. */

/** Version that is installed where PATH has none. */
const pinned = "0.13.9";
/** `required-version` of flows/pyproject.toml; the lock's format needs it too. */
const oldest = "0.9.0";

const own = path.join(layout.tools, "uv");
const packages = path.join(layout.tools, "uv-package");

/** @param {string} command */
async function isUsable(command) {
  const { status, output } = await runCommand(command, ["--version"], { timeoutSeconds: 30 });
  const version = /^uv (\d+\.\d+\.\d+)/m.exec(output)?.[1];
  return status === 0 && version !== undefined && isAtLeast(version, oldest);
}

/** @type {Promise<string | undefined> | undefined} */
let found;

/** Path of a uv that can be used; undefined when there is none yet. */
export function findUv() {
  found ??= (async () => {
    for (const command of [own, path.join(packages, "bin", "uv"), findCommand("uv", { except: [layout.tools] })]) {
      if (command !== undefined && isExecutable(command) && (await isUsable(command))) return command;
    }
    return undefined;
  })();
  return found;
}

/**
 * @param {NodeJS.ProcessEnv} environment
 * @returns {Promise<string | undefined>} why it failed; undefined when it did not
 */
async function installOfficial(environment) {
  const script = path.join(layout.tools, "uv-install.sh");
  try {
    const reason = await download(`https://astral.sh/uv/${pinned}/install.sh`, script, environment);
    if (reason !== undefined) return reason;
    const { status, output } = await runCommand("sh", [script], {
      // Unmanaged: the installer leaves shell profiles alone (https://docs.astral.sh/uv/reference/installer).
      environment: { ...environment, UV_UNMANAGED_INSTALL: layout.tools },
      timeoutSeconds: 300,
    });
    return status === 0 ? undefined : (lastLines(output, 1)[0] ?? `the installer ended with status ${status}`);
  } finally {
    rmSync(script, { force: true });
  }
}

/**
 * @param {NodeJS.ProcessEnv} environment
 * @returns {Promise<string | undefined>} why it failed; undefined when it did not
 */
async function installPackage(environment) {
  const python = ["python3", "python3.12", "python3.11"]
    .map((name) => findCommand(name))
    .find((file) => file !== undefined);
  if (python === undefined) return "there is no Python";
  const parameters = [
    "-m",
    "pip",
    "install",
    "--quiet",
    "--no-input",
    "--upgrade",
    "--target",
    packages,
    `uv==${pinned}`,
  ];
  const { status, output } = await runCommand(python, parameters, {
    environment: { ...environment, PIP_DISABLE_PIP_VERSION_CHECK: "1" },
    timeoutSeconds: 300,
  });
  return status === 0 ? undefined : (lastLines(output, 1)[0] ?? `pip ended with status ${status}`);
}

/** @type {import("./progress.mjs").Part} */
export const uvTool = {
  name: "uv",
  isDone: async () => (await findUv()) !== undefined,
  expect: () => ({ what: `uv ${pinned}, into the checkout`, seconds: 10 }),
  run: ({ report }) =>
    withExclusiveLock(
      path.join(layout.locks, "uv"),
      async (environment) => {
        found = undefined;
        if ((await findUv()) !== undefined) return "done by another process";
        found = undefined;
        const official = await installOfficial(environment);
        if (official !== undefined) {
          report(`the official installer is not to be had (${official}): installing the Python package`);
          const packaged = await installPackage(environment);
          if (packaged !== undefined) {
            throw new Problem(
              `uv cannot be installed: the official installer says "${official}", pip says "${packaged}".`,
              [
                "Install uv yourself (https://docs.astral.sh/uv/getting-started/installation),",
                process.platform === "darwin"
                  ? "or Python: brew install python@3.12"
                  : "or pip: apt-get install python3-pip",
              ],
            );
          }
        }
        found = undefined;
        if ((await findUv()) === undefined) throw new Problem("uv was installed, but does not run on this machine.");
        return undefined;
      },
      (holder) => report(`waiting for process ${holder}, which is doing it`),
    ),
};
