import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { root } from "../machine/checkout.mjs";

/** A generated file that is not as its sources have it. */
export interface StaleFile {
  readonly file: string;
  readonly problem: "is missing" | "is not what its sources say" | "has no source";
}

/**
 * Files that differ from what is generated.
 *
 * @param wanted texts by file, below the top.
 * @param folder a folder, below the top, in which nothing but what is wanted may lie.
 * @param checkout the top folder of the checkout that is looked at; default: this one.
 */
export function staleFiles(wanted: ReadonlyMap<string, string>, folder: string, checkout = root): StaleFile[] {
  const found = filesBelow(join(checkout, folder)).map((file) => relative(checkout, file));
  const unwanted = found.filter((file) => !wanted.has(file));
  const wrong = [...wanted].flatMap(([file, text]): StaleFile[] => {
    const committed = textOf(join(checkout, file));
    if (committed === undefined) return [{ file, problem: "is missing" }];
    return committed === text ? [] : [{ file, problem: "is not what its sources say" }];
  });
  return [...wrong, ...unwanted.map((file): StaleFile => ({ file, problem: "has no source" }))];
}

/** Files below a folder, in order, but for what Python has compiled. */
export function filesBelow(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && !entry.parentPath.endsWith("__pycache__"))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

function textOf(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
