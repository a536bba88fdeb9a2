import { describe, expect, it } from "vitest";
import { engineGib } from "../../../../sizing/memory/generation";
import type { Workload } from "../../../../sizing/workload";
import { partOf, parameters } from "./workload";

describe("an inference engine", () => {
  const engine = (generation: Workload["generation"]): number =>
    partOf((job, model) => engineGib(job, model, 80), { generation });

  it("takes its share of the whole GPU, and its weights at least", () => {
    expect(engine({ kind: "colocated", utilization: 0.3, sleep: true, tensorParallel: 1 })).toBe(25);
    expect(engine({ kind: "colocated", utilization: 0.01, sleep: true, tensorParallel: 1 })).toBeCloseTo(
      (2 * parameters * 1.1) / 2 ** 30 + 1,
      9,
    );
    for (const kind of ["none", "transformers", "server"] as const) expect(engine({ kind })).toBe(0);
  });
});
