/** Factors of the units that a field takes, by the unit in lower case. A factor of 1 is a noun: `8 GPUs`. */
export type Units = Readonly<Record<string, number>>;

/** Something in a text that begins like a number. */
export interface NumberInText {
  /** Where it begins, and where it ends with its unit. */
  readonly start: number;
  readonly end: number;
  /** With the unit applied; undefined where no number can be read (`1e`, `1.2.3`, `12abc`, `8 GB` where GB is no unit). */
  readonly value: number | undefined;
  /** A unit scaled it: what people round. */
  readonly scaled: boolean;
}

const tokens = ["tok", "toks", "token", "tokens"];
const gpus = ["gpu", "gpus", "card", "cards"];
/** Words that give a number a meaning: behind a number in a field that does not take them they make it unreadable. */
const meaningful: ReadonlySet<string> = new Set([
  ...["%", "percent", "k", "thousand", "ki", "m", "million", "mi", "b", "bn", "billion", "t", "trillion", "g", "gi"],
  ...["kb", "kib", "mb", "mib", "gb", "gib", "tb", "tib", ...tokens, ...gpus],
]);

/** The same factor, or none, for several words. */
export const unitWords = (words: readonly string[], factor: number): Units =>
  Object.fromEntries(words.map((word) => [word, factor]));

export const tokenNouns: Units = unitWords(tokens, 1);
export const gpuNouns: Units = unitWords(gpus, 1);

/**
 * Digits in groups of three with one and the same separator (`1,000`, `1_000`, `1 000`, `1'000`) or without, decimals after
 * a point, an exponent. A comma is never a decimal point: `1,5` is no number.
 */
const numberPattern =
  /(?:(\d{1,3}(?:([,_'’ \u00A0\u2009\u202F])\d{3})(?:\2\d{3})*)(?![\d_]|\2\d)|(\d+))?(\.\d+)?(e[+-]?\d+)?/iuy;
const wordPattern = /[\p{L}_](?:[\p{L}\p{N}_]|\.(?=\d))*/uy;
const suffixPattern = /(?:\p{L}|%)+/uy;
const spacedSuffixPattern = /\s+(%|\p{L}+)(?![\p{L}\p{N}_])/uy;
/** What may follow a number: nothing, a space, a bracket, a mark that ends or joins, a point that ends the sentence. */
const endOfNumber = /$|[\s()[\]{}";:!?|/+<>=~≈-]|[\u2010-\u2015\u2212]|[,'’](?!\d)|\.(?:\s|$)|[x×*]\s*\.?\d/iuy;
const times = /\s*[x×*]\s*(?=\.?\d)/iuy;
const minus = /[-\u2010-\u2015\u2212]/;

function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}

/** A minus is a sign at the beginning and behind a space or a mark; behind a letter or digit it is a dash. */
const isNegative = (text: string, start: number): boolean =>
  start > 0 && minus.test(text.charAt(start - 1)) && !/[\p{L}\p{N})\]]/u.test(text.charAt(start - 2));

/** The digits that begin here, as JavaScript writes them, and the characters that they take. */
function digitsAt(text: string, start: number): { readonly digits: string; readonly length: number } {
  const [whole = "", grouped, , plain, fraction = "", exponent = ""] = matchAt(numberPattern, text, start) ?? [];
  const integer = (grouped ?? plain ?? "").replace(/[^\d]/g, "");
  return { digits: `${integer}${fraction}${exponent}`, length: Math.max(1, whole.length) };
}

/** The words behind a number that belong to it, in lower case, and where they end. */
function unitsAt(
  text: string,
  start: number,
  units: Units,
): { readonly names: readonly string[]; readonly end: number } {
  const names: string[] = [];
  let end = start;
  // `2x8` and `2 x 8` are two numbers.
  const glued = matchAt(endOfNumber, text, end) === null ? matchAt(suffixPattern, text, end)?.[0] : undefined;
  if (glued !== undefined) {
    names.push(glued.toLowerCase());
    end += glued.length;
  }
  // A unit and a noun: `8 k tokens`.
  for (let words = 0; words < 2 && matchAt(times, text, end) === null; words++) {
    const spaced = matchAt(spacedSuffixPattern, text, end);
    const name = spaced?.[1]?.toLowerCase() ?? "";
    if (spaced === null || !(meaningful.has(name) || Object.hasOwn(units, name))) break;
    names.push(name);
    end += spaced[0].length;
  }
  return { names, end };
}

type Scaled = Pick<NumberInText, "value" | "scaled">;

/** The number with one more unit. One scale at most: `8k million` is no number. */
function withUnit({ value, scaled }: Scaled, name: string, units: Units): Scaled {
  const factor = Object.hasOwn(units, name) ? units[name] : undefined;
  if (factor === undefined || value === undefined || (scaled && factor !== 1)) return { value: undefined, scaled };
  return { value: value * factor, scaled: scaled || factor !== 1 };
}

/** The number that begins here, with its unit. */
function numberAt(text: string, start: number, units: Units): NumberInText {
  const { digits, length } = digitsAt(text, start);
  const { names, end } = unitsAt(text, start + length, units);
  const sign = isNegative(text, start) ? -1 : 1;
  const unscaled: Scaled = { value: Number(digits) * sign, scaled: false };
  const { value, scaled } = names.reduce((number, name) => withUnit(number, name, units), unscaled);
  if (matchAt(endOfNumber, text, end) !== null) return { start, end, value, scaled };
  const glued = matchAt(/[^\s()]*/y, text, end)?.[0] ?? "";
  return { start, end: end + glued.length, value: undefined, scaled };
}

/** The number that a whole text is, without a unit; undefined for anything else. */
export function plainNumber(text: string): number | undefined {
  if (text.length > longestPlainNumber) return undefined;
  const [number] = numbersIn(text, {});
  return number?.start === 0 && number.end === text.length ? number.value : undefined;
}

/** Characters; room for every double and separators. */
const longestPlainNumber = 64;

/**
 * All numbers of a text, in its order. A word that begins with a letter is a word, whatever digits it has (`A100`); what
 * begins with a digit, or a point and a digit, is a number and must be readable as one.
 *
 * @param text of bounded length
 * @param abbreviations words that a number may follow without a space, in lower case: `r` for `r16`
 */
export function numbersIn(text: string, units: Units, abbreviations: readonly string[] = []): NumberInText[] {
  const found: NumberInText[] = [];
  for (let at = 0; at < text.length;) {
    if (matchAt(/\.?\d/y, text, at) !== null) {
      const number = numberAt(text, at, units);
      found.push(number);
      at = number.end + (matchAt(times, text, number.end)?.[0] ?? "").length;
      continue;
    }
    const word = matchAt(wordPattern, text, at)?.[0];
    const letters = word === undefined ? undefined : /^[\p{L}]+(?=\d)/u.exec(word)?.[0];
    if (letters !== undefined && abbreviations.includes(letters.toLowerCase())) at += letters.length;
    else at += word?.length ?? 1;
  }
  return found;
}
