import type { z } from "zod";
import { type FieldError, formatPath, notAllowed, show } from "./explain";
import { type KeyPlaces, keysIn, unknownKey } from "./keyPlaces";

function valueAt(root: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (node, part) =>
      typeof node === "object" && node !== null ? (node as Record<PropertyKey, unknown>)[part] : undefined,
    root,
  );
}

const typeNames: Readonly<Record<string, string>> = {
  object: "a mapping",
  record: "a mapping",
  array: "a list",
  string: "text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
};

/** What a value must be, in the words of flows/posttraining/recipe.py. */
function requirement(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case "invalid_type":
      return `must be ${typeNames[issue.expected] ?? issue.expected}`;
    case "too_small":
      if (issue.origin === "string" || issue.origin === "array") {
        return issue.minimum === 1
          ? "must not be empty"
          : `must have at least ${String(issue.minimum)} ${unitOf(issue)}`;
      }
      return `must be ${issue.inclusive === false ? "greater than" : "at least"} ${String(issue.minimum)}`;
    case "too_big":
      if (issue.origin === "string" || issue.origin === "array") {
        return `must have at most ${String(issue.maximum)} ${unitOf(issue)}`;
      }
      return `must be ${issue.inclusive === false ? "less than" : "at most"} ${String(issue.maximum)}`;
    default:
      return issue.message;
  }
}

const unitOf = ({ origin }: { readonly origin: string }): string => (origin === "string" ? "characters" : "entries");

/** How far an alternative is from the value: one whose keys and type fit is what the person meant. */
const isOfOtherShape = (issue: z.core.$ZodIssue): boolean =>
  issue.code === "unrecognized_keys" ||
  (issue.path.length === 0 && (issue.code === "invalid_type" || issue.code === "invalid_value"));

/**
 * Turns zod's issues into field errors that name path, value and what is allowed.
 *
 * @param input the value that was checked, to quote from.
 * @param places every key that the schema knows, and where.
 */
export function explainIssues(
  issues: readonly z.core.$ZodIssue[],
  input: unknown,
  places: KeyPlaces = new Map(),
): FieldError[] {
  return withoutRepeated(issues).flatMap((issue): FieldError[] => {
    const path = formatPath(issue.path);
    const value = valueAt(input, issue.path);
    switch (issue.code) {
      case "unrecognized_keys":
        return issue.keys.map((key) => ({
          path: formatPath([...issue.path, key]),
          reason: unknownKey(key, issue.path, places),
        }));
      case "invalid_value":
        return [{ path, reason: notAllowed(value, issue.values.map(String)) }];
      case "invalid_key":
        return [{ path, reason: issue.issues.map(requirement).join(" and ") }];
      case "invalid_union":
        return explainUnion(issue, input, places);
      default:
        return [
          {
            path,
            reason:
              value === undefined ? `is missing; ${requirement(issue)}` : `got ${show(value)}; ${requirement(issue)}`,
          },
        ];
    }
  });
}

/** A value that fits none of several forms: what is wrong with the one that is meant, or what all of them ask for. */
function explainUnion(issue: z.core.$ZodIssueInvalidUnion, input: unknown, places: KeyPlaces): FieldError[] {
  const path = formatPath(issue.path);
  const value = valueAt(input, issue.path);
  if (issue.discriminator !== undefined) {
    const options = (issue as { options?: readonly unknown[] }).options?.map(String) ?? [];
    const reason =
      options.length > 0 ? notAllowed(value, options) : `got ${show(value)}; it decides which keys are allowed`;
    return [{ path, reason }];
  }
  if (value === undefined) return [{ path, reason: "is missing" }];
  const meant = issue.errors.filter((branch) => !branch.some(isOfOtherShape));
  if (meant.length === 1) {
    const nested = (meant[0] ?? []).map((inner) => ({ ...inner, path: [...issue.path, ...inner.path] }));
    return explainIssues(nested, input, places);
  }
  const branches = issue.errors.map((branch) =>
    branch
      .filter((inner) => inner.code !== "unrecognized_keys")
      .map((inner) => [formatPath(inner.path), alternative(inner, path, places)].filter((text) => text !== ""))
      .map((texts) => texts.join(": "))
      .join(" and "),
  );
  const written = [...new Set(branches)].filter((text) => text !== "");
  const advice =
    written.length === 0 ? "its keys exclude each other: write one of them" : `write one of: ${written.join(" | ")}`;
  return [{ path, reason: `got ${show(value)}; ${advice}` }];
}

/** That a whole number is too large for JavaScript says less than the bound that its field has. */
function withoutRepeated(issues: readonly z.core.$ZodIssue[]): readonly z.core.$ZodIssue[] {
  return issues.filter(
    (issue) =>
      !isSafeBound(issue) ||
      !issues.some((other) => other !== issue && formatPath(other.path) === formatPath(issue.path)),
  );
}

const isSafeBound = (issue: z.core.$ZodIssue): boolean =>
  (issue.code === "too_big" && issue.maximum === Number.MAX_SAFE_INTEGER) ||
  (issue.code === "too_small" && issue.minimum === Number.MIN_SAFE_INTEGER);

/** One way to write a value that may be of several kinds. */
function alternative(issue: z.core.$ZodIssue, path: string, places: KeyPlaces): string {
  if (issue.code === "invalid_value") return issue.values.map(String).join(" or ");
  const text = requirement(issue).replace(/^must be /, "");
  const keys = text === "a mapping" && issue.path.length === 0 ? keysIn(places, path) : [];
  return keys.length === 0 ? text : `${text} with ${keys.join(" or ")}`;
}
