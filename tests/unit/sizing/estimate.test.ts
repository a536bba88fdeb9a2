import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import { answerRow, rowFields, type RowAnswer } from "../../../sizing/row";

// Searches and child processes take seconds on a busy machine.
vi.setConfig({ testTimeout: 120_000 });

const row = (fields: Record<string, string>): Record<string, string> => ({
  ...Object.fromEntries(rowFields.map((field) => [field, ""])),
  id: "r1",
  method: "SFT",
  model: "Llama-3.2-3B",
  params_b: "3.21",
  trainable: "lora",
  lora_rank: "16",
  weights_precision: "bf16",
  train_dtype: "bf16",
  optimizer: "AdamW",
  seq_len: "2048",
  micro_batch: "1",
  grad_accum: "1",
  gpu: "NVIDIA L40S",
  num_gpus: "1",
  ...fields,
});

const answered = (fields: Record<string, string>): RowAnswer => {
  const answer = answerRow(row(fields));
  if ("error" in answer) throw new Error(answer.error);
  return answer;
};

const errorOf = (input: unknown): string => {
  const answer = answerRow(input);
  return "error" in answer ? answer.error : "";
};

describe("an estimate of one row", () => {
  it("adds its parts up to the peak of each metric", () => {
    for (const metric of ["torch max allocated", "torch max reserved", "process/nvidia-smi MiB"]) {
      const answer = answered({ peak_metric: metric });
      const sum = Object.values(answer.parts).reduce((a, b) => a + b, 0);
      expect(sum).toBeCloseTo(answer.peakGiB, 1);
    }
  });

  it("orders what tools print: allocated, reserved, device", () => {
    const [allocated, reserved, device] = ["torch max allocated", "torch max reserved", "nvidia-smi"].map(
      (peak_metric) => answered({ peak_metric }).peakGiB,
    );
    expect(allocated).toBeLessThan(reserved ?? 0);
    expect(reserved).toBeLessThan(device ?? 0);
  });

  it("lists what it filled in for blanks", () => {
    const { assumed } = answered({ method: "", optimizer: "", grad_accum: "", attention: "" });
    for (const field of ["method: SFT", "optimizer: ", "grad_accum: 1", "attention: "])
      expect(assumed.some((entry) => entry.startsWith(field))).toBe(true);
  });

  it("says whether the job fits on the GPU, and null when the GPU is not known", () => {
    expect(answered({ gpu: "NVIDIA L40S" }).fits).toBe(true);
    expect(answered({ gpu: "A10G-24", trainable: "full", lora_rank: "" }).fits).toBe(false);
    expect(answered({ gpu: "" }).fits).toBeNull();
  });

  it("uses the memory that a row states for its GPU", () => {
    const fields = { trainable: "qlora", weights_precision: "nf4", micro_batch: "4" };
    expect(answered({ ...fields, gpu: "Tesla T4 (14.741 GiB)" }).fits).toBe(false);
    expect(answered({ ...fields, gpu: "NVIDIA A100-SXM4-80GB (79.318 GiB)" }).fits).toBe(true);
  });

  it.each([
    ["some-new-model", "3", "3 billion"],
    ["somebody/New-Model-13B-v2", "", "13 billion"],
    ["", "7", "7 billion"],
  ])("takes a model that it does not know by its size: %j, %j", (model, params_b, said) => {
    expect(answered({ model, params_b }).assumed.join()).toContain(said);
  });

  it("says so when the stated size is not the model's", () => {
    expect(answered({ model: "Llama-3.2-3B", params_b: "70" }).assumed.join()).toMatch(/params_b: 70 is not the size/);
  });

  it("holds all experts of a mixture in memory but computes with those that a token passes through", () => {
    const mixture = answered({ model: "Qwen/Qwen3-30B-A3B", params_b: "" });
    const dense = answered({ model: "Qwen/Qwen3-32B", params_b: "" });
    expect(mixture.parts.weights).toBeGreaterThan(0.9 * (dense.parts.weights ?? 0));
    expect(mixture.tokensPerSecondPerGpu).toBeGreaterThan(2 * dense.tokensPerSecondPerGpu);
  });

  it("keeps no logits for reward models and embeddings", () => {
    expect(answered({ method: "RM" }).parts.logits).toBe(0);
    expect(answered({ model: "Qwen3-Embedding-4B", params_b: "", micro_batch: "64" }).parts.logits).toBe(0);
  });

  it("counts PPO's value model beside the policy", () => {
    const full = { trainable: "full", lora_rank: "", gpu: "H200", optimizer: "AdamW fused" };
    const [grpo, ppo] = ["GRPO", "PPO"].map((method) => answered({ ...full, method }).parts);
    expect(ppo?.weights).toBeCloseTo(2 * (grpo?.weights ?? 0), 1);
    expect(ppo?.optimizer).toBeCloseTo(2 * (grpo?.optimizer ?? 0), 1);
  });

  it.each(["FSDP", "FULL_SHARD", "fsdp2 full_shard", "ZeRO-3", "zero3", "DeepSpeed ZeRO Stage 3", "zero_3"])(
    "shards states over the GPUs for %j",
    (sharding) => {
      const full = { trainable: "full", lora_rank: "", num_gpus: "8", gpu: "H100" };
      const whole = answered({ ...full, sharding: "DDP" });
      expect(answered({ ...full, sharding }).parts.weights).toBeCloseTo((whole.parts.weights ?? 0) / 8, 1);
    },
  );

  it.each(["no", "False", "off", "none", "0"])("reads %j as no", (word) => {
    const plain = answered({ cpu_offload: "", activation_ckpt: "no", compile: "" });
    expect(answered({ cpu_offload: word, activation_ckpt: word, compile: word }).parts).toEqual(plain.parts);
  });

  it.each([
    [{ gpu: "8 x H100", num_gpus: "" }, "num_gpus: 8"],
    [{ gpu: "p5.48xlarge", num_gpus: "" }, "num_gpus: 8"],
    [{ gpu: "ml.g6e.12xlarge", num_gpus: "" }, "num_gpus: 4"],
  ])("takes the number of GPUs from %j", (fields, said) => {
    expect(answered(fields).assumed).toContain(said);
  });

  it("reads lengths as people write them", () => {
    const grpo = { method: "GRPO", micro_batch: "4" };
    const sum = answered({ ...grpo, seq_len: "512+1024" }).peakGiB;
    expect(answered({ ...grpo, seq_len: "prompt 512, response 1024" }).peakGiB).toBe(sum);
    expect(answered({ seq_len: "8k" }).peakGiB).toBe(answered({ seq_len: "8,192" }).peakGiB);
  });

  it("takes numbers, booleans and nulls of a JSON line for text and blanks", () => {
    const typed = answerRow({ ...row({}), params_b: 3.21, num_gpus: 1, compile: false, sharding: null });
    expect(typed).toEqual(answerRow(row({ compile: "false" })));
  });
});

describe("a row that cannot be used", () => {
  it("is refused with every wrong field, its value and what is allowed", () => {
    const message = errorOf(
      row({ method: "SFTX", model: "no-such-thing", params_b: "", gpu: "ZX81", micro_batch: "0", num_gpus: "-2" }),
    );
    expect(message).toMatch(/method: "SFTX" is not one of SFT, DPO/);
    expect(message).toMatch(/model: "no-such-thing"/);
    expect(message).toMatch(/gpu: "ZX81" is not one of .*h100/);
    expect(message).toMatch(/micro_batch: "0" must be a positive/);
    expect(message).toMatch(/num_gpus: "-2" must be a positive/);
  });

  it.each([
    [
      { trainable: "full", weights_precision: "nf4", lora_rank: "" },
      /trainable: "full" contradicts weights_precision "nf4"/,
    ],
    [{ trainable: "qlora", weights_precision: "bf16" }, /contradicts trainable "qlora"/],
    [{ trainable: "full", lora_rank: "16" }, /lora_rank: "16" contradicts trainable "full"/],
    [{ seq_len: "-4096" }, /seq_len: "-4096"/],
    [{ params_b: "-3" }, /params_b: "-3"/],
    [{ vllm_util: "1.4" }, /vllm_util: "1.4"/],
    [{ trainable: "everything" }, /trainable: "everything" is not one of full, lora, qlora/],
    [{ optimizer: "sophia" }, /optimizer: "sophia" is not one of AdamW/],
    [
      { trainable: "Full fine-tuning", weights_precision: "int8", lora_rank: "" },
      /contradicts weights_precision "int8"/,
    ],
    [{ weights_precision: "bf17" }, /weights_precision: "bf17" is not one of bf16/],
    [{ num_gpus: "eight" }, /num_gpus: "eight" must be a positive whole number/],
    [{ num_gpus: "0x8" }, /num_gpus/],
    [{ vllm_util: "much" }, /vllm_util: "much" must be a positive number/],
    [{ lora_rank: "0" }, /lora_rank: "0" must be a positive whole number/],
  ])("says what is wrong with %j", (fields, expected) => {
    expect(errorOf(row(fields))).toMatch(expected);
  });

  it("is an error, not a crash, when it is no object", () => {
    expect(errorOf(17)).toContain("one JSON object");
    expect(errorOf([])).toContain("one JSON object");
    expect(errorOf({ ...row({}), gpu: { name: "H100" } })).toContain("gpu: must be text");
  });
});

describe("npm run -s estimate", () => {
  it("answers line by line and goes on after a line that it cannot use", () => {
    const tool = join(__dirname, "..", "..", "..", "tools", "estimate.ts");
    const input = [
      JSON.stringify(row({ id: "first" })),
      "not json",
      JSON.stringify(row({ id: "second", gpu: "ZX81" })),
      JSON.stringify(row({ id: "third" })),
    ].join("\n");
    const run = spawnSync(process.execPath, ["--require", "ts-node/register/transpile-only", tool], {
      input,
      encoding: "utf8",
    });
    const lines = run.stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(run.status).toBe(0);
    expect(lines.map((line) => line.id)).toEqual(["first", null, "second", "third"]);
    expect(lines[1]?.error).toContain("not JSON");
    expect(lines[2]?.error).toContain("ZX81");
    expect(Object.keys(lines[0] ?? {}).sort()).toEqual([
      "assumed",
      "fits",
      "id",
      "parts",
      "peakGiB",
      "tokensPerSecondPerGpu",
    ]);
  });
});
