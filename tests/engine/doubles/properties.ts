/**
 * Trees of property values, as resources have them: how two differ, how one lies over another, what its leaves are.
 * Paths are written as the engine writes them: `vpcConfig.subnetIds[0]`, `metadata.labels["app.kubernetes.io/name"]`.
 */

import { signatureKey } from "../../../provider/wire";

export type Tree = Readonly<Record<string, unknown>>;

export type Change = "add" | "delete" | "update";

export function isTree(value: unknown): value is Tree {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function pathOf(parent: string, key: string | number): string {
  if (typeof key === "number") return `${parent}[${key}]`;
  if (!/^[\w-]+$/.test(key)) return `${parent}["${key}"]`;
  return parent === "" ? key : `${parent}.${key}`;
}

/** Every difference between two values, by path. A value that is absent and one that is null are the same. */
export function differences(before: unknown, after: unknown, path = ""): Map<string, Change> {
  if (isTree(before) && isTree(after)) {
    const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
    return merged([...keys].map((key) => differences(before[key], after[key], pathOf(path, key))));
  }
  if (Array.isArray(before) && Array.isArray(after)) {
    const length = Math.max(before.length, after.length);
    return merged(Array.from({ length }, (_, index) => differences(before[index], after[index], pathOf(path, index))));
  }
  const [from, to] = [before ?? undefined, after ?? undefined];
  if (from === to) return new Map();
  if (from === undefined) return new Map([[path, "add"]]);
  return new Map([[path, to === undefined ? "delete" : "update"]]);
}

function merged(maps: readonly ReadonlyMap<string, Change>[]): Map<string, Change> {
  return new Map(maps.flatMap((map) => [...map]));
}

/** True if the path is the pattern or lies below it; indexes of arrays do not count: `subnetIds[1]` is part of `subnetIds`. */
export function isWithin(path: string, pattern: string): boolean {
  const plain = path.replaceAll(/\[\d+\]/g, "");
  return plain === pattern || plain.startsWith(`${pattern}.`) || plain.startsWith(`${pattern}[`);
}

/** `over` laid over `under`: objects key by key, everything else, secrets too, as a whole. */
export function overlay(under: unknown, over: unknown): unknown {
  if (over === undefined || over === null) return under;
  if (!isTree(under) || !isTree(over) || signatureKey in over) return over;
  const keys = new Set([...Object.keys(under), ...Object.keys(over)]);
  return Object.fromEntries([...keys].map((key) => [key, overlay(under[key], over[key])]));
}

/** The same tree with every leaf replaced. */
export function mapLeaves(value: unknown, change: (leaf: unknown, path: string) => unknown, path = ""): unknown {
  if (Array.isArray(value)) return value.map((item, index) => mapLeaves(item, change, pathOf(path, index)));
  if (!isTree(value)) return change(value, path);
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, mapLeaves(item, change, pathOf(path, key))]),
  );
}

/** Every string in a tree, with its path. */
export function strings(value: unknown): { path: string; text: string }[] {
  const found: { path: string; text: string }[] = [];
  mapLeaves(value, (leaf, path) => {
    if (typeof leaf === "string") found.push({ path, text: leaf });
    return leaf;
  });
  return found;
}
