/** Recipe documents for tests: valid, small, and changed by each test where it matters. */
export const sftDocument = {
  method: "sft",
  name: "sft-test",
  description: "A recipe for tests.",
  model: { base: "tiny:llama" },
  dataset: { source: "tiny:sums" },
  sequence: { maxLength: 64 },
  trainable: { kind: "full" },
  precision: "float32",
  optimizer: { learningRate: 3e-3 },
  batch: { global: 32 },
  duration: { steps: 10 },
  evaluation: { tasks: ["tiny_sums"], headline: "tiny_sums/exact_match" },
  gate: [{ metric: "tiny_sums/exact_match", minimum: 0.8 }],
};

export const grpoDocument = {
  ...sftDocument,
  method: "grpo",
  name: "grpo-test",
  sequence: { maxLength: 64, maxCompletionLength: 12 },
  grpo: { rewards: [{ name: "tiny_sums_exact" }] },
};
