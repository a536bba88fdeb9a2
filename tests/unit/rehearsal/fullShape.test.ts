import { describe, expect, it } from "vitest";
import { readRecipe } from "../../../recipe/read";
import { fullShapeExpectation, fullShapeInvariants, fullShapeResult } from "../../../rehearsal/fullShape";
import { planRecipe } from "../../../sizing/planRecipe";
import { tableVariants, withTrainable } from "../../../sizing/table";

const runOf = (name: string, trainable: "LoRA" | "full") => {
  const recipe = withTrainable(readRecipe(name), trainable);
  return { recipe, plan: planRecipe(recipe).plan };
};

describe("what the planner counts on at full size", () => {
  const lora = fullShapeExpectation(runOf("sft-70b", "LoRA"));

  it("is a share of the parameters, adapters among them, on each of the GPUs that train", () => {
    const { plan } = runOf("sft-70b", "LoRA");
    expect(plan.sharding).toBe("fsdp2");
    const parameters = lora.parametersPerRank * plan.nodes * plan.gpusPerNode;
    expect(parameters / 1e9).toBeGreaterThan(70.6);
    expect(parameters / 1e9).toBeLessThan(72);
  });

  it("is a unit for each of 80 layers, and none where nothing is sharded", () => {
    expect(lora.leastUnits).toBe(80);
    expect(fullShapeExpectation(runOf("sft-3b", "LoRA")).leastUnits).toBe(0);
  });

  it.each(tableVariants)("is known of $recipe, $trainable", ({ recipe, trainable }) => {
    const expected = fullShapeExpectation(runOf(recipe, trainable));
    expect(expected.peakGib).toBeGreaterThan(1);
    expect(expected.parametersPerRank).toBeGreaterThan(1e8);
  });

  it("leaves out the engine that generates, which is not traced", () => {
    const { recipe, plan } = runOf("grpo-3b", "LoRA");
    expect(plan.generation).toBeDefined();
    expect(fullShapeExpectation({ recipe, plan }).peakGib).toBeLessThan(planRecipe(recipe).peakGib);
  });
});

describe("a traced step beside the plan", () => {
  const expected = { peakGib: 40, parametersPerRank: 8.8e9, leastUnits: 80 };
  const failed = (traced: Parameters<typeof fullShapeInvariants>[1]) =>
    fullShapeInvariants(expected, traced).filter(({ passed }) => !passed);

  it("holds where it takes what is planned, and where it takes less", () => {
    expect(failed({ peakGib: 41.9, parametersPerRank: 8.81e9, units: 83 })).toEqual([]);
    expect(failed({ peakGib: 20, parametersPerRank: 8.8e9, units: 80 })).toEqual([]);
  });

  it("fails where it takes more than the planner's tolerance, and says by how much to plan more", () => {
    const [invariant, ...others] = failed({ peakGib: 44, parametersPerRank: 8.8e9, units: 80 });
    expect(others).toEqual([]);
    expect(invariant?.message).toBe(
      "44.0 GiB of live tensors at the peak of a step, of 40.0 GiB that are planned: plan more with `--headroom 0.20`, or lower batch.micro or sequence.maxLength",
    );
    expect(invariant?.measured).toEqual({ tracedGib: 44, plannedGib: 40 });
  });

  it("fails where a rank holds other parameters, as of a model that is not the one of the shape", () => {
    expect(failed({ peakGib: 40, parametersPerRank: 70e9, units: 80 }).map(({ name }) => name)).toEqual([
      "at full size, each rank holds the parameters that are planned",
    ]);
  });

  it("fails where layers are not wrapped one by one", () => {
    expect(failed({ peakGib: 40, parametersPerRank: 8.8e9, units: 1 }).map(({ name }) => name)).toEqual([
      "at full size, every layer is wrapped by itself",
    ]);
  });
});

describe("the tracer's answer", () => {
  const expected = { peakGib: 40, parametersPerRank: 8.8e9, leastUnits: 80 };
  const traced = { peakGib: 40, parametersPerRank: 8.8e9, units: 81 };

  it("is compared with the plan", () => {
    const { invariants, replaced } = fullShapeResult(expected, { status: 0, lines: [] }, JSON.stringify(traced));
    expect(invariants.map(({ passed }) => passed)).toEqual([true, true, true]);
    expect(replaced).toEqual([]);
  });

  it("that it traces no such run is told, and proves nothing and breaks nothing", () => {
    expect(fullShapeResult(expected, { status: 3, lines: ["a mixture of experts is not traced"] }, undefined)).toEqual({
      invariants: [],
      replaced: [{ what: "the dry run at full size", by: "nothing", why: "a mixture of experts is not traced" }],
    });
  });

  it.each([
    [{ status: 1, lines: ["Traceback", "KeyError: 'x'"] }, undefined, "status 1: Traceback | KeyError: 'x'"],
    [{ status: 2, lines: ["error: unrecognized arguments: --run"] }, undefined, "status 2: error: unrecognized"],
    [{ status: null, lines: [] }, undefined, "status null"],
    [{ status: 0, lines: [] }, undefined, "cannot be read"],
    [{ status: 0, lines: [] }, "{", "cannot be read"],
    [{ status: 0, lines: [] }, JSON.stringify({ ...traced, units: -1 }), "lacks units"],
  ])("is a failure where it is none: %j, %j", (end, answer, text) => {
    const { invariants } = fullShapeResult(expected, end, answer);
    expect(invariants).toHaveLength(1);
    expect(invariants[0]?.passed).toBe(false);
    expect(invariants[0]?.message).toContain(text);
  });
});
