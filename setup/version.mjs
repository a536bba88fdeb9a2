/**
 * True if a version is the other or a later one. Only the numbers count: `3.258.0-alpha` is taken for `3.258.0`.
 *
 * @param {string} version for example `1.22.4`; what is left out counts as 0
 * @param {string} oldest
 */
export function isAtLeast(version, oldest) {
  const [have, need] = [version, oldest].map((text) => text.split(".").map((part) => Number.parseInt(part, 10)));
  for (const [index, part] of (need ?? []).entries()) {
    const found = have?.[index] ?? 0;
    if (found !== part) return found > part;
  }
  return true;
}
