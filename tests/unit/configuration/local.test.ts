import { describe, expect, it } from "vitest";
import { parseLocal } from "../../../configuration/local";
import { loadRecipe } from "../../../recipe/read";

const local = {
  kind: "local",
  stages: [
    { name: "sft", recipe: "sft-tiny" },
    { name: "dpo", recipe: "dpo-tiny", from: "sft" },
  ],
  endpoint: { serves: "dpo" },
};

describe("the configuration of a local stack", () => {
  it("is read with its recipes", () => {
    const configuration = parseLocal(local);
    expect(configuration.stages.map((stage) => [stage.name, stage.recipe.method, stage.from])).toEqual([
      ["sft", "sft", undefined],
      ["dpo", "dpo", "sft"],
    ]);
    expect(configuration.store.removal).toBe("retain");
    expect(configuration.endpoint?.engine).toBe("auto");
  });

  it("lays a stage's values over its recipe", () => {
    const configuration = parseLocal({
      kind: "local",
      stages: [{ name: "sft", recipe: "sft-tiny", set: { optimizer: { learningRate: 0.001 } } }],
    });
    const [stage] = configuration.stages;
    const untouched = loadRecipe("sft-tiny");
    if ("errors" in untouched) throw new Error("sft-tiny is not valid");
    expect(stage?.recipe.optimizer).toEqual({ ...untouched.recipe.optimizer, learningRate: 0.001 });
  });
});
