import { randomBytes } from "node:crypto";
import { chmodSync, existsSync, linkSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { neutralEnvironment } from "../machine/environment.mjs";
import { layout, pythonDirectory, root } from "../machine/checkout.mjs";
import { linkTarget } from "./linked-tool.mjs";
import { Problem } from "./problem.mjs";

/** The environment for running Pulumi in this checkout: nothing of the user's own login, stacks or `~/.pulumi` is used. */

/**
 * Of Pulumi's own variables only those that say which stack, and what opens its secrets, are a person's to set here. The others
 * lead to another account, keep the state under another name (PULUMI_DIY_BACKEND_GZIP), skip what is saved, or are flags of every
 * command (PULUMI_OPTION_TARGET).
 *
 * @param {string} name
 */
const isForeign = (name) => name.startsWith("PULUMI_") && !/^PULUMI_(?:CONFIG_PASSPHRASE(?:_FILE)?|STACK)$/.test(name);

/**
 * Where the passphrase of the stacks' secrets comes from, for messages.
 *
 * @param {NodeJS.ProcessEnv} environment
 */
export function passphraseSource(environment) {
  if (environment.PULUMI_CONFIG_PASSPHRASE !== undefined) return "the variable PULUMI_CONFIG_PASSPHRASE";
  if (environment.PULUMI_CONFIG_PASSPHRASE_FILE) {
    return `${environment.PULUMI_CONFIG_PASSPHRASE_FILE} (named by PULUMI_CONFIG_PASSPHRASE_FILE)`;
  }
  return layout.passphrase;
}

/**
 * Makes the checkout's passphrase once.
 *
 * @throws {Problem} when it is gone while stacks need it: a new one would not open their secrets
 */
function ensurePassphrase() {
  if (existsSync(layout.passphrase)) return;
  const stacks = path.join(layout.pulumiState, ".pulumi", "stacks");
  const left = existsSync(stacks) ? readdirSync(stacks, { recursive: true, encoding: "utf8" }) : [];
  if (left.some((file) => file.endsWith(".json"))) {
    throw new Problem(
      `${layout.passphrase} is gone, and the stacks in ${layout.pulumiState} cannot be opened without it.`,
      [
        "Put it back, or set PULUMI_CONFIG_PASSPHRASE.",
        "If it is lost, a stack of this machine is ended without it: npm run teardown -- <stack> --without-state",
      ],
    );
  }
  mkdirSync(path.dirname(layout.passphrase), { recursive: true });
  // Written aside and linked: of two commands at once, both use the passphrase of the one that came first.
  const draft = `${layout.passphrase}.${process.pid}`;
  writeFileSync(draft, `${randomBytes(24).toString("base64url")}\n`, { mode: 0o600 });
  try {
    linkSync(draft, layout.passphrase);
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code !== "EEXIST") throw error;
  } finally {
    rmSync(draft, { force: true });
  }
}

/**
 * Folders with this project's commands: `pulumi` (cli/pulumi.ts), then the object store's server and uv, then the engine.
 *
 * @param {string} searchPath the PATH to go before
 */
export function commandPath(searchPath) {
  const engine = linkTarget("pulumi-engine");
  const own = [layout.commands, layout.tools, ...(engine === undefined ? [] : [engine])];
  return [...own, ...searchPath.split(path.delimiter).filter((entry) => !own.includes(entry))].join(path.delimiter);
}

/**
 * @param {NodeJS.ProcessEnv} [base] variables to start from
 * @returns {NodeJS.ProcessEnv} a copy, with everything that Pulumi needs here
 */
export function pulumiEnvironment(base = process.env) {
  const environment = Object.fromEntries(
    Object.entries(neutralEnvironment(base, path.join(layout.state, "home"))).filter(([name]) => !isForeign(name)),
  );
  for (const directory of [layout.pulumiHome, layout.pulumiState]) mkdirSync(directory, { recursive: true });
  chmodSync(path.dirname(layout.pulumiHome), 0o700);
  if (environment.PULUMI_CONFIG_PASSPHRASE === undefined && !environment.PULUMI_CONFIG_PASSPHRASE_FILE) {
    ensurePassphrase();
    environment.PULUMI_CONFIG_PASSPHRASE_FILE = layout.passphrase;
  }
  return {
    ...environment,
    PATH: commandPath(environment.PATH ?? ""),
    PULUMI_HOME: layout.pulumiHome,
    // Percent-encoded: the checkout's path may hold spaces.
    PULUMI_BACKEND_URL: pathToFileURL(layout.pulumiState).href,
    PULUMI_SKIP_UPDATE_CHECK: "true",
    // Types are checked by `npm run typecheck`, not again at every start of the program.
    PULUMI_NODEJS_TRANSPILE_ONLY: "true",
    // `stack rm` and `destroy --remove` would delete stacks/Pulumi.<stack>.yaml, which is committed.
    PULUMI_OPTION_PRESERVE_CONFIG: "true",
    POSTTRAINING_CHECKOUT: root,
  };
}

/**
 * Puts the environment for training and for flows first on PATH.
 *
 * @param {NodeJS.ProcessEnv} environment
 * @returns {NodeJS.ProcessEnv}
 */
export function withPython(environment) {
  const bin = path.join(pythonDirectory("train"), "bin");
  const others = (environment.PATH ?? "").split(path.delimiter).filter((entry) => entry !== bin);
  return { ...environment, PATH: [bin, ...others].join(path.delimiter), VIRTUAL_ENV: pythonDirectory("train") };
}
