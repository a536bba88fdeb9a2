import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { modelFolderProblem } from "../../../provider/modelFolder";
import {
  adapterArguments,
  adaptersProblem,
  isAdapterAlone,
  readAdapter,
  type ServedAdapter,
} from "../../../provider/servedAdapters";

const base = "s3://bucket/sft/1";

describe("an adapter in a folder", () => {
  let folder: string;
  const write = (directory: string, configuration: object): void => {
    fs.mkdirSync(directory, { recursive: true });
    fs.writeFileSync(path.join(directory, "adapter_config.json"), JSON.stringify(configuration));
    fs.writeFileSync(path.join(directory, "adapter_model.safetensors"), "");
    fs.writeFileSync(path.join(directory, "chat_template.jinja"), "template");
  };

  beforeEach(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), "adapter-"));
  });
  afterEach(() => {
    fs.rmSync(folder, { recursive: true, force: true });
  });

  it("is found alone and beside a whole model", () => {
    for (const directory of [path.join(folder, "alone"), path.join(folder, "whole", "adapter")]) {
      write(directory, { r: 16, base_model_name_or_path: base });
    }
    fs.writeFileSync(path.join(folder, "whole", "config.json"), "{}");
    expect(isAdapterAlone(path.join(folder, "alone"))).toBe(true);
    expect(isAdapterAlone(path.join(folder, "whole"))).toBe(false);
    const expected = { name: "dpo", rank: 16, base, chatTemplate: "template" };
    expect(readAdapter("dpo", path.join(folder, "alone"))).toMatchObject(expected);
    const beside = readAdapter("dpo", path.join(folder, "whole"));
    expect(beside).toMatchObject({ ...expected, directory: path.join(folder, "whole", "adapter") });
  });

  it("is not taken for a model that can be served by itself", () => {
    write(folder, { r: 16, base_model_name_or_path: base });
    expect(modelFolderProblem(folder)).toMatch(/adapter alone: serve the model that it was trained from/);
  });

  it("is refused without its files, its rank or its base", () => {
    expect(() => readAdapter("dpo", folder)).toThrow("there is no adapter (adapter_config.json)");
    write(folder, { r: 16 });
    expect(() => readAdapter("dpo", folder)).toThrow("lacks its rank or its base");
    write(folder, { r: 16, base_model_name_or_path: base });
    fs.rmSync(path.join(folder, "adapter_model.safetensors"));
    expect(() => readAdapter("dpo", folder)).toThrow("there is no file of weights (adapter_model.safetensors)");
  });
});

describe("several adapters on one base", () => {
  const adapter = (name: string, values: Partial<ServedAdapter> = {}): ServedAdapter => ({
    name,
    directory: `/models/${name}`,
    rank: 12,
    base,
    chatTemplate: "template",
    ...values,
  });

  it("are offered by their names, with room for the largest rank and their chat template", () => {
    expect(adapterArguments([])).toEqual([]);
    const line = adapterArguments([adapter("dpo"), adapter("kto", { rank: 33 })]).join(" ");
    expect(line).toBe(
      "--enable-lora --max-lora-rank 64 --max-loras 2 --lora-modules dpo=/models/dpo kto=/models/kto --chat-template /models/dpo/chat_template.jinja",
    );
    expect(adapterArguments([adapter("dpo", { chatTemplate: undefined })])).not.toContain("--chat-template");
  });

  it("must have been trained from the model that is served, with one chat template", () => {
    expect(adaptersProblem(base, [adapter("dpo"), adapter("kto")])).toBeUndefined();
    expect(adaptersProblem(base, [adapter("dpo", { base: "owner/other" })])).toBe(
      `adapter dpo was trained from owner/other, and the endpoint serves ${base}: serve it with that`,
    );
    expect(adaptersProblem(base, [adapter("dpo"), adapter("kto", { chatTemplate: "another" })])).toMatch(
      /adapters dpo and kto were trained with different chat templates/,
    );
  });
});
