import { shownValue } from "../../validation/shownValue";
import { numbersIn } from "../../validation/numberText";
import type { TrainingMethod } from "../workload";
import type { Row } from "./fields";
import { fieldNumbers, inRangeOf, numberProblem, rangeOf, readNumberField, tokenUnits } from "./numbers";
import { saysNo, saysYes } from "./vocabulary";

/** Longest sequence in a few thousand short instruction samples (Alpaca and its like), tokens. */
const longestShortSample = 650;

export interface Lengths {
  readonly sequence: number;
  readonly completion: number;
  readonly fillShare: number;
}

/** Prompt and completion where a text has both: `512+1024`, `prompt 512, response 1024`; in range each and together. */
function promptAndCompletion(text: string): readonly [number, number] | "wrong" | undefined {
  if (!/\+|prompt/.test(text)) return undefined;
  const numbers = fieldNumbers("seq_len", text);
  const pairs = numbers.slice(1).flatMap((second, index) => {
    const first = numbers[index];
    return first === undefined ? [] : [{ first, second, between: text.slice(first.end, second.start) }];
  });
  const sums = pairs.filter(({ between }) => /^\s*\+\s*$/.test(between));
  const named = pairs.find(
    ({ first, between }) =>
      /prompt\D{0,12}$/.test(text.slice(0, first.start)) && /^\D+(?:resp|compl|output)\D{0,12}$/.test(between),
  );
  const pair = sums[0] ?? named;
  if (pair === undefined) return undefined;
  const { value: prompt } = pair.first;
  const { value: completion } = pair.second;
  // Three lengths: nobody says which are the completion's.
  if (sums.some(({ first }) => first === sums[0]?.second)) return "wrong";
  if (prompt === undefined || completion === undefined || !inRangeOf("seq_len", prompt + completion)) return "wrong";
  return [prompt, completion];
}

/** Mean tokens of a sample: `max (mean ~210 tok/sample)`. */
function meanTokens(row: Row, problems: string[]): number | undefined {
  const behind = row.seq_is.toLowerCase().split("mean ")[1];
  const [number] = behind === undefined || !/^~?\.?\d/.test(behind) ? [] : numbersIn(behind, tokenUnits);
  if (number === undefined) return undefined;
  if (number.value === undefined || !inRangeOf("seq_len", number.value))
    problems.push(`seq_is: ${shownValue(row.seq_is)} must have a mean ${rangeOf("seq_len")} tokens`);
  return number.value;
}

/** Lengths of the sequences that a row trains on. What is wrong goes into `problems`, what it does not say into `assumed`. */
export function parseLengths(row: Row, method: TrainingMethod, assumed: string[], problems: string[]): Lengths {
  const mean = meanTokens(row, problems);
  const pair = promptAndCompletion(row.seq_len.toLowerCase());
  if (pair === "wrong") {
    problems.push(numberProblem("seq_len", row.seq_len));
    return usualLengths(row, method, assumed);
  }
  if (pair !== undefined) return pairLengths(row, pair);
  const longest = readNumberField("seq_len", row.seq_len, problems, assumed);
  if (longest === undefined) return usualLengths(row, method, assumed);
  return lengthsUpTo(longest, mean, row, method, assumed);
}

/** Where all logits are computed, or sequences are packed, the prompt's are computed too. */
function pairLengths(row: Row, [prompt, completion]: readonly [number, number]): Lengths {
  const all = row.loss_impl.toLowerCase().includes("full logits");
  return { sequence: prompt + completion, completion: all ? prompt + completion : completion, fillShare: 1 };
}

/** Lengths where the row states none. */
function usualLengths(row: Row, method: TrainingMethod, assumed: string[]): Lengths {
  const text = row.seq_len.toLowerCase();
  const short = /alpaca|short/.test(text) || row.seq_is.toLowerCase().includes("dynamic");
  const sequence = short ? longestShortSample : method === "grpo" ? 768 : 1024;
  assumed.push(`seq_len: ${String(sequence)} tokens`);
  return { sequence, completion: Math.ceil(sequence / 2), fillShare: text.includes("alpaca") ? 0.25 : 1 };
}

/** Lengths where the row states one that no sequence exceeds. */
function lengthsUpTo(
  longest: number,
  mean: number | undefined,
  row: Row,
  method: TrainingMethod,
  assumed: string[],
): Lengths {
  if (mean !== undefined)
    return { sequence: longest, completion: Math.ceil(longest / 2), fillShare: Math.min(1, mean / longest) };
  const kind = row.seq_is.toLowerCase();
  // Samples that are not packed seldom reach the length at which they would be cut off.
  if (kind.includes("short samples") || (/^max(imum)?(\/packed)?$/.test(kind) && saysNo(row.packing))) {
    const sequence = Math.min(longest, longestShortSample);
    assumed.push(`seq_len: samples are short, the longest takes ${String(sequence)} tokens`);
    return { sequence, completion: sequence, fillShare: 0.4 };
  }
  if (method === "dpo" || method === "grpo") assumed.push("seq_len: prompt and completion have equal parts");
  return { sequence: longest, completion: method === "grpo" ? Math.ceil(longest / 2) : longest, fillShare: 1 };
}

/** Samples share sequences. */
export const packs = (text: string): boolean => saysYes(text) || /padding.?free|varlen/i.test(text);
