import { existsSync, mkdirSync, realpathSync, renameSync, rmSync, symlinkSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { layout } from "../machine/checkout.mjs";

/**
 * Where this checkout finds a tool: a link in `.posttraining/tools` to wherever the tool lies.
 *
 * @param {string} name
 */
export const linkOf = (name) => path.join(layout.tools, name);

/**
 * What the link points at; undefined when there is none, or when that has gone.
 *
 * @param {string} name
 */
export function linkTarget(name) {
  const link = linkOf(name);
  return existsSync(link) ? realpathSync(link) : undefined;
}

/**
 * Points the link at `target`, in one step.
 *
 * @param {string} name
 * @param {string} target
 */
export function linkTool(name, target) {
  mkdirSync(layout.tools, { recursive: true });
  const draft = `${linkOf(name)}.${process.pid}`;
  rmSync(draft, { force: true });
  symlinkSync(target, draft);
  renameSync(draft, linkOf(name));
}
