import * as path from "node:path";
import type { LocalOutputs, PlatformOutputs } from "../contracts/stackOutputs";
import { stackLayout } from "../machine/checkout.mjs";

/**
 * Where Metaflow's client keeps what it has fetched: in the stack's own folder, and not below /tmp for everybody.
 *
 * @param stack of this machine
 */
export const clientCache = (stack: string): { METAFLOW_CLIENT_CACHE_PATH: string } => ({
  METAFLOW_CLIENT_CACHE_PATH: path.join(stackLayout(stack).metaflow, "client-cache"),
});

/** The variables of a stack's Metaflow client and of the clients of its endpoint. */
export function stackVariables(outputs: LocalOutputs | PlatformOutputs | undefined): Record<string, string> {
  if (outputs === undefined) return {};
  const found =
    outputs.kind === "local"
      ? { ...outputs.metaflowEnvironment, ...outputs.endpointEnvironment, MODELS_ROOT: outputs.modelsRoot }
      : outputs.metaflowEnvironment;
  return Object.fromEntries(Object.entries(found).filter(([name]) => /^[A-Z][A-Z0-9_]*$/.test(name)));
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
