/** Endings that say how a model was tuned, quantised or packed for others, and nothing about its shape. */
const variantEnding = new RegExp(
  `-(${[
    "instruct|chat|base|it|hf|sft|dpo|rlhf|pt|text|preview|deduped|beta|latest",
    "bnb-4bit|unsloth|gptq(-int[48])?|awq|gguf|int[48]|[48]bit|fp8|bf16|fp16|qat",
    String.raw`v\d+(\.\d+)?|\d{4}|\d{6}|\d+k|1m`,
  ].join("|")})$`,
);

/** A name without organisation, remarks in brackets and endings of variants, in lower case with dashes. */
export function normalise(name: string): string {
  let text = name
    .toLowerCase()
    .replace(/\/+$/, "")
    .replace(/^.*\//, "")
    .replace(/\s*\(.*\)\s*/g, " ")
    .trim()
    .replace(/[_\s]+/g, "-")
    .replace(/^(meta|hf|mlx)-(?=llama)/, "");
  for (let shorter = text.replace(variantEnding, ""); shorter !== text && shorter !== "";) {
    text = shorter;
    shorter = text.replace(variantEnding, "");
  }
  return text;
}

/** Size in billions of parameters that a name states, for example 14 for `Qwen3-14B-Base` and 30 for `Qwen3-30B-A3B`. */
export function sizeFromName(name: string): number | undefined {
  const match = /(?:^|[-_ a-wyz])(\d+(?:\.\d+)?)(b|m)(?=$|[-_ ])/.exec(normalise(name));
  if (match === null) return undefined;
  const value = Number(match[1]);
  return match[2] === "m" ? value / 1000 : value;
}
