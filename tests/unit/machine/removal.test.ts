import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { removalProblem, removeBelow, removeEntries } from "../../../machine/removal";

let top: string;
let root: string;

const write = (...parts: string[]): string => {
  const file = path.join(top, ...parts);
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, "content");
  return file;
};

beforeEach(() => {
  top = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), "removal ")));
  root = path.join(top, "state");
  fs.mkdirSync(root);
});

afterEach(() => {
  fs.rmSync(top, { recursive: true });
});

describe("removal", () => {
  it("takes a folder below the root with all that is in it, and is content where there is none", () => {
    write("state", "stacks", "local", "file");
    removeBelow(root, path.join(root, "stacks"));
    expect(fs.readdirSync(root)).toEqual([]);
    removeBelow(root, path.join(root, "stacks", "local"));
  });

  it.each(["", ".", "..", "../elsewhere", "stacks/../../elsewhere", "../state-2"])(
    "refuses what does not lie below the root: %j",
    (relative) => {
      const kept = [write("elsewhere", "file"), write("state-2", "file"), write("state", "stacks", "file")];
      expect(() => {
        removeBelow(root, path.join(root, relative));
      }).toThrow("does not lie below");
      for (const file of kept) expect(fs.existsSync(file)).toBe(true);
    },
  );

  it("refuses a path that leads out by a link, and removes a link without what it leads to", () => {
    const kept = write("elsewhere", "data", "file");
    fs.symlinkSync(path.join(top, "elsewhere"), path.join(root, "link"));
    expect(removalProblem(root, path.join(root, "link", "data"))).toMatch(/by a link, which does not lie below/);
    expect(() => {
      removeBelow(root, path.join(root, "link", "data", "file"));
    }).toThrow("by a link");
    removeBelow(root, path.join(root, "link"));
    expect(fs.existsSync(path.join(root, "link"))).toBe(false);
    expect(fs.existsSync(kept)).toBe(true);
  });

  it("works where the root itself lies elsewhere by a link", () => {
    const disk = path.join(top, "a bigger disk");
    fs.mkdirSync(path.join(disk, "stacks"), { recursive: true });
    fs.rmdirSync(root);
    fs.symlinkSync(disk, root);
    removeBelow(root, path.join(root, "stacks"));
    expect(fs.readdirSync(disk)).toEqual([]);
  });

  it("of what belongs to a folder leaves the rest, and takes the folder when nothing is left", () => {
    write("state", "store", "objects", "file");
    write("state", "store", "notes.txt");
    const folder = path.join(root, "store");
    expect(removeEntries(root, folder, /^objects$/)).toEqual(["notes.txt"]);
    expect(fs.readdirSync(folder)).toEqual(["notes.txt"]);
    expect(removeEntries(root, folder, /^notes/)).toEqual([]);
    expect(fs.existsSync(folder)).toBe(false);
    expect(removeEntries(root, folder, /./)).toEqual([]);
  });
});
