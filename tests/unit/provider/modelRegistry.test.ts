import { beforeEach, describe, expect, it } from "vitest";
import { filesProblem, lastPromotedModel, modelLosses } from "../../../provider/modelRegistry";
import { storeDouble } from "./storeDouble";

const modelsRoot = "s3://posttraining/models";

describe("a model's files", () => {
  const found = (files: Record<string, number>): ReadonlyMap<string, number> => new Map(Object.entries(files));

  it.each([
    [{}, {}, "no file of it is there"],
    // What says what the model is made from is no part of it.
    [{ "lineage.json": 9 }, undefined, "no file of it is there"],
    [{ a: 1, b: 2 }, { a: 1, b: 2 }, undefined],
    [{ a: 1, b: 2, more: 3 }, { a: 1, b: 2 }, undefined],
    [{ a: 0 }, { a: 1, b: 2 }, "a has 0 bytes, and was registered with 1, b is missing"],
    // Of one that was registered without sizes, only that something is there can be said.
    [{ "config.json": 1, "model.safetensors": 1 }, undefined, undefined],
    [{ "model.safetensors": 1 }, undefined, "config.json is missing"],
    [{ "config.json": 1 }, undefined, "its weights (*.safetensors) are missing"],
  ])("%j of %j: %s", (there, registered, problem) => {
    expect(filesProblem(found(there), registered)).toBe(problem);
  });
});

describe("a registry", () => {
  const store = storeDouble();
  const put = (key: string, value: unknown): void => {
    store.objects.set(`models/${key}`, typeof value === "string" ? value : JSON.stringify(value));
  };
  /** Registers a model whose only file is `config.json`. */
  function register(run: string, lineage: object = {}): void {
    put(`sft/${run}/config.json`, "{}");
    put(`sft/${run}/lineage.json`, { files: { "config.json": 2 }, promoted: true, ...lineage });
  }
  const model = { modelUri: `${modelsRoot}/sft/7`, modelsRoot, name: "sft", promoted: true };
  const losses = async (promoted = true) =>
    (await modelLosses(store.environment(), { ...model, promoted })).map(({ part, detail }) => `${part}: ${detail}`);

  beforeEach(() => {
    register("7");
    put("sft/promoted.json", { modelUri: model.modelUri });
  });

  it("that is whole has lost nothing", async () => {
    expect(await losses()).toEqual([]);
  });

  it("has lost what is not there, each part for itself", async () => {
    store.objects.delete("models/sft/7/config.json");
    store.objects.delete("models/sft/promoted.json");
    expect(await losses()).toEqual([
      "model: the model s3://posttraining/models/sft/7: no file of it is there",
      "promotion: s3://posttraining/models/sft/promoted.json, which names the promoted model",
    ]);
    store.objects.clear();
    expect(await losses(false)).toEqual([
      "model: the model s3://posttraining/models/sft/7: no file of it is there",
      "lineage: s3://posttraining/models/sft/7/lineage.json, what the model was made from",
    ]);
  });

  it.each(["{", "null", "[]", '{"promoted":"yes"}'])("has lost what was overwritten with %s", async (text) => {
    put("sft/7/lineage.json", text);
    expect(await losses()).toEqual([
      expect.stringMatching(/^model: .*safetensors/),
      expect.stringMatching(/^lineage: /),
    ]);
  });

  it.each(["{", "null", "5"])("has lost the pointer that was overwritten with %s", async (text) => {
    put("sft/promoted.json", text);
    expect(await losses()).toEqual([expect.stringMatching(/^promotion: /)]);
    // A model that was not promoted has none.
    expect(await losses(false)).toEqual([]);
  });

  it("of a newer checkout may say more", async () => {
    register("7", { invented: { later: 1 } });
    expect(await losses()).toEqual([]);
  });

  describe("asked for its last promoted model", () => {
    const last = () => lastPromotedModel(store.environment(), modelsRoot, "sft");

    it("has the one of the newest run: 10 comes after 9", async () => {
      for (const run of ["9", "10"]) register(run);
      expect(await last()).toBe(`${modelsRoot}/sft/10`);
    });

    it("passes over what did not pass its gate, and what is damaged", async () => {
      register("8", { promoted: false });
      register("9", { files: { "config.json": 5 } });
      put("sft/10/lineage.json", "{");
      expect(await last()).toBe(model.modelUri);
    });

    it("may have none", async () => {
      store.objects.clear();
      expect(await last()).toBeUndefined();
    });
  });
});
