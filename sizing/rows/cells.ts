import { rowFields, type Row, type RowField } from "./fields";
import { keyProblems } from "./keys";
import { shownValue } from "../../validation/shownValue";
import { numberFormat } from "./precision";

/**
 * Characters of one field: ten times the longest text of the measured table. The readers' time may grow faster than a
 * text, so a longer one is refused by its length before any of them sees it.
 */
export const longestCell = 500;

export interface Cells {
  readonly row: Row;
  readonly problems: readonly string[];
  /** Fields that a problem names and that are blank in `row`. */
  readonly unusable: readonly RowField[];
}

const kindOf = (value: unknown): string => (Array.isArray(value) ? "a list" : "an object");

/**
 * The cells of a row as text: numbers, booleans and nulls of JSON stand for their text and for blanks. Says which keys are
 * no fields and which cells are no text.
 */
export function readCells(input: Readonly<Record<string, unknown>>): Cells {
  const problems = keyProblems(Object.keys(input));
  const unusable: RowField[] = [];
  const refuse = (field: RowField, reason: string): string => {
    problems.push(`${field}: ${reason}`);
    unusable.push(field);
    return "";
  };
  const textOf = (field: RowField): string => {
    const value = input[field];
    if (value === null || value === undefined) return "";
    if (typeof value !== "string" && typeof value !== "number" && typeof value !== "boolean")
      return refuse(field, `must be text, not ${kindOf(value)}`);
    const text = String(value).trim();
    // The id is only handed back.
    if (field === "id" || text.length <= longestCell) return text;
    return refuse(field, `${shownValue(text)} is too long: at most ${longestCell} characters`);
  };
  const cells: Partial<Record<RowField, string>> = {};
  for (const field of rowFields) cells[field] = textOf(field);
  const row = cells as Record<RowField, string>;
  row.train_dtype = numberFormat(row.train_dtype);
  return { row, problems, unusable };
}
