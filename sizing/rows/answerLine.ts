import type { InputLine } from "./inputLines";
import { answerRow, type RowAnswer, type RowRefusal } from "./answer";
import { shortened } from "../../validation/shownValue";
import { repeatedKeys, topLevel } from "./topLevel";

/** Keys that a message names at most. */
const namedKeys = 20;

/** What stands twice in a line; JSON would let the last one win without a word. */
function repetitions(keys: readonly string[]): string[] {
  const repeated = repeatedKeys(keys);
  const named = repeated.slice(0, namedKeys).map((key) => `${shortened(key)}: stands more than once in the line`);
  return repeated.length > namedKeys
    ? [...named, `${repeated.length - namedKeys} more keys stand more than once`]
    : named;
}

/** Whoever wrote a number for an id looks for its digits: `12345678901234567890` is not what a double makes of it. */
function withWrittenId<Answer extends RowAnswer | RowRefusal>(
  answered: Answer,
  row: unknown,
  written: () => string | null,
): Answer {
  const numeric = typeof row === "object" && row !== null && "id" in row && typeof row.id === "number";
  return numeric ? { ...answered, id: written() ?? answered.id } : answered;
}

/**
 * The answer to one line of input; undefined for a blank line, which holds no row. Whatever the line is, there is an answer
 * with its id where one can be found, and nothing is thrown.
 *
 * @param answer what is asked of the row
 */
export function answerLine(
  { text, problem }: InputLine,
  answer: (row: unknown) => RowAnswer | RowRefusal = answerRow,
): RowAnswer | RowRefusal | undefined {
  if (problem !== undefined) return { id: topLevel(text).id(), error: problem };
  if (text.trim() === "") return undefined;
  let row: unknown;
  try {
    row = JSON.parse(text);
  } catch (error) {
    return { id: topLevel(text).id(), error: `not JSON: ${error instanceof Error ? error.message : String(error)}` };
  }
  const { count, keys, id } = topLevel(text);
  try {
    const answered = withWrittenId(answer(row), row, id);
    const distinct = typeof row === "object" && row !== null ? Object.keys(row).length : 0;
    const repeated = count > distinct ? repetitions(keys()) : [];
    if (repeated.length === 0) return answered;
    return { id: answered.id, error: [...repeated, ...("error" in answered ? [answered.error] : [])].join("; ") };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { id: id(), error: `this row cannot be estimated, which is a fault of the estimator: ${reason}` };
  }
}

/** Ends of lines for some readers, which JSON may hold as they are. */
const lineEnds = /[\u0085\u2028\u2029]/g;

/** An answer as one line of output, whatever its reader takes for the end of a line. */
export const answerText = (answer: RowAnswer | RowRefusal): string =>
  `${JSON.stringify(answer).replace(lineEnds, (end) => `\\u${end.charCodeAt(0).toString(16).padStart(4, "0")}`)}\n`;
