import { gpuNouns, numbersIn, tokenNouns, unitWords, type NumberInText, type Units } from "../../validation/numberText";
import type { Row } from "./fields";
import { shownValue } from "../../validation/shownValue";

export type NumberField =
  "params_b" | "lora_rank" | "seq_len" | "micro_batch" | "grad_accum" | "num_gpus" | "vllm_util" | "num_generations";

interface NumberRules {
  readonly minimum: number;
  readonly maximum: number;
  readonly whole: boolean;
  readonly units: Units;
  /** Words that a number may follow without a space: `r16`. */
  readonly abbreviations: readonly string[];
  /** Words that may stand here without any number: the row does not state it. None: there must be a number. */
  readonly words: RegExp | undefined;
  /** Reads `2 x 8`: as 16, or as 2 and a remark; undefined where it means nothing. */
  readonly product?: "multiply" | "first";
  /** Of `1-2` and `4/8` the first counts, unless the field may be a fraction. */
  readonly fraction?: true;
  /** What the field takes, for messages: "must be ...". */
  readonly expected: string;
}

/** Of a count, k is a thousand; Ki is 1024 everywhere. */
const countUnits: Units = { ...unitWords(["k", "thousand"], 1000), ki: 1024 };
/** Of a length, k is 1024 and M is 1024 k, as context lengths are named: 8k is 8192 tokens, 131K 134,144. */
export const tokenUnits: Units = {
  ...tokenNouns,
  ...unitWords(["k", "ki"], 1024),
  ...unitWords(["m", "mi"], 1024 * 1024),
};
/** Of parameters, the field is in billions, so 7 and 7B are the same; M is a million, T a trillion. */
const parameterUnits: Units = {
  ...unitWords(["k", "thousand"], 1e-6),
  ...unitWords(["m", "million"], 1e-3),
  ...unitWords(["b", "bn", "billion"], 1),
  ...unitWords(["t", "trillion"], 1e3),
};
const sampleNouns = unitWords(
  ["seq", "seqs", "sequence", "sequences", "sample", "samples", "example", "examples", "pair", "pairs"],
  1,
);

/**
 * Tables have such words where a tool or a script decides: `per config`, `auto`, `$(expr 16 / 4)`, or where a column does
 * not apply to a run.
 */
const notStated =
  /^(?:(?:auto|automatic|default|defaults|dynamic|unknown|unstated|not stated|none|n\/a|na|per config|global)\b|[-?]+$|\$[({])/;
/** The table names a data set, or how samples are padded, instead of a length. */
const lengthWords = new RegExp(
  String.raw`${notStated.source}|(?<![a-z])(?:alpaca[a-z0-9]*|short|dynamic|longest|padded)(?![a-z])`,
);

/** The longest sequence that any published model states is 10M tokens (meta-llama/Llama-4-Scout-17B-16E). */
const longestTokens = 16 * 1024 * 1024;

/** Ranges leave room around what people run: the largest table entry is a small part of each maximum. */
const rules: Readonly<Record<NumberField, NumberRules>> = {
  params_b: {
    minimum: 0.0001,
    maximum: 20_000,
    whole: false,
    units: parameterUnits,
    abbreviations: [],
    words: undefined,
    expected: "a positive number of billions from 0.0001 to 20000, such as 7, 7B or 500M",
  },
  lora_rank: {
    minimum: 1,
    // The widest hidden layer of the table of shapes.
    maximum: 16_384,
    whole: true,
    units: countUnits,
    abbreviations: ["r", "rank"],
    words: notStated,
    expected: "a positive whole number from 1 to 16384, or `per config`",
  },
  seq_len: {
    minimum: 1,
    maximum: longestTokens,
    whole: true,
    units: tokenUnits,
    abbreviations: [],
    words: lengthWords,
    expected: `a positive whole number of tokens from 1 to ${longestTokens}, such as 4096, 8k (8192) or 512+1024 (prompt and completion)`,
  },
  micro_batch: {
    minimum: 1,
    maximum: 65_536,
    whole: true,
    units: { ...countUnits, ...sampleNouns },
    abbreviations: ["b", "bs", "mbs"],
    words: notStated,
    product: "first",
    expected: "a positive whole number from 1 to 65536, `8 (global)` or `auto`",
  },
  grad_accum: {
    minimum: 1,
    maximum: 100_000,
    whole: true,
    units: { ...countUnits, ...unitWords(["x", "step", "steps"], 1) },
    abbreviations: ["x", "ga", "gas"],
    words: notStated,
    product: "first",
    expected: "a positive whole number from 1 to 100000, or `auto`",
  },
  num_gpus: {
    minimum: 1,
    maximum: 100_000,
    whole: true,
    units: { ...countUnits, ...gpuNouns, x: 1 },
    abbreviations: ["x"],
    words: undefined,
    product: "multiply",
    expected: "a positive whole number from 1 to 100000, such as 8 or 2 x 8",
  },
  vllm_util: {
    minimum: Number.MIN_VALUE,
    maximum: 1,
    whole: false,
    units: unitWords(["%", "percent"], 0.01),
    abbreviations: [],
    words: undefined,
    fraction: true,
    expected: "a positive number: a share of the GPU, above 0 and at most 1, such as 0.3 or 30%",
  },
  num_generations: {
    minimum: 1,
    maximum: 10_000,
    whole: true,
    units: { ...countUnits, ...sampleNouns, ...unitWords(["generation", "generations", "completions", "rollouts"], 1) },
    abbreviations: ["n", "g"],
    words: notStated,
    expected: "a positive whole number from 1 to 10000",
  },
};

/** "field: value must be ...", for what cannot be read and for what is out of range alike. */
export const numberProblem = (field: NumberField, text: string): string =>
  `${field}: ${shownValue(text)} must be ${rules[field].expected}`;

/** What the numeric fields take, for people who ask. */
export const numberFieldHelp: readonly (readonly [NumberField, string])[] = Object.entries(rules).map(
  ([field, { expected }]) => [field as NumberField, expected],
);

export const inRangeOf = (field: NumberField, value: number): boolean =>
  value >= rules[field].minimum && value <= rules[field].maximum;

/** "from 1 to 100000" */
export const rangeOf = (field: NumberField): string => `from ${rules[field].minimum} to ${rules[field].maximum}`;

/** A number that people round where a unit scales it: `1.3k` tokens are 1331. */
function settled({ value, scaled }: NumberInText, field: NumberField): number | undefined {
  if (value === undefined) return undefined;
  const { whole } = rules[field];
  const rounded = whole && scaled ? Math.round(value) : value;
  return inRangeOf(field, rounded) && (!whole || Number.isInteger(rounded)) ? rounded : undefined;
}

/** All numbers in a field's text; undefined where one is not readable or not in the field's range. */
export const fieldNumbers = (
  field: NumberField,
  text: string,
): { readonly start: number; readonly end: number; readonly value: number | undefined }[] =>
  numbersIn(text, rules[field].units, rules[field].abbreviations).map((number) => ({
    start: number.start,
    end: number.end,
    value: settled(number, field),
  }));

/** Behind a number: another that stands for a range, a choice or a sum (`1-2`, `4/8`, `8 or 16`). */
const alternative = /^\s*(?:[-–—/|,;:+]|to\b|or\b)\s*[~<≤=]*\s*\.?\d/;
/** Behind a number: another that multiplies it. */
const factor = /^\s*[x×*]\s*\.?\d/i;
/** Behind a number: another, and nothing that would say how they belong together. */
const unrelated = /^\s+[~<≤=]*\s*\.?\d/;

/** What else people write into a field beside its number, by the fields that such a name is right for. */
const otherNames: readonly (readonly [names: string, field?: NumberField])[] = [
  [
    String.raw`(?:alpha|α)\s*/\s*(?:r|rank)|alpha|α|dropout|scale|scaling|lr|learning rate|weight decay|seed|temperature|temp|epochs?`,
  ],
  ["r|rank|dim", "lora_rank"],
  ["bs|mbs|batch|batch size", "micro_batch"],
  ["ga|gas|accum|accumulation|accumulation steps|grad accum", "grad_accum"],
  ["seq|seq len|seqlen|sequence|sequence length|ctx|context", "seq_len"],
];
/** Between a name and its number. */
const isBehind = String.raw`[\s=:~≈<≤(-]*(?:(?:is|of)\s+)?$`;
/** No part of a longer word, nor of a ratio: `alpha/r`. */
const notGlued = String.raw`(?<![\p{L}\p{N}]|[/*×÷]\s*)(?:lora[ _-]?)?`;
const named = (names: string): string => names.replaceAll(" ", "[ _-]?");
const namePatterns = (names: string): { readonly behindName: RegExp; readonly beforeName: RegExp } => ({
  behindName: new RegExp(`${notGlued}(?:${named(names)})${isBehind}`, "iu"),
  // `32 (alpha)`, but `16 alpha 32` is 16 and the alpha's number follows.
  beforeName: new RegExp(
    String.raw`^[\s(-]*(?:lora[ _-]?)?(?:${named(names)})(?![\p{L}\p{N}])(?![\s=:~≈<≤(-]*(?:(?:is|of)\s+)?\.?\d)`,
    "iu",
  ),
});
const ownPattern = namePatterns("r|rank|dim").behindName;
const foreignPatterns = new Map(
  (Object.keys(rules) as NumberField[]).map((field) => [
    field,
    namePatterns(otherNames.flatMap(([names, right]) => (right === field ? [] : [names])).join("|")),
  ]),
);

interface OwnNumber {
  /** Behind the last number where none is the field's. */
  readonly index: number;
  /** Another number could be meant as well. */
  readonly chosen: boolean;
}

/** The number that is the field's: what stands behind another name (`alpha 32`) is not. */
function ownNumber(field: NumberField, text: string, numbers: readonly NumberInText[]): OwnNumber {
  const before = ({ start }: NumberInText): string => text.slice(0, start);
  const own = field === "lora_rank" ? numbers.filter((number) => ownPattern.test(before(number))) : [];
  const [first] = own;
  if (first !== undefined)
    return { index: numbers.indexOf(first), chosen: own.some(({ value }) => value !== first.value) };
  const foreign = foreignPatterns.get(field);
  const index = numbers.findIndex(
    (number) =>
      foreign?.behindName.test(before(number)) !== true && foreign?.beforeName.test(text.slice(number.end)) !== true,
  );
  return index < 0 ? { index: numbers.length, chosen: false } : { index, chosen: index > 0 };
}

/** What a field's text says; "refused" where it must be written differently. */
type Reading = "refused" | "not stated" | { readonly value: number; readonly oneOfSeveral: boolean };

const only = (value: number | undefined): Reading => (value === undefined ? "refused" : { value, oneOfSeveral: false });

function readText(field: NumberField, text: string): Reading {
  const { words, units, abbreviations } = rules[field];
  // Most cells are plain digits.
  if (/^[1-9]\d{0,14}$/.test(text)) return only(inRangeOf(field, Number(text)) ? Number(text) : undefined);
  if (text.startsWith("$") && words?.test(text) === true) return "not stated";
  const numbers = numbersIn(text, units, abbreviations);
  if (numbers.length === 0) return words?.test(text.toLowerCase()) === true ? "not stated" : "refused";
  const { index, chosen } = ownNumber(field, text, numbers);
  const [first, second] = numbers.slice(index);
  return first === undefined ? "refused" : readNumber(field, text, first, second, chosen);
}

/** 2.000 is two for one reader and two thousand for another. */
const isAmbiguous = (written: string): boolean => /^\d{1,3}\.000$/.test(written);

/** The field's number, with what stands behind it. */
function readNumber(
  field: NumberField,
  text: string,
  number: NumberInText,
  next: NumberInText | undefined,
  chosen: boolean,
): Reading {
  const { whole, fraction } = rules[field];
  const value = settled(number, field);
  if (value === undefined || (whole && isAmbiguous(text.slice(number.start, number.end)))) return "refused";
  const rest = text.slice(number.end);
  if (unrelated.test(rest) || (fraction === true && /^\s*\//.test(rest))) return "refused";
  if (factor.test(rest)) return readProduct(field, text, value, next);
  return { value, oneOfSeveral: chosen || alternative.test(rest) };
}

/** `2 x 8`, as the field reads it. */
function readProduct(field: NumberField, text: string, value: number, by: NumberInText | undefined): Reading {
  if (by?.value === undefined || factor.test(text.slice(by.end))) return "refused";
  switch (rules[field].product) {
    case "multiply":
      return only(settled({ ...by, value: value * by.value }, field));
    case "first":
      return { value, oneOfSeveral: true };
    case undefined:
      return "refused";
  }
}

/**
 * The number of a field; undefined where the row does not state it. What is wrong goes into `problems`, and a choice
 * between several numbers into `assumed`.
 *
 * @param text of bounded length
 */
export function readNumberField(
  field: NumberField,
  text: string,
  problems: string[],
  assumed: string[],
): number | undefined {
  if (text === "") return undefined;
  const reading = readText(field, text);
  if (reading === "not stated") return undefined;
  if (reading === "refused") {
    problems.push(numberProblem(field, text));
    return undefined;
  }
  if (reading.oneOfSeveral) assumed.push(`${field}: ${shownValue(text)} is taken as ${reading.value}`);
  return reading.value;
}

/** As `readNumberField`, where a batch that all GPUs share says nothing of one pass: `8 (global)`. */
export function readMicroBatch(row: Row, problems: string[], assumed: string[]): number | undefined {
  const value = readNumberField("micro_batch", row.micro_batch, problems, assumed);
  return /global/i.test(row.micro_batch) ? undefined : value;
}
