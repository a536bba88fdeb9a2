import type { Row } from "./fields";
import { wordProblem } from "./vocabulary";

/** Number formats by the names that all else here looks for. */
export const numberFormat = (text: string): string =>
  text
    .replace(/(?<![a-z0-9])bfloat16(?![a-z0-9])/gi, "bf16")
    .replace(/(?<![a-z0-9])(?:float16|half)(?![a-z0-9])/gi, "fp16");

export type Precision = "4-bit" | "8-bit" | "16-bit" | "32-bit";

const precisions: readonly (readonly [pattern: RegExp, precision: Precision])[] = [
  [/nf4|int4|fp4|4[-_ ]?bit|gptq|awq|q4/, "4-bit"],
  [/int8|fp8|8[-_ ]?bit/, "8-bit"],
  [/fp32|float32|f32|32[-_ ]?bit|full precision/, "32-bit"],
  [/b?f(p|loat)?16|half|16[-_ ]?bit/, "16-bit"],
];

/** The precision of the weights; undefined where the row does not state it. */
export function parsePrecision(row: Row): Precision | undefined {
  if (wordProblem("weights_precision", row) !== undefined) return undefined;
  const text = row.weights_precision.toLowerCase();
  if (/^(unknown|auto|default)/.test(text)) return undefined;
  return precisions.find(([pattern]) => pattern.test(text))?.[1];
}
