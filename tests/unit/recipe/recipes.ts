import table from "../../recipes/documents.json";

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

type Tree = Record<string, unknown>;

/** The document of a method in tests/recipes/documents.json with values laid over it, by their paths. */
export function documentWith(method: string, values: Readonly<Record<string, unknown>>): unknown {
  const document = structuredClone((table.documents as Record<string, Tree>)[method] ?? {});
  for (const [path, value] of Object.entries(values)) {
    const keys = path.split(".");
    let place: Tree = document;
    for (const key of keys.slice(0, -1)) place = (place[key] ??= {}) as Tree;
    place[keys.at(-1) ?? ""] = value;
  }
  return document;
}
