import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { chatTemplateArgumentsOf, modelFolderProblem } from "../../../provider/modelFolder";

let folder: string;
const write = (name: string, text = "{}"): void => {
  fs.writeFileSync(path.join(folder, name), text);
};

beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "model-"));
  for (const name of ["config.json", "tokenizer.json", "model.safetensors"]) write(name);
  write("lineage.json", JSON.stringify({ files: { "config.json": 2, "model.safetensors": 2 } }));
});

afterEach(() => {
  fs.rmSync(folder, { recursive: true, force: true });
});

it("a whole model can be served, whether or not the registry has recorded it", () => {
  expect(modelFolderProblem(folder)).toBeUndefined();
  for (const text of ["{", "{}"]) {
    write("lineage.json", text);
    expect(modelFolderProblem(folder)).toBeUndefined();
  }
});

it.each([
  ["config.json", undefined, /^config\.json cannot be read \(ENOENT/],
  ["config.json", "{", /^config\.json cannot be read/],
  ["config.json", "null", /^config\.json holds no object$/],
  ["model.safetensors", undefined, /^there is no file of weights \(\*\.safetensors\)$/],
  ["tokenizer.json", undefined, /^there is no tokenizer \(tokenizer\.json\)$/],
  ["model.safetensors", "cut", /model\.safetensors/],
  ["lineage.json", '{"files":{"other.bin":1}}', /other\.bin/],
])("cannot be served with %s being %j", (name, text, problem) => {
  if (text === undefined) fs.rmSync(path.join(folder, name));
  else write(name, text);
  expect(modelFolderProblem(folder)).toMatch(problem);
});

it("nothing can be served of a folder that is not there", () => {
  fs.rmSync(folder, { recursive: true });
  expect(modelFolderProblem(folder)).toBe("there are no files of it");
});

it("what a model's chat template was handed is in the registry's record of it", () => {
  expect(chatTemplateArgumentsOf(folder)).toEqual({});
  const chatTemplateArguments = { enable_thinking: false };
  write("lineage.json", JSON.stringify({ recipe: { model: { chatTemplateArguments } } }));
  expect(chatTemplateArgumentsOf(folder)).toEqual(chatTemplateArguments);
  fs.rmSync(path.join(folder, "lineage.json"));
  expect(chatTemplateArgumentsOf(folder)).toEqual({});
});
