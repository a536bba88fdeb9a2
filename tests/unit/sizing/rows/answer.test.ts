import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import { asked } from "../../../../bench/evaluation";
import { measuredRows } from "../../../../bench/measurements";
import { answerRow, type RowAnswer } from "../../../../sizing/rows/answer";
import { longestCell } from "../../../../sizing/rows/cells";
import { rowFields, unreadColumns } from "../../../../sizing/rows/fields";
import { fieldMeant } from "../../../../sizing/rows/keys";

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
    expect(answered({ ...grpo, seq_len: "prompt<=0.5k resp<=1,024 (caps in the script)" }).peakGiB).toBe(sum);
    expect(answered({ seq_len: "8k" }).peakGiB).toBe(answered({ seq_len: "8,192" }).peakGiB);
    expect(answered({ micro_batch: "64 (global)" }).assumed.join()).toContain("micro_batch: 8 (default");
  });

  it.each([
    [
      "trainable",
      "LoRA+",
      "LoRA r=16",
      "rsLoRA",
      "rs_lora",
      "DoRA",
      "lora_llm",
      "lora/qlora?",
      "peft:P_TUNING",
      "peft",
    ],
    [
      "optimizer",
      "adamw_8bit (bitsandbytes)",
      "PagedAdamW8bit",
      "DeepSpeedCPUAdam",
      "torch.optim.AdamW",
      "8-bit AdamW",
    ],
    ["attention", "FlashAttention-2", "flash_attn", "FA-3", "kernels-community/flash-attn3", "none", "mem efficient"],
    ["loss_impl", "Liger-Kernel", "cut_cross_entropy", "chunked CE (litgpt)", "CEWithChunkedOutputLoss", "no"],
    ["activation_ckpt", "gradient_checkpointing", "full+act offload", "selective-op", "on", "no (default)", "1"],
    ["cpu_offload", "params+opt", "optimizer_states", "DeepSpeed CPU offload", "unknown", "y"],
    ["train_dtype", "torch.bfloat16", "BF16 + fp8", "16-mixed", "amp_bfloat16", "half", "auto"],
    ["weights_precision", "torch.float16", "4-bit", "4 bit", "NF4 double quant", "load_in_4bit", "q4_k_m", "default"],
    ["seq_is", "max (short samples, unpacked)", "mean 200", "fixed length"],
    ["sharding", "NO_SHARD", "fully_shard", "DP + TP1", "DeepSpeed stage 3", "zero3_offload", "data parallel", "none"],
    ["vllm_mode", "co-located", "colocate+standby", "separate node", "async_server", "off"],
    ["packing", "padding_free", "varlen", "packed", "False"],
    ["compile", "yes", "0"],
    ["peak_metric", "torch.cuda.max_memory_allocated", "nvidia-smi-like", "reported (method unstated)", "peak_vram"],
  ])("finds known words inside a text of %s", (field, ...texts) => {
    for (const text of texts) expect(answered({ [field]: text }).id, text).toBe("r1");
  });

  it.each([
    ["optimizer", "paged-adamw-8-bit", "paged_adamw_8bit"],
    ["attention", "FA-2", "flash"],
    ["weights_precision", "load_in_4_bit", "nf4"],
    ["train_dtype", "mixed", "fp16"],
    ["vllm_mode", "co-located", "colocate"],
    ["sharding", "Fully Sharded Data Parallel", "FULL_SHARD"],
  ])("reads %s %j as it reads %j", (field, text, same) => {
    expect(answered({ [field]: text, num_gpus: "4" }).parts).toEqual(answered({ [field]: same, num_gpus: "4" }).parts);
  });

  it("says that a rank is not used where nobody asks for an adapter", () => {
    expect(answered({ trainable: "" }).assumed).toContain("lora_rank: 16 is not used by full training");
    expect(answered({ trainable: "lora" }).assumed.join()).not.toContain("is not used");
  });

  it.each(["BF16", "bfloat16", "torch.bfloat16"])("knows bf16 as %s", (train_dtype) => {
    expect(answered({ trainable: "full", lora_rank: "", weights_precision: "", train_dtype }).parts).toEqual(
      answered({ trainable: "full", lora_rank: "", weights_precision: "", train_dtype: "bf16" }).parts,
    );
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

  it.each([
    ["trainable", "loraa", "lora"],
    ["trainable", "lora-foo", "lora"],
    ["trainable", "fulll", "full"],
    ["trainable", "peft:ADALORRA", "adalora"],
    ["trainable", "peft:banana", undefined],
    ["optimizer", "adamm", "AdamW"],
    ["optimizer", "adamw_8bitt", "adamw_8bit"],
    ["attention", "flashh", "flash"],
    ["attention", "sdpaa (default)", "sdpa"],
    ["attention", "true", undefined],
    ["loss_impl", "ligerr", "liger"],
    ["loss_impl", "chunkedd", "chunked"],
    ["activation_ckpt", "fulll", "full"],
    ["activation_ckpt", "banana no", undefined],
    ["cpu_offload", "paramss", "params"],
    ["cpu_offload", "off-load", undefined],
    ["train_dtype", "bf166", "bf16"],
    ["train_dtype", "Bfloat166", undefined],
    ["weights_precision", "nf44", "nf4"],
    ["weights_precision", "int88", "int8"],
    ["seq_is", "exactt", "exact"],
    ["sharding", "fsdpp", "FSDP"],
    ["sharding", "megatronn", "Megatron"],
    ["vllm_mode", "serverr", "server"],
    ["packing", "perhaps", undefined],
    ["packing", "yess", "yes"],
    ["compile", "tru", "true"],
    ["peak_metric", "alocated", "allocated"],
  ])("has no word in %s that is known: %j", (field, text, near) => {
    const [problem, ...others] = errorOf(row({ [field]: text })).split(/; (?!did you mean)/);
    expect(others).toEqual([]);
    expect(problem).toContain(`${field}: "${text}" is not one of `);
    expect(problem?.split("; did you mean ")[1]).toBe(near === undefined ? undefined : `${near}?`);
  });

  it("offers for an unknown word only what is understood", () => {
    const fields = rowFields.filter((field) => errorOf(row({ [field]: "banana" })).includes(" is not one of "));
    expect(fields).toHaveLength(16);
    for (const field of fields.filter((name) => name !== "gpu" && name !== "method")) {
      const [, listed = ""] = errorOf(row({ [field]: "banana" })).split(" is not one of ");
      for (const word of listed.replace("<method>", "vera").split(", "))
        expect(errorOf(row({ [field]: word, num_gpus: "8" })), `${field} ${word}`).not.toContain(" is not one of ");
    }
  });

  it("names what is wrong in every field in one message", () => {
    const wrong = {
      ...{ method: "SFTX", optimizer: "sophia", trainable: "lorra", weights_precision: "bf17", gpu: "H1000" },
      ...{ seq_len: "1e", num_gpus: "many", micro_batch: "12abc", lora_rank: "1.2.3", params_b: "1e30" },
      ...{ grad_accum: "x", vllm_util: "7", num_generations: "few", sharding: "TP1e9", seq_is: "mean 1e12 tokens" },
    };
    const message = errorOf({ ...row(wrong), batch_size: 4 });
    for (const field of ["batch_size", ...Object.keys(wrong)])
      expect(`; ${message}`.split(`; ${field}: `), field).toHaveLength(2);
    expect(message).toMatch(/method: "SFTX" .*; did you mean SFT\?/);
    expect(message).toMatch(/trainable: "lorra" .*; did you mean lora\?/);
    expect(message).toContain('seq_is: "mean 1e12 tokens" must have a mean from 1 to 16777216 tokens');
  });

  it("says one mistake once: a model is asked for only where the size can be read", () => {
    const size = 'params_b: "7e9" must be a positive number of billions from 0.0001 to 20000, such as 7, 7B or 500M';
    for (const model of ["", "no-such-thing"]) expect(errorOf({ params_b: "7e9", model })).toBe(size);
    expect(errorOf({ params_b: {}, model: "" })).toBe("params_b: must be text, not an object");
    for (const input of [{}, { model: "" }, { model: null }, { model: " " }])
      expect(errorOf(input)).toMatch(/^model: is missing; use one of [^;]*, or give params_b$/);
  });

  it("offers the model that may be meant", () => {
    expect(errorOf(row({ model: "Lama-3.2", params_b: "" }))).toMatch(/or give params_b$/);
    expect(errorOf(row({ model: "Ministrall-8X", params_b: "" }))).toMatch(/; did you mean Ministral-8B\?$/);
    expect(errorOf(row({ model: "Some-99999999B", params_b: "" }))).toContain('"Some-99999999B" is not known');
  });

  it.each(["512+512+512", "0+512", "512+1e9", "prompt 512, response 1e9", "prompt -5, response 512"])(
    "has prompt and completion in range: not %s",
    (seq_len) => {
      expect(errorOf(row({ method: "GRPO", seq_len }))).toContain(`seq_len: "${seq_len}" must be`);
    },
  );

  it("is an error, not a crash, when it is no object", () => {
    expect(errorOf(17)).toContain("one JSON object");
    expect(errorOf([])).toContain("one JSON object");
    expect(errorOf({ ...row({}), gpu: { name: "H100" } })).toContain("gpu: must be text");
  });
});

describe("the keys of a row", () => {
  it.each([
    ["batch_size", "micro_batch"],
    ["per_device_train_batch_size", "micro_batch"],
    ["gpus", "num_gpus"],
    ["numGpus", "num_gpus"],
    ["n_gpu", "num_gpus"],
    ["gpu_type", "gpu"],
    ["GPU", "gpu"],
    ["sequence_length", "seq_len"],
    ["max_length", "seq_len"],
    ["context", "seq_len"],
    ["Seq_Len", "seq_len"],
    ["lora_r", "lora_rank"],
    ["params", "params_b"],
    ["gradient_accumulation_steps", "grad_accum"],
    ["gradient_checkpointing", "activation_ckpt"],
    ["gpu_memory_utilization", "vllm_util"],
    ["optimzer", "optimizer"],
    ["quantization", "weights_precision"],
  ])("that are no fields are refused with the field that is meant: %s", (key, field) => {
    expect(fieldMeant(key)).toBe(field);
    expect(errorOf({ ...row({}), [key]: "" })).toBe(`${key}: is not a field; did you mean ${field}?`);
  });

  it.each(["lr", "x", "", "__proto__", "constructor", "weather_report"])(
    "that nobody can guess are refused with the fields there are: %j",
    (key) => {
      const input = JSON.parse(`{${JSON.stringify(key)}: 1, "model": "Llama-3.2-3B"}`) as unknown;
      expect(errorOf(input)).toBe(`${key === "" ? '""' : key}: is not a field; the fields are ${rowFields.join(", ")}`);
    },
  );

  it("may be the columns of the measured table that the estimator does not look at, and no others", () => {
    const [first = {}] = measuredRows();
    expect([...rowFields, ...unreadColumns].sort()).toEqual(Object.keys(first).sort());
  });

  it("are named up to a number that somebody reads", () => {
    const message = errorOf(Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`weather${i}`, i])));
    expect(message).toContain("weather19: is not a field; 9980 more keys are no fields either; the fields are id,");
    expect(message.length).toBeLessThan(3000);
  });

  it("and cells are shown cut where they are long, and refused by their length before anything reads them", () => {
    const key = "k".repeat(100_000);
    expect(errorOf({ ...row({}), [key]: "" }).split("; ")[0]).toBe(`${"k".repeat(60)}…: is not a field`);
    // Over the limit not even a text that every reader takes at once is looked at.
    for (const field of rowFields.filter((name) => name !== "id")) {
      const text = `1${"0".repeat(longestCell)}`;
      expect(errorOf(row({ [field]: text }))).toBe(
        `${field}: "1${"0".repeat(59)}…" (501 characters) is too long: at most 500 characters`,
      );
      expect(errorOf(row({ [field]: text.slice(1) }))).not.toContain("too long");
    }
    expect(answerRow(row({ id: "i".repeat(100_000) })).id).toHaveLength(100_000);
  });

  it("have cells of text, numbers, booleans and nulls", () => {
    expect(errorOf({ ...row({}), gpu: ["H100"], lora_rank: { r: 1 }, id: {} })).toBe(
      "id: must be text, not an object; lora_rank: must be text, not an object; gpu: must be text, not a list",
    );
    expect(errorOf({ ...row({}), seq_len: true })).toMatch(/^seq_len: "true" must be a positive whole number/);
    expect(errorOf({ ...row({}), seq_len: 1e300 })).toMatch(/^seq_len: "1e\+300" must be a positive whole number/);
    expect(answerRow({ ...row({}), id: 7 }).id).toBe("7");
  });
});

describe("every row of the measured table", () => {
  const rows = measuredRows().map((measured) => ({ measured, answer: answerRow(asked(measured)) }));

  it("is understood, but for models that nobody knows", () => {
    const refused = rows.flatMap(({ answer }) => ("error" in answer ? [answer.error] : []));
    expect(refused).toHaveLength(20);
    for (const error of refused) expect(error).toMatch(/^model: "[^"]+" is not known; use one of [^;]*$/);
  });

  it("is understood to the last word", () => {
    const assumed = rows.flatMap(({ answer }) => ("error" in answer ? [] : answer.assumed));
    expect(assumed.filter((line) => /is not understood|is taken as \d|did you mean/.test(line))).toEqual([]);
  });

  it("has the same answer with the columns that are not for the estimator, and without its blanks", () => {
    const differing = rows.flatMap(({ measured, answer }) => {
      const stated = Object.entries(asked(measured)).filter(([, value]) => value !== "");
      const others = [measured, Object.fromEntries(stated)].map((input) => JSON.stringify(answerRow(input)));
      return others.every((other) => other === JSON.stringify(answer)) ? [] : [answer.id];
    });
    expect(differing).toEqual([]);
  });
});

describe("npm run -s estimate", () => {
  const tool = join(__dirname, "..", "..", "..", "..", "cli", "estimate.ts");
  const command = ["--require", "ts-node/register/transpile-only", tool];

  it("takes rows on its input and no argument: a file's name would be waited for in vain", () => {
    const run = spawnSync(process.execPath, [...command, "rows.jsonl"], { input: "", encoding: "utf8" });
    expect({ status: run.status, stdout: run.stdout }).toEqual({ status: 1, stdout: "" });
    expect(run.stderr).toMatch(
      /^Unexpected argument 'rows\.jsonl'\.[^]*\nnpm run -s estimate < rows\.jsonl\n[^]*seq_len/,
    );
  });

  it("answers line by line and goes on after a line that it cannot use", () => {
    const input = Buffer.concat([
      Buffer.from(`${JSON.stringify(row({ id: "first" }))}\nnot json\n\n`),
      Buffer.from(`${JSON.stringify(row({ id: "second", gpu: "ZX81" }))}\r\n`),
      Buffer.from([...Buffer.from('{"id":"bytes","model":"'), 0xff, 0x22, 0x7d, 0x0a]),
      Buffer.from(`${JSON.stringify(row({ id: "huge", model: "1".repeat(5_000_000) }))}\n`),
      Buffer.from(JSON.stringify(row({ id: "third" }))),
    ]);
    const run = spawnSync(process.execPath, command, { input });
    const lines = run.stdout
      .toString("utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(run.status).toBe(0);
    expect(lines.map((line) => line.id)).toEqual(["first", null, "second", "bytes", "huge", "third"]);
    expect(lines[1]?.error).toContain("not JSON");
    expect(lines[2]?.error).toContain("ZX81");
    expect(lines[3]?.error).toContain("not UTF-8");
    expect(lines[4]?.error).toContain("(5000000 characters) is too long");
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
