import * as fs from "node:fs";
import * as path from "node:path";
import { parse } from "yaml";
import { notAllowed } from "../validation/explain";
import { root } from "../machine/checkout.mjs";

const folder = path.join(root, "stacks");
const filePattern = /^Pulumi\.(.+)\.yaml$/;

/** Stacks that have a committed configuration file. */
export function stackNames(): string[] {
  return fs
    .readdirSync(folder)
    .flatMap((file) => filePattern.exec(file)?.[1] ?? [])
    .sort();
}

/**
 * The value of `posttraining:stack` in a stack's committed configuration file, as it stands there.
 *
 * @throws Error that names the stacks there are, if this is none of them.
 */
export function readStackFile(stack: string): unknown {
  const names = stackNames();
  if (!names.includes(stack)) throw new Error(`There is no such stack in stacks/: ${notAllowed(stack, names)}`);
  const document = parse(fs.readFileSync(path.join(folder, `Pulumi.${stack}.yaml`), "utf8")) as {
    config?: Record<string, unknown>;
  } | null;
  return document?.config?.["posttraining:stack"] ?? {};
}
