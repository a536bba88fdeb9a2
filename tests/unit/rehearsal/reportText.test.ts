import { describe, expect, it } from "vitest";
import { reportLines, summaryLines } from "../../../rehearsal/reportText";
import { broken, identityOf, recordOf } from "./records";

describe("a report for people", () => {
  it("names what holds and what does not, what stood in for what, and how long it took", () => {
    const replaced = [{ what: "model.attention flash_attention_2", by: "sdpa", why: "its kernels need a GPU" }];
    expect(reportLines(recordOf(identityOf(), { ...broken, replaced }))).toEqual([
      "What it proves:",
      "  FAILED  the adapter is not empty: 0 tensors: write it whole",
      "  passed  the endpoint answers: 200",
      "",
      "What a processor cannot have, and what stood in for it:",
      "  model.attention flash_attention_2: sdpa (its kernels need a GPU)",
      "",
      "Seconds: 80 (train 12)",
      "sft-70b: FAILED, 1 of 2 invariants hold",
    ]);
  });

  it("says what was left out, and that it then counts for nothing", () => {
    expect(reportLines(recordOf(identityOf(), {}, ["the dry run at full size"]))).toContain(
      "Left out: the dry run at full size; `up` takes this for no rehearsal.",
    );
  });
});

describe("a summary of several", () => {
  it("is a line each, with what could not be carried out", () => {
    expect(
      summaryLines([
        { name: "sft-70b LoRA", record: recordOf(identityOf()) },
        { name: "sft-70b full", record: recordOf(identityOf(), broken) },
        { name: "dpo-3b LoRA", record: null, problem: "it ended with status 2\nmore" },
      ]),
    ).toEqual([
      "sft-70b LoRA  passed      80 s  1 invariant",
      "sft-70b full  FAILED      80 s  2 invariants; not: the adapter is not empty",
      "dpo-3b LoRA   NOT RUN  it ended with status 2",
    ]);
  });
});
