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

/** Folders of which every file that exports a function has a test of its name; files below them in folders of their own are not meant. */
const tested = [
  "cli",
  "configuration",
  "machine",
  "preflight",
  "pricing",
  "provider",
  "recipe",
  "rehearsal",
  "setup",
  "validation",
];

/** What is held by the tests of what it is a part of, and by which. */
const heldElsewhere: Readonly<Record<string, string>> = {
  "cli/planOptions.ts": "unit/cli/planCommand.test.ts",
  // Its schema; what is wrong with a document by it is told by platformChecks.ts.
  "configuration/platform.ts": "unit/configuration/platformChecks.test.ts",
  "configuration/stackKind.ts": "unit/configuration/stackConfiguration.test.ts",
  "machine/duration.mjs": "unit/setup/progress.test.ts",
  "machine/shortLivedFolder.ts": "processes/provider/handlers/modelServer.test.ts",
  "machine/stackFiles.ts": "processes/cli/teardown.test.ts",
  "machine/stackName.ts": "unit/cli/stackName.test.ts",
  "machine/typescript.mjs": "processes/setup/run.test.ts",
  // Every refusal of a local stack, with the machine as the test has it.
  "preflight/localChecks.ts": "unit/index.test.ts",
  "preflight/rehearsals.ts": "unit/index.test.ts",
  // Every refusal of a recipe, in the table that Python is held to as well.
  "recipe/evaluationChecks.ts": "unit/recipe/documents.test.ts",
  "recipe/runDocument.ts": "unit/contracts/documents.test.ts",
  "recipe/trainingMetrics.ts": "unit/recipe/documents.test.ts",
  "rehearsal/process.ts": "processes/rehearsal/rehearse.test.ts",
  "setup/linked-tool.mjs": "processes/setup/pulumi-engine.test.ts",
  "setup/problem.mjs": "processes/setup/run.test.ts",
  "setup/python-interpreter.mjs": "processes/setup/python-environments.repair.test.ts",
  "setup/set-up.mjs": "processes/setup/environment.test.ts",
  "validation/configurationError.ts": "unit/configuration/platformChecks.test.ts",
  "validation/primitives.ts": "unit/recipe/documents.test.ts",
  "validation/repeated.ts": "unit/recipe/documents.test.ts",
  "validation/schemaTree.ts": "unit/contracts/fields.test.ts",
  "validation/shownValue.ts": "unit/cli/planCommand.test.ts",
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

const exportsFunction = (file: string): boolean =>
  /^export (?:async )?function|^export class|^export const \w+\b.*=>/m.test(
    fs.readFileSync(path.join(root, file), "utf8"),
  );

describe("a file's test is found by its name", () => {
  it("lies where the file lies, or is known to be of more than one file", () => {
    const strays = tests.filter(({ name, subjects }) => !(name in ofMore) && !subjects.some(isSource));
    expect(strays.map(({ name }) => name)).toEqual([]);
  });

  it("and those of more than one file are there", () => {
    const names = tests.map(({ name }) => name);
    expect(Object.keys(ofMore).filter((name) => !names.includes(name))).toEqual([]);
  });

  it("is there for every file that others call, or it is known what holds it", () => {
    const subjects = new Set(tests.flatMap((test) => test.subjects));
    const isTested = (file: string): boolean => subjects.has(file.replace(/\.\w+$/, ""));
    const files = tested.flatMap((folder) =>
      fs
        .readdirSync(path.join(root, folder))
        .filter((file) => /\.(?:ts|mjs)$/.test(file))
        .map((file) => path.join(folder, file)),
    );
    const without = files.filter((file) => exportsFunction(file) && !isTested(file));
    expect(without).toEqual(Object.keys(heldElsewhere));
    const names = tests.map(({ name }) => name);
    expect(Object.values(heldElsewhere).filter((name) => !names.includes(name))).toEqual([]);
  });
});
