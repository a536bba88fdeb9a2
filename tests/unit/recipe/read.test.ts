import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { loadRecipe, readRecipe, RecipeError } from "../../../recipe/read";
import { sftDocument } from "./recipes";

describe("a recipe that is read by its name", () => {
  let folder: string;
  const write = (name: string, document: unknown): void => {
    fs.writeFileSync(path.join(folder, `${name}.yaml`), stringify(document));
  };
  beforeEach(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), "recipes-"));
  });
  afterEach(() => {
    fs.rmSync(folder, { recursive: true });
  });

  it("is held to all that a stack's is, fields and what must hold between them, in the same words", () => {
    write("sft-wrong", { ...sftDocument, batch: { global: 32, micro: 5 }, lerningRate: 1 });
    const result = loadRecipe("sft-wrong", {}, undefined, folder);
    const errors = "errors" in result ? result.errors : [];
    expect(errors.map((error) => error.path).sort()).toEqual(["batch.micro", "lerningRate"]);
    const refused = (): unknown => readRecipe("sft-wrong", folder);
    expect(refused).toThrow(RecipeError);
    for (const error of errors) expect(refused).toThrow(`  - ${error.path}: ${error.reason}`);
  });

  it("is as its file has it, defaults filled in", () => {
    write("sft-test", sftDocument);
    expect(readRecipe("sft-test", folder)).toMatchObject({ batch: { global: 32 }, sharding: "auto", seed: 0 });
  });

  it("is one of the folder, and no path that leads to one", () => {
    write("sft-test", sftDocument);
    for (const name of ["sft-tset", "./sft-test", "sft-test.yaml"]) {
      expect(() => readRecipe(name, folder)).toThrow("allowed: sft-test (did you mean sft-test?)");
    }
  });
});
