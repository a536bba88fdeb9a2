import { describe, expect, it } from "vitest";
import { findTask, isOwnTask, namesAt, overlap, taskNames } from "../../../recipe/evaluationTasks";

describe("a task of the project", () => {
  it("reports what its file lists", () => {
    expect(findTask("tiny_sums")).toMatchObject({ kind: "task", isOwn: true, datasets: [], modules: [] });
    expect(findTask("tiny_sums")?.metrics).toEqual(["exact_match", "number"]);
    // This one includes the file of the other.
    expect(findTask("tiny_sums_sampled")?.metrics).toEqual(["exact_match", "number"]);
  });

  it("is one of the folder's files", () => {
    expect(isOwnTask("tiny_sums_preference")).toBe(true);
    expect(isOwnTask("gsm8k")).toBe(false);
  });
});

describe("a task of lm-eval", () => {
  it("reports by filter, and reads what the hub has", () => {
    expect(findTask("gsm8k")).toMatchObject({
      kind: "task",
      isOwn: false,
      metrics: ["exact_match@flexible-extract", "exact_match@strict-match"],
      datasets: ["openai/gsm8k"],
      isUnsafe: false,
    });
    expect(findTask("no_such_task")).toBeUndefined();
  });

  it("may be a group, which needs and risks what its tasks do", () => {
    const group = findTask("mmlu");
    expect(group?.kind).toBe("group");
    expect(group?.metrics).toEqual(["acc"]);
    expect(findTask("mmlu_anatomy")?.places).toHaveLength(1);
    expect(overlap(group?.places ?? [], findTask("mmlu_anatomy")?.places ?? [])).toBe(true);
    expect(overlap(group?.places ?? [], findTask("gsm8k")?.places ?? [])).toBe(false);
    expect(findTask("ifeval")?.modules).toContain("langdetect");
    expect(findTask("leaderboard")?.modules).toContain("langdetect");
  });

  it("may be a tag, which stands for tasks that can be named", () => {
    const tag = findTask("ai2_arc");
    expect(tag?.kind).toBe("tag");
    expect(namesAt(tag?.places ?? [], 5)).toEqual(["arc_challenge", "arc_easy"]);
    expect(namesAt(tag?.places ?? [], 1)).toEqual(["arc_challenge"]);
  });

  it("is looked for among all names, each there once", () => {
    const names = taskNames();
    expect(names).toEqual(expect.arrayContaining(["tiny_sums", "gsm8k", "mmlu"]));
    expect(new Set(names).size).toBe(names.length);
  });
});
