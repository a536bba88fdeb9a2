import * as fs from "node:fs";
import * as path from "node:path";
import { describe, expect, it } from "vitest";
import { root } from "../../../machine/checkout.mjs";

/** Tests of what is no single file, and what they are about. */
const ofMore: Readonly<Record<string, string>> = {
  "unit/contracts/documents.test.ts": "the documents that TypeScript and Python judge alike",
  "unit/contracts/fields.test.ts": "the contracts of what a run is given",
  "unit/dev/layers.test.ts": "the table in docs/architecture.md and .dependency-cruiser.mjs",
  "unit/docs/reliability.test.ts": "docs/reliability.md",
  "unit/doubles/doubles.test.ts": "tests/engine/doubles",
  "unit/recipe/documents.test.ts": "the recipes that TypeScript and Python judge alike",
  "unit/sizing/accuracy.test.ts": "the planner held to what was measured, and docs/sizing.md",
  "unit/tests/names.test.ts": "the tests",
  "processes/dev/commands.test.ts": "the scripts of package.json",
  "components/cluster/documentedTransform.test.ts": "the transform that docs/platform.md shows",
};

/** Folders whose tests lie where their sources lie; `within` is the folder of the sources that their paths begin in. */
const mirrors = [
  { folder: "unit", within: "" },
  { folder: "processes", within: "" },
  { folder: "components", within: "components" },
];

interface TestFile {
  /** Below `tests/`. */
  readonly name: string;
  /** The paths that the tested file may have, without its ending. */
  readonly subjects: readonly string[];
}

/** `tests/unit/sizing/memory.properties.test.ts` tests `sizing/memory.properties`, or an aspect of `sizing/memory`. */
function subjectsOf(file: string, within: string): string[] {
  const folder = path.dirname(file);
  const words = path.basename(file, ".test.ts").split(".");
  return words.flatMap((_, index) => {
    const subject = path.join(folder, words.slice(0, words.length - index).join("."));
    return within === "" ? [subject] : [path.join(within, subject), subject];
  });
}

const tests: readonly TestFile[] = mirrors.flatMap(({ folder, within }) =>
  fs
    .readdirSync(path.join(root, "tests", folder), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".test.ts"))
    .map((file) => ({ name: path.join(folder, file), subjects: subjectsOf(file, within) })),
);

const isSource = (subject: string): boolean =>
  [".ts", ".mjs", ".py", "/index.ts"].some((ending) => fs.existsSync(path.join(root, `${subject}${ending}`)));

describe("a file's test is found by its name", () => {
  it("lies where the file lies, or is known to be of more than one file", () => {
    const strays = tests.filter(({ name, subjects }) => !(name in ofMore) && !subjects.some(isSource));
    expect(strays.map(({ name }) => name)).toEqual([]);
  });

  it("and those of more than one file are there", () => {
    const names = tests.map(({ name }) => name);
    expect(Object.keys(ofMore).filter((name) => !names.includes(name))).toEqual([]);
  });
});
