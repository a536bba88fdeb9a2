import { describe, expect, it } from "vitest";
import { gpuByKey } from "../../../../catalog/gpus";
import type { Job } from "../../../../sizing/job";
import { engineSettings, generationNodesFor } from "../../../../sizing/search/engine";
import { instanceNamed, job } from "./candidates";

const colocated = (recipe: string, utilization: number | "auto"): Job =>
  job(recipe, { generation: { kind: "colocated", utilization, sleep: true } });
const h100 = gpuByKey("h100");

describe("a colocated engine", () => {
  it("has a fifth of the GPU at least, and what the recipe says", () => {
    expect(engineSettings(colocated("grpo-3b", "auto"), h100, 8)).toEqual({ utilization: 0.2, tensorParallel: 1 });
    expect(engineSettings(colocated("grpo-3b", 0.5), h100, 8)).toEqual({ utilization: 0.5, tensorParallel: 1 });
  });

  it("is spread over as many GPUs as its weights need", () => {
    expect(engineSettings(colocated("grpo-70b", "auto"), h100, 8)?.tensorParallel).toBe(4);
    expect(engineSettings(colocated("grpo-70b", 0.3), h100, 8)?.tensorParallel).toBe(8);
    expect(engineSettings(colocated("grpo-70b", "auto"), h100, 1)).toBeUndefined();
    expect(engineSettings(colocated("grpo-3b", 0.9), h100, 8)).toBeUndefined();
  });

  it("takes nothing where there is none", () => {
    expect(engineSettings(job("sft-3b"), h100, 8)).toEqual({ utilization: 0, tensorParallel: 1 });
  });
});

describe("nodes that only generate", () => {
  const nodes = (recipe: string, name: string, kind: "server" | "transformers"): number | undefined => {
    const instance = instanceNamed(name);
    return generationNodesFor(job(recipe, { generation: { kind } }), instance, gpuByKey(instance.gpu));
  };

  it("are one for a server, none otherwise, and none that could hold too large a model", () => {
    expect(nodes("grpo-3b", "g6e.xlarge", "server")).toBe(1);
    expect(nodes("grpo-3b", "g6e.xlarge", "transformers")).toBe(0);
    expect(nodes("grpo-70b", "g6e.xlarge", "server")).toBeUndefined();
    expect(nodes("grpo-70b", "p5.48xlarge", "server")).toBe(1);
  });
});
