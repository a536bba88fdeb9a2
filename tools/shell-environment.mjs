/**
 * The variables of a stack's Metaflow client, from the stack's outputs with secrets: `metaflowEnvironment` of a local stack
 * (stacks/local.ts), else `metaflowConfig`.
 *
 * @param {Record<string, unknown>} outputs
 * @returns {Record<string, string>}
 */
export function metaflowVariables(outputs) {
  const found = outputs.metaflowEnvironment ?? outputs.metaflowConfig ?? {};
  return Object.fromEntries(
    Object.entries(/** @type {Record<string, unknown>} */ (found)).flatMap(([name, value]) =>
      /^[A-Z][A-Z0-9_]*$/.test(name) && typeof value === "string" ? [[name, value]] : [],
    ),
  );
}

/**
 * Lines for a POSIX shell that set the variables in which `next` differs from `now`.
 *
 * @param {NodeJS.ProcessEnv} now
 * @param {NodeJS.ProcessEnv} next
 */
export function exportLines(now, next) {
  return Object.entries(next)
    .filter(([name, value]) => value !== undefined && value !== now[name])
    .map(([name, value]) => `export ${name}='${String(value).replaceAll("'", String.raw`'\''`)}'`);
}
