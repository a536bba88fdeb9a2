import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { staleFiles } from "../../../dev/staleFiles";

const folder = "generated";
const wanted = new Map([
  [join(folder, "a.py"), "a = 1\n"],
  [join(folder, "b.py"), "b = 1\n"],
]);

describe("the check of generated files", () => {
  let root: string;

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "contracts-"));
    mkdirSync(join(root, folder));
    for (const [file, text] of wanted) writeFileSync(join(root, file), text);
  });

  afterEach(() => {
    rmSync(root, { recursive: true });
  });

  it("finds nothing where all is as it should be, whatever Python has compiled", () => {
    mkdirSync(join(root, folder, "__pycache__"));
    writeFileSync(join(root, folder, "__pycache__", "a.pyc"), "");
    expect(staleFiles(wanted, folder, root)).toEqual([]);
  });

  it("names what was changed, what is missing and what has no source", () => {
    writeFileSync(join(root, folder, "a.py"), "a = 2\n");
    rmSync(join(root, folder, "b.py"));
    writeFileSync(join(root, folder, "c.py"), "");
    expect(staleFiles(wanted, folder, root)).toEqual([
      { file: join(folder, "a.py"), problem: "is not what its sources say" },
      { file: join(folder, "b.py"), problem: "is missing" },
      { file: join(folder, "c.py"), problem: "has no source" },
    ]);
  });
});
