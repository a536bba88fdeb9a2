import * as path from "node:path";
import { removeBelow } from "../machine/removal";
import { incarnationFile } from "../machine/stackFiles";
import { layout } from "../machine/checkout.mjs";
import { readState } from "./stackState";

/** Folder of what is written down of resources that were replaced (provider/incarnations.ts). */
export const incarnationsDirectory = (): string => path.join(layout.state, "pulumi", "incarnations");

/**
 * Forgets which of two resources lives where the state has one alone: that one does. Of a state that was restored from before a
 * replacement, what was written down says otherwise, and nothing of it would ever be deleted. Only to be asked while no command
 * works on the stack.
 */
export function settleIncarnations(stack: string): void {
  const found = new Map<string, number>();
  for (const { urn, id } of readState(stack)?.resources ?? []) {
    const file = incarnationFile(urn, id ?? "");
    found.set(file, (found.get(file) ?? 0) + 1);
  }
  for (const [file, count] of found) {
    if (count === 1) removeBelow(layout.state, path.join(incarnationsDirectory(), file));
  }
}
