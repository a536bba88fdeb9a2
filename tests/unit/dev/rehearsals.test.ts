import { describe, expect, it } from "vitest";
import { rehearseAll, rehearseByChange } from "../../../dev/rehearsals";

describe("rehearsals as tests", () => {
  const lines: string[] = [];
  const print = (line: string): void => {
    lines.push(line);
  };
  const doing = (): void => undefined;

  it("count each recipe with adapters and with all weights, and each that does not pass as failed", async () => {
    const counts = await rehearseAll(print, doing, ({ recipe, trainable }) =>
      Promise.resolve(recipe !== "dpo-70b" || trainable === "full"),
    );
    expect(counts).toEqual({ passed: 11, failed: 1, skipped: 0 });
    expect(lines.filter((line) => line.startsWith("FAILED")).join()).toMatch(/^FAILED {2}dpo-70b LoRA/);
  });

  it("by change say what they leave out, loudly, and never rehearse nothing", async () => {
    lines.length = 0;
    const rehearsed: string[] = [];
    const files = ["flows/posttraining/models.py", "flows/posttraining/methods/grpo.py", "flows/dpo/flow.py"];
    const counts = await rehearseByChange(
      print,
      doing,
      ({ recipe }) => Promise.resolve(rehearsed.push(recipe) > 0),
      () => Promise.resolve(files),
    );
    expect(rehearsed[0]).toBe("sft-70b");
    expect(counts).toEqual({ passed: rehearsed.length, failed: 0, skipped: 0 });
    expect(lines.join("\n")).toMatch(/LEFT OUT, though the change asks for it: grpo-3b LoRA: GRPO/);
    expect(lines.join("\n")).toMatch(/NOT REHEARSED HERE: \d+ of 12; all of them: npm run test:rehearsals/);
    const nothing = await rehearseByChange(
      print,
      doing,
      () => Promise.resolve(false),
      () => Promise.resolve(undefined),
    );
    expect(nothing).toEqual({ passed: 0, failed: 1, skipped: 0 });
  });
});
