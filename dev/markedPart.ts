/** Parts of pages that a program writes: what stands between two lines. */

/**
 * A page with the part between two marker lines replaced.
 *
 * @param page its name, for the error.
 * @throws when a marker is missing.
 */
export function withMarkedPart(page: string, text: string, part: string, from: string, to: string): string {
  const start = text.indexOf(from);
  const end = text.indexOf(to);
  if (start < 0 || end < start) throw new Error(`${page} needs the lines ${from} and ${to}`);
  return `${text.slice(0, start + from.length)}\n\n${part}\n\n${text.slice(end)}`;
}
