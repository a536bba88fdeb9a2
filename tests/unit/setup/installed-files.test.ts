import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  bytesByOwner,
  describeDamage,
  filesBelow,
  inspectFiles,
  readWhat,
  writeList,
} from "../../../setup/installed-files.mjs";

let folder: string;
let list: string;

beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "installed "));
  list = path.join(folder, "list");
  for (const file of ["a/one.py", "a/deep/two.py", "b/three.py", "top"]) {
    fs.mkdirSync(path.join(folder, path.dirname(file)), { recursive: true });
    fs.writeFileSync(path.join(folder, file), "x".repeat(file.length));
  }
  fs.symlinkSync("nowhere", path.join(folder, "b", "link"));
  writeList(list, folder, { lock: "x" }, [
    { owner: "a", files: ["a/one.py", "a/deep/two.py", "top"] },
    { owner: "b", files: ["b/three.py", "b/link"] },
  ]);
});

afterEach(() => {
  fs.rmSync(folder, { recursive: true, force: true });
});

const file = (...parts: string[]) => path.join(folder, ...parts);

describe("a list of installed files", () => {
  it("finds nothing wrong with what it was made from, links that lead nowhere among it", () => {
    expect(inspectFiles(list, folder)).toEqual({ of: { lock: "x" }, damaged: new Map() });
  });

  it.each([
    [
      "a file that is missing",
      () => {
        fs.rmSync(file("a", "one.py"));
      },
      [["a", 1]],
    ],
    [
      "a folder that is missing",
      () => {
        fs.rmSync(file("a"), { recursive: true });
      },
      [["a", 2]],
    ],
    [
      "a file that was cut off",
      () => {
        fs.truncateSync(file("b", "three.py"), 2);
      },
      [["b", 1]],
    ],
    [
      "a file that was emptied",
      () => {
        fs.truncateSync(file("top"), 0);
      },
      [["a", 1]],
    ],
    [
      "a link that is missing",
      () => {
        fs.rmSync(file("b", "link"));
      },
      [["b", 1]],
    ],
    [
      "files of several owners",
      () => {
        fs.rmSync(file("b"), { recursive: true });
        fs.rmSync(file("top"));
      },
      [
        ["b", 2],
        ["a", 1],
      ],
    ],
  ])("notices %s", (_what, damage, expected) => {
    damage();
    expect(inspectFiles(list, folder).damaged).toEqual(new Map(expected as [string, number][]));
  });

  it("does not mind files that came later", () => {
    fs.mkdirSync(file("a", "__pycache__"));
    fs.writeFileSync(file("a", "__pycache__", "one.pyc"), "");
    expect(inspectFiles(list, folder).damaged.size).toBe(0);
  });

  it.each([
    [
      "missing",
      () => {
        fs.rmSync(list);
      },
    ],
    [
      "cut off",
      () => {
        fs.truncateSync(list, fs.statSync(list).size - 3);
      },
    ],
    [
      "empty",
      () => {
        fs.truncateSync(list, 0);
      },
    ],
    [
      "of another form",
      () => {
        fs.writeFileSync(list, "installed files 0\n{}\n\t\t0\n");
      },
    ],
    [
      "without some of its lines",
      () => {
        fs.writeFileSync(list, fs.readFileSync(list, "utf8").replace(/^one.*\n/m, ""));
      },
    ],
  ])("is not used when it is %s", (_what, damage) => {
    damage();
    expect(inspectFiles(list, folder)).toEqual({ of: undefined, damaged: new Map() });
  });

  it("says what was installed to those who need no more", () => {
    expect(readWhat(list)).toEqual({ lock: "x" });
    fs.truncateSync(list, 25);
    expect(readWhat(list)).toBeUndefined();
    expect(readWhat(file("none"))).toBeUndefined();
  });

  it("leaves out a file that has gone in between, so that it can be met", () => {
    writeList(list, folder, {}, [{ owner: "a", files: ["a/one.py", "a/gone.py"] }]);
    expect(inspectFiles(list, folder)).toEqual({ of: {}, damaged: new Map() });
  });

  it("knows how much each owner has", () => {
    expect(bytesByOwner(fs.readFileSync(list, "utf8"))).toEqual(
      new Map([
        ["a", "a/one.py".length + "a/deep/two.py".length + "top".length],
        ["b", "b/three.py".length + "nowhere".length],
      ]),
    );
  });
});

describe("filesBelow", () => {
  it("finds files and links at every depth, but for what is left out", () => {
    expect(filesBelow(folder, (name) => name === "deep" || name === "list").sort()).toEqual([
      "a/one.py",
      "b/link",
      "b/three.py",
      "top",
    ]);
  });
});

describe("describeDamage", () => {
  it("names what is damaged, and not all of it when that is much", () => {
    expect(describeDamage(new Map([["trl", 1]]))).toBe("1 file of trl is missing or has another size");
    expect(
      describeDamage(
        new Map([
          ["trl", 1],
          ["peft", 2],
        ]),
      ),
    ).toBe("3 files of peft, trl are missing or have another size");
    expect(describeDamage(new Map(["a", "b", "c", "d", "e", "f", "g"].map((name) => [name, 1])))).toBe(
      "7 files of a, b, c, d, e and 2 more are missing or have another size",
    );
  });
});
