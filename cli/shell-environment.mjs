import path from "node:path";
import { stackLayout } from "../setup/checkout.mjs";

/**
 * Where Metaflow's client keeps what it has fetched: in the stack's own folder, and not below /tmp for everybody.
 *
 * @param {string} stack of this machine
 */
export const clientCache = (stack) => ({
  METAFLOW_CLIENT_CACHE_PATH: path.join(stackLayout(stack).metaflow, "client-cache"),
});

/**
 * The variables of a stack's Metaflow client and of the clients of its endpoint, from the stack's outputs with secrets:
 * `metaflowEnvironment` and `endpointEnvironment` of a local stack (stacks/local.ts), else `metaflowConfig`.
 *
 * @param {Record<string, unknown>} outputs
 * @returns {Record<string, string>}
 */
export function stackVariables(outputs) {
  const found = {
    .../** @type {Record<string, unknown>} */ (outputs.metaflowEnvironment ?? outputs.metaflowConfig ?? {}),
    .../** @type {Record<string, unknown>} */ (outputs.endpointEnvironment ?? {}),
    ...(typeof outputs.modelsRoot === "string" ? { MODELS_ROOT: outputs.modelsRoot } : {}),
  };
  return Object.fromEntries(
    Object.entries(found).flatMap(([name, value]) =>
      /^[A-Z][A-Z0-9_]*$/.test(name) && typeof value === "string" ? [[name, value]] : [],
    ),
  );
}

/**
 * Lines for a POSIX shell that set the variables in which `next` differs from `now`, and take back those of `now` that would be
 * mixed with the stack's own.
 *
 * @param {NodeJS.ProcessEnv} now
 * @param {NodeJS.ProcessEnv} next
 */
export function exportLines(now, next) {
  const mixed = Object.keys(now).filter((name) => /^(?:AWS|METAFLOW)_/.test(name) && next[name] === undefined);
  return [
    ...Object.entries(next)
      .filter(([name, value]) => value !== undefined && value !== now[name])
      .map(([name, value]) => `export ${name}='${String(value).replaceAll("'", String.raw`'\''`)}'`),
    ...mixed.map((name) => `unset ${name}`),
  ];
}
