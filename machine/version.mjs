/**
 * Below 0, 0 or above 0 as the first of two versions is the earlier one. Only the numbers count: `3.258.0-alpha` is taken for `3.258.0`.
 *
 * @param {string} a for example `1.22.4`; what is left out counts as 0
 * @param {string} b
 * @returns {number} NaN where either is no version
 */
export function compareVersions(a, b) {
  const [left = [], right = []] = [a, b].map((text) => text.split(".").map((part) => Number.parseInt(part, 10)));
  for (let part = 0; part < Math.max(left.length, right.length); part += 1) {
    const difference = (left[part] ?? 0) - (right[part] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/**
 * True if a version is the other or a later one.
 *
 * @param {string} version
 * @param {string} oldest
 */
export const isAtLeast = (version, oldest) => compareVersions(version, oldest) >= 0;
