import { describe, expect, it } from "vitest";
import { readRecipe } from "../../../recipe/read";
import { rateFor, rateNotes } from "../../../sizing/learningRates";
import { planRecipe } from "../../../sizing/planRecipe";
import { withTrainable } from "../../../sizing/table";

const full = readRecipe("sft-3b");
const lora = withTrainable(full, "LoRA");

describe("learning rates", () => {
  it("are ten times as high for adapters", () => {
    expect(lora.optimizer.learningRate).toBe(1e-4);
    expect(withTrainable(lora, "full").optimizer.learningRate).toBe(1e-5);
    expect(withTrainable(lora, "LoRA")).toBe(lora);
    expect(rateFor(full, { kind: "full" })).toBe(1e-5);
  });

  it("of the project's recipes are what their kind wants", () => {
    for (const name of ["sft", "dpo", "grpo"].flatMap((method) => [`${method}-3b`, `${method}-70b`]))
      for (const trainable of ["LoRA", "full"] as const)
        expect(rateNotes(withTrainable(readRecipe(name), trainable))).toEqual([]);
  });

  it("that are far from it are noted in the plan", () => {
    const slow = { ...lora, optimizer: { ...lora.optimizer, learningRate: 1e-7 } };
    const [note] = rateNotes(slow);
    expect(note).toMatch(/optimizer.learningRate is 1e-7; adapters are usually trained with 0.000002 to 0.002/);
    expect(planRecipe(slow).notes).toContain(note);
    expect(rateNotes({ ...full, optimizer: { ...full.optimizer, learningRate: 1e-3 } })).toHaveLength(1);
  });
});
