import { z } from "zod";

/** One wrong field: where it is, what stands there, and what to write instead. */
export interface FieldError {
  /** Path as a person would write it, for example `stages[0].recipe`. */
  readonly path: string;
  readonly reason: string;
}

/** Writes a path the way `pulumi config set --path` takes it. */
export function formatPath(path: readonly PropertyKey[]): string {
  return path.reduce<string>(
    (text, part) =>
      typeof part === "number" ? `${text}[${part}]` : text === "" ? String(part) : `${text}.${String(part)}`,
    "",
  );
}

/** Number of single-character edits between two words (Levenshtein). */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      current.push(Math.min((previous[j] ?? 0) + 1, (current[j - 1] ?? 0) + 1, substitution));
    }
    previous = current;
  }
  return previous[b.length] ?? 0;
}

/** The allowed word nearest to `word`, if it is near enough to be a slip of the keyboard. */
export function nearest(word: string, allowed: readonly string[]): string | undefined {
  const ranked = allowed
    .map((candidate) => ({ candidate, distance: editDistance(word.toLowerCase(), candidate.toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance);
  const best = ranked[0];
  return best !== undefined && best.distance <= (word.length < 4 ? 1 : Math.max(2, Math.floor(word.length / 3)))
    ? best.candidate
    : undefined;
}

/** "got X; allowed: a, b (did you mean a?)", shared by every check against a closed list. */
export function notAllowed(value: unknown, allowed: readonly string[]): string {
  const suggestion = typeof value === "string" ? nearest(value, allowed) : undefined;
  return `got ${show(value)}; allowed: ${allowed.join(", ")}${suggestion === undefined ? "" : ` (did you mean ${suggestion}?)`}`;
}

/** Every key that a schema knows, anywhere: candidates for "did you mean". */
export function keysOf(schema: z.ZodType): string[] {
  const keys = new Set<string>();
  const visit = (node: unknown): void => {
    if (typeof node !== "object" || node === null) return;
    const properties = (node as { properties?: unknown }).properties;
    if (typeof properties === "object" && properties !== null) Object.keys(properties).forEach((key) => keys.add(key));
    Object.values(node).forEach(visit);
  };
  visit(z.toJSONSchema(schema, { io: "input", unrepresentable: "any" }));
  return [...keys];
}

function show(value: unknown): string {
  return value === undefined ? "nothing" : JSON.stringify(value);
}

function valueAt(root: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (node, part) =>
      typeof node === "object" && node !== null ? (node as Record<PropertyKey, unknown>)[part] : undefined,
    root,
  );
}

/**
 * Turns zod's issues into field errors that name path, value and what is allowed.
 *
 * @param input the value that was checked, to quote from.
 * @param knownKeys every key that the schema knows anywhere: candidates for "did you mean".
 */
export function explainIssues(
  issues: readonly z.core.$ZodIssue[],
  input: unknown,
  knownKeys: readonly string[] = [],
): FieldError[] {
  return issues.flatMap((issue): FieldError[] => {
    const path = formatPath(issue.path);
    const value = valueAt(input, issue.path);
    switch (issue.code) {
      case "unrecognized_keys":
        return issue.keys.map((key) => {
          const suggestion = nearest(key, knownKeys);
          return {
            path: formatPath([...issue.path, key]),
            reason: `is not a known key${suggestion === undefined ? "" : `; did you mean ${suggestion}?`}`,
          };
        });
      case "invalid_value":
        return [{ path, reason: notAllowed(value, issue.values.map(String)) }];
      case "invalid_union": {
        if (issue.discriminator !== undefined) {
          const options = (issue as { options?: readonly unknown[] }).options?.map(String) ?? [];
          return [
            {
              path,
              reason:
                options.length > 0
                  ? notAllowed(value, options)
                  : `got ${show(value)}; it decides which keys are allowed`,
            },
          ];
        }
        const branches = issue.errors.map((branch) =>
          branch.map((inner) => [formatPath(inner.path), inner.message].filter(Boolean).join(": ")).join(" and "),
        );
        return [{ path, reason: `got ${show(value)}; write one of: ${[...new Set(branches)].join(" | ")}` }];
      }
      default:
        return [
          {
            path,
            reason: value === undefined ? `is missing: ${issue.message}` : `got ${show(value)}; ${issue.message}`,
          },
        ];
    }
  });
}

/** One message for all wrong fields, one line each. */
export function errorMessage(title: string, errors: readonly FieldError[]): string {
  return [
    title,
    ...errors.map((error) => `  - ${error.path === "" ? "(the whole document)" : error.path}: ${error.reason}`),
  ].join("\n");
}
