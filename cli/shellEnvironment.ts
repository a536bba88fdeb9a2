import * as path from "node:path";
import { stackLayout } from "../setup/checkout.mjs";

/**
 * Where Metaflow's client keeps what it has fetched: in the stack's own folder, and not below /tmp for everybody.
 *
 * @param stack of this machine
 */
export const clientCache = (stack: string): { METAFLOW_CLIENT_CACHE_PATH: string } => ({
  METAFLOW_CLIENT_CACHE_PATH: path.join(stackLayout(stack).metaflow, "client-cache"),
});

/**
 * The variables of a stack's Metaflow client and of the clients of its endpoint, from the stack's outputs with secrets:
 * `metaflowEnvironment` and `endpointEnvironment` of a local stack (stacks/local.ts), else `metaflowConfig`.
 */
export function stackVariables(outputs: Record<string, unknown>): Record<string, string> {
  const found = {
    ...(outputs.metaflowEnvironment ?? outputs.metaflowConfig ?? {}),
    ...(outputs.endpointEnvironment ?? {}),
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
 */
export function exportLines(now: NodeJS.ProcessEnv, next: NodeJS.ProcessEnv): string[] {
  const mixed = Object.keys(now).filter((name) => /^(?:AWS|METAFLOW)_/.test(name) && next[name] === undefined);
  return [
    ...Object.entries(next)
      .filter(([name, value]) => value !== undefined && value !== now[name])
      .map(([name, value]) => `export ${name}='${String(value).replaceAll("'", String.raw`'\''`)}'`),
    ...mixed.map((name) => `unset ${name}`),
  ];
}
