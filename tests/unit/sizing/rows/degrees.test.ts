import { describe, expect, it } from "vitest";
import { answerRow } from "../../../../sizing/rows/answer";

const job = { id: "r1", method: "SFT", model: "Llama-3.2-3B", trainable: "lora", seq_len: "2048" };

const errorOf = (fields: Record<string, string>): string => {
  const answer = answerRow({ ...job, ...fields });
  return "error" in answer ? answer.error : "";
};

describe("the degrees of a sharding", () => {
  it("need no more GPUs than there are, and are in a sensible range", () => {
    expect(errorOf({ num_gpus: "8", sharding: "Megatron TP8 PP2" })).toBe(
      'sharding: "Megatron TP8 PP2" contradicts num_gpus "8": its degrees need 16 GPUs',
    );
    expect(errorOf({ num_gpus: "16", sharding: "Megatron TP8 PP2" })).toBe("");
    expect(errorOf({ sharding: "Megatron TP8 PP2" })).toBe("");
    for (const sharding of ["TP1e9", "TP2.5", "TP4096"])
      expect(errorOf({ sharding })).toBe(
        `sharding: "${sharding}" must have degrees from 1 to 1024, such as Megatron TP4 PP2`,
      );
  });
});
