import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { catalog } from "../../../../catalog/instances";
import { gpuByKey } from "../../../../catalog/gpus";
import { jobFromRecipe, workloadOf, type Job } from "../../../../sizing/job";
import { estimateMemory } from "../../../../sizing/memory";
import { readRecipe, recipeNames } from "../../../../recipe/read";
import { search, type Candidate, type Constraints } from "../../../../sizing/search";

// Searches and child processes take seconds on a busy machine.
vi.setConfig({ testTimeout: 120_000 });

const jobs: readonly Job[] = recipeNames()
  .filter((name) => !name.endsWith("-tiny"))
  .map((name) => jobFromRecipe(readRecipe(name)));

const found = (job: Job, constraints: Constraints = {}): Candidate => {
  const result = search(job, constraints);
  if (!result.fits) throw new Error(result.message);
  return result.best.plan;
};

const jobVariants = fc
  .record({
    job: fc.constantFrom(...jobs),
    sequence: fc.constantFrom(512, 1024, 2048, 8192),
    batch: fc.constantFrom(8, 32, 64, 256),
    full: fc.boolean(),
    steps: fc.integer({ min: 10, max: 5000 }),
  })
  .map(({ job, sequence, batch, full, steps }): Job => ({
    ...job,
    sequenceTokens: sequence,
    completionTokens: sequence / 2,
    globalBatch: batch,
    steps,
    ...(full ? { trainable: { kind: "full" } } : {}),
  }));

describe("the search", () => {
  it("returns only plans that fit, in GPU memory with the headroom, host memory and disk", () => {
    fc.assert(
      fc.property(jobVariants, fc.constantFrom(0, 0.1, 0.25), fc.boolean(), (job, headroom, allowOffload) => {
        const result = search(job, { headroom, allowOffload });
        if (!result.fits) return;
        for (const { plan } of [result.best, ...result.alternatives]) {
          const gpu = gpuByKey(plan.instance.gpu);
          const memory = estimateMemory(workloadOf(job, plan.layout), gpu.memoryGib);
          expect(memory.requiredGib).toBeLessThanOrEqual(gpu.memoryGib * (1 - headroom) + 1e-9);
          expect(plan.hostGib).toBeLessThanOrEqual(plan.instance.allocatableMemoryGib);
          expect(plan.diskGb).toBeLessThanOrEqual(plan.instance.localDiskGb);
          expect(plan.layout.microBatch * plan.layout.gradientAccumulation * plan.layout.gpus).toBe(job.globalBatch);
          expect(plan.layout.gpus).toBe((plan.nodes - plan.generationNodes) * plan.instance.gpus);
        }
      }),
      { numRuns: 40 },
    );
  });

  it("keeps within budget, price an hour, deadline, nodes, families and capacity kind", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...jobs),
        fc.record(
          {
            maximumUsdPerRun: fc.integer({ min: 5, max: 2000 }),
            maximumUsdPerHour: fc.integer({ min: 2, max: 200 }),
            maximumHours: fc.integer({ min: 1, max: 50 }),
            maximumNodes: fc.constantFrom(1, 2, 4),
            families: fc.subarray(["g5", "g6", "g6e", "g7e", "p4d", "p4de", "p5", "p5en", "p6-b200"], { minLength: 1 }),
            capacity: fc.subarray(["on-demand" as const, "capacity-block" as const], { minLength: 1 }),
          },
          { requiredKeys: [] },
        ),
        (job, constraints) => {
          const result = search(job, constraints);
          if (!result.fits) return;
          for (const { plan } of [result.best, ...result.alternatives]) {
            expect(plan.usdPerRun).toBeLessThanOrEqual(constraints.maximumUsdPerRun ?? Infinity);
            expect(plan.usdPerHour).toBeLessThanOrEqual((constraints.maximumUsdPerHour ?? Infinity) * 1.00001);
            expect(plan.hours.total).toBeLessThanOrEqual(constraints.maximumHours ?? Infinity);
            expect(plan.nodes).toBeLessThanOrEqual(constraints.maximumNodes ?? Infinity);
            expect(constraints.families ?? [plan.instance.family]).toContain(plan.instance.family);
            expect(constraints.capacity ?? [plan.capacity]).toContain(plan.capacity);
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  it("never gives a slower plan for more budget", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...jobs),
        fc.integer({ min: 5, max: 1500 }),
        fc.integer({ min: 1, max: 1500 }),
        (job, budget, more) => {
          const small = search(job, { maximumUsdPerRun: budget, objective: "fastest" });
          if (!small.fits) return;
          const large = found(job, { maximumUsdPerRun: budget + more, objective: "fastest" });
          expect(large.hours.total).toBeLessThanOrEqual(small.best.plan.hours.total + 1e-9);
        },
      ),
      { numRuns: 40 },
    );
  });

  it("returns the cheapest of what it finds, and alternatives with reasons that differ from it", () => {
    for (const job of jobs) {
      const result = search(job);
      if (!result.fits) throw new Error(result.message);
      expect(result.best.reason).toMatch(/cheapest/);
      expect(result.alternatives).toHaveLength(2);
      for (const alternative of result.alternatives) {
        // Within 2% the plan that costs less an hour goes first.
        expect(alternative.plan.usdPerRun).toBeGreaterThanOrEqual(result.best.plan.usdPerRun / 1.02);
        expect(alternative.reason).toMatch(/\$|free/);
        expect(`${alternative.plan.instance.name}/${String(alternative.plan.nodes)}`).not.toBe(
          `${result.best.plan.instance.name}/${String(result.best.plan.nodes)}`,
        );
      }
    }
  });

  it("connects more than one node by EFA only, in one Availability Zone", () => {
    const job = jobs.find((entry) => entry.name === "grpo-70b");
    if (job === undefined) throw new Error("no grpo-70b");
    const full: Job = { ...job, trainable: { kind: "full" } };
    const result = search(full, { families: ["p5"] });
    if (!result.fits) throw new Error(result.message);
    expect(result.best.plan.nodes).toBeGreaterThan(1);
    expect(result.best.plan.instance.efaInterfaces).toBeGreaterThan(0);
    expect(result.notes.join(" ")).toContain("one Availability Zone");
  });

  it("bills Capacity Blocks by the day", () => {
    const job = jobs.find((entry) => entry.name === "sft-70b");
    if (job === undefined) throw new Error("no sft-70b");
    const plan = found(job, { families: ["p5e"] });
    expect(plan.capacity).toBe("capacity-block");
    expect(plan.hours.total).toBeLessThan(24);
    expect(plan.usdPerRun).toBeCloseTo(24 * plan.usdPerHour, 6);
  });

  it("says what would fit when nothing does", () => {
    const job = jobs.find((entry) => entry.name === "sft-70b");
    if (job === undefined) throw new Error("no sft-70b");
    const result = search(job, { families: ["g5"], maximumNodes: 1 });
    expect(result.fits).toBe(false);
    if (result.fits) return;
    expect(result.message).toMatch(/It would fit on other instance families/);
    for (const entry of result.wouldFit) expect(entry.plan.memory.requiredGib).toBeLessThan(entry.plan.gpu.memoryGib);
  });

  it("says so when no change helps", () => {
    const job = jobs[0];
    if (job === undefined) throw new Error("no recipe");
    const result = search({ ...job, sequenceTokens: 50_000_000, completionTokens: 50_000_000 });
    expect(result.fits).toBe(false);
    if (!result.fits) expect(result.message).toMatch(/Nothing in the catalog fits/);
  });

  it("only offers what can be bought", () => {
    for (const job of jobs) {
      const plan = found(job, { capacity: ["on-demand"] });
      const instance = catalog.instances.find((entry) => entry.name === plan.instance.name);
      expect(instance?.onDemandUsdPerHour).not.toBeNull();
    }
  });
});
