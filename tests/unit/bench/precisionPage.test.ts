import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { measuredPrecisions, precisionPage } from "../../../bench/precisionPage";
import facts from "../../../flows/posttraining/precision_facts.json";
import { root } from "../../../machine/checkout.mjs";

describe("docs/precision.md", () => {
  it("is what was measured; `node setup/run.mjs bench/precision.ts` writes it", async () => {
    expect(readFileSync(join(root, "docs", "precision.md"), "utf8")).toBe(await precisionPage());
  });

  it("has the learning rate below which bfloat16 alone is refused: the least that kept nine tenths of the gain", () => {
    const working = measuredPrecisions().measured.filter(
      ({ policy, shareOfGain }) => policy === "bfloat16" && shareOfGain >= 0.9,
    );
    expect(facts.bfloat16.leastLearningRate).toBe(Math.min(...working.map(({ learningRate }) => learningRate)));
  });
});
