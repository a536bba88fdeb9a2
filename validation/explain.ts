/** One wrong field: where it is, what stands there, and what to write instead. */
export interface FieldError {
  /** Path as a person would write it, for example `stages[0].recipe`. */
  readonly path: string;
  readonly reason: string;
}

/** Writes a path the way `pulumi config set --path` takes it. */
export function formatPath(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === "number") return `${text}[${part}]`;
    const key = String(part);
    if (!/^[\w-]+$/.test(key)) return `${text}[${show(key)}]`;
    return text === "" ? key : `${text}.${key}`;
  }, "");
}

/** Number of single-character edits between two words (Levenshtein), or `enough` where it is at least that. */
function editDistance(a: string, b: string, enough: number): number {
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    let least = i;
    for (let j = 1; j <= b.length; j++) {
      const substitution = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const distance = Math.min((previous[j] ?? 0) + 1, (current[j - 1] ?? 0) + 1, substitution);
      current.push(distance);
      if (distance < least) least = distance;
    }
    // What follows only adds to it.
    if (least >= enough) return enough;
    previous = current;
  }
  return previous[b.length] ?? 0;
}

/**
 * The allowed word nearest to `word`, if it is near enough to be a slip of the keyboard. However long `word` is, the work
 * is bounded by the allowed words: one that differs too much in length is not compared.
 */
export function nearest(word: string, allowed: readonly string[]): string | undefined {
  const lower = word.toLowerCase();
  const slips = word.length < 4 ? 1 : Math.max(2, Math.floor(word.length / 3));
  let best: string | undefined;
  let bestDistance = slips + 1;
  for (const candidate of allowed) {
    const lowerCandidate = candidate.toLowerCase();
    // As many edits as the lengths differ by are needed at least.
    if (Math.abs(lower.length - lowerCandidate.length) >= bestDistance) continue;
    const distance = editDistance(lower, lowerCandidate, bestDistance);
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

/** Longest value that is shown whole. */
const shownCharacters = 200;

/** A value as a message quotes it. */
export function show(value: unknown): string {
  if (value === undefined) return "nothing";
  // Characters that move the cursor or turn the text around would garble the message.
  const text = (typeof value === "number" ? String(value) : JSON.stringify(value)).replace(
    /[\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  return text.length > shownCharacters ? `${text.slice(0, shownCharacters)}...` : text;
}

/** "got X; allowed: a, b (did you mean a?)", shared by every check against a closed list. */
export function notAllowed(value: unknown, allowed: readonly string[]): string {
  const suggestion = typeof value === "string" ? nearest(value, allowed) : undefined;
  return `got ${show(value)}; allowed: ${allowed.join(", ")}${suggestion === undefined ? "" : ` (did you mean ${suggestion}?)`}`;
}

/** One message for all wrong fields, one line each. */
export function errorMessage(title: string, errors: readonly FieldError[]): string {
  return [
    title,
    ...errors.map((error) => `  - ${error.path === "" ? "(the whole document)" : error.path}: ${error.reason}`),
  ].join("\n");
}
