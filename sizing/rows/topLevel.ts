/** What can be said of a line's outermost object without parsing it: also of one that is cut off or broken. */
export interface TopLevel {
  /** How many keys there are, one that stands twice counted twice. */
  readonly count: number;
  /** Every key in its order, one that stands twice twice. */
  readonly keys: () => readonly string[];
  /** The last text or number under the key `id`, a number as it is written. */
  readonly id: () => string | null;
}

const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;
const colon = 0x3a;
const brace = 0x7b;
const bracket = 0x5b;
const closingBrace = 0x7d;
const closingBracket = 0x5d;

/** Index behind the string that begins at `start` with a quote; the text's end where it is not closed. */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end >= 0; end = text.indexOf('"', end + 1)) {
    let escapes = 0;
    while (text.charCodeAt(end - 1 - escapes) === backslash) escapes++;
    if (escapes % 2 === 0) return end + 1;
  }
  return text.length;
}

/** What a string or number of JSON says: a number by its own digits, which a double may not hold. */
function unquoted(literal: string): string | undefined {
  try {
    const value: unknown = JSON.parse(literal);
    if (typeof value === "number") return literal;
    return typeof value === "string" ? value : undefined;
  } catch {
    return undefined;
  }
}

const whiteSpace = /\s*/y;
const digits = /-?\d[\d.eE+-]*/y;

function endOf(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at;
  return pattern.test(text) ? pattern.lastIndex : at;
}

/** The string or number of JSON that begins at `at`, after white space. */
function scalarAt(text: string, at: number): string | undefined {
  const start = endOf(whiteSpace, text, at);
  const end = text.charCodeAt(start) === quote ? endOfString(text, start) : endOf(digits, text, start);
  return unquoted(text.slice(start, end));
}

interface Span {
  readonly start: number;
  readonly end: number;
}

/** Scans a JSON text once, in time linear in its length and without recursion. */
export function topLevel(text: string): TopLevel {
  /** Keys with their quotes, up to their colons. */
  const spans: Span[] = [];
  let depth = 0;
  let start = -1;
  let expectsKey = false;
  for (let at = 0; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case quote: {
        const behind = endOfString(text, at);
        if (depth === 1 && expectsKey) start = at;
        expectsKey = false;
        at = behind - 1;
        break;
      }
      case brace:
        expectsKey = depth === 0;
        depth++;
        break;
      case bracket:
        expectsKey = false;
        depth++;
        break;
      case closingBrace:
      case closingBracket:
        depth--;
        break;
      case comma:
        if (depth === 1) {
          start = -1;
          expectsKey = true;
        }
        break;
      case colon:
        if (depth === 1 && start >= 0) {
          spans.push({ start, end: at });
          start = -1;
        }
        break;
    }
  }
  const keyOf = (span: Span): string => unquoted(text.slice(span.start, span.end)) ?? "";
  return {
    count: spans.length,
    keys: () => spans.map(keyOf),
    id: () => {
      const values = spans.filter((span) => keyOf(span) === "id").map((span) => scalarAt(text, span.end + 1));
      return values.findLast((value) => value !== undefined) ?? null;
    },
  };
}

/** Keys that stand more than once, each once. */
export function repeatedKeys(keys: readonly string[]): string[] {
  const seen = new Set<string>();
  const repeated = new Set<string>();
  for (const key of keys) (seen.has(key) ? repeated : seen).add(key);
  return [...repeated];
}
