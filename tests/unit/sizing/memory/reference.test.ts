import { describe, expect, it } from "vitest";
import { referenceBytes } from "../../../../sizing/memory/reference";
import type { Workload } from "../../../../sizing/workload";
import { partOf, parameters } from "./workload";

describe("a reference model", () => {
  it("has the policy's weights once more where it is a separate one", () => {
    const bytes = (reference: Workload["reference"]): number =>
      partOf((job, model) => referenceBytes(job, model, 7), { reference });
    expect(bytes("separate")).toBe(2 * parameters + 7);
    for (const other of ["none", "adapter-off", "precomputed"] as const) expect(bytes(other)).toBe(0);
  });
});
