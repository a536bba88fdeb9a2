/** Flags of every Pulumi command that are followed by a value. */
const withValue = new Set([
  "-C",
  "--cwd",
  "--color",
  "-v",
  "--verbose",
  "--tracing",
  "--profiling",
  "--memprofilerate",
  "--otel-traces",
]);

/**
 * What a Pulumi command line is about.
 *
 * @param {readonly string[]} parameters
 * @returns {{ words: string[], stack: string | undefined, directory: string | undefined, flags: string[] }} `words`: the
 *   command, its sub-command and what they work on; `stack`: the one that `--stack` names; `directory`: that of `--cwd`;
 *   `flags`: every other flag
 */
export function readPulumiArguments(parameters) {
  /** @type {{ words: string[], stack: string | undefined, directory: string | undefined, flags: string[] }} */
  const read = { words: [], stack: undefined, directory: undefined, flags: [] };
  for (let index = 0; index < parameters.length; index += 1) {
    const parameter = parameters[index] ?? "";
    if (parameter === "--") break;
    const assignment = /^(--stack|--cwd)=(.*)$/.exec(parameter) ?? /^(-s|-C)=?(.+)$/.exec(parameter);
    if (parameter === "-s" || parameter === "--stack") read.stack = parameters[(index += 1)];
    else if (parameter === "-C" || parameter === "--cwd") read.directory = parameters[(index += 1)];
    else if (assignment !== null && /s/.test(assignment[1] ?? "")) read.stack = assignment[2];
    else if (assignment !== null) read.directory = assignment[2];
    else if (withValue.has(parameter)) index += 1;
    else if (parameter.startsWith("-")) read.flags.push(parameter);
    else read.words.push(parameter);
  }
  return read;
}

/**
 * The command line with one more policy pack. Pulumi pairs packs and their configurations by order, whatever stands between.
 *
 * @param {readonly string[]} parameters of `preview` or `up`
 * @param {{ pack: string, configuration: string }} policies paths of the pack and of its configuration
 */
export function withPolicyPack(parameters, { pack, configuration }) {
  const end = parameters.indexOf("--");
  const flags = ["--policy-pack", pack, "--policy-pack-config", configuration];
  return end < 0 ? [...parameters, ...flags] : [...parameters.slice(0, end), ...flags, ...parameters.slice(end)];
}

/**
 * The command that destroys a stack without asking.
 *
 * In a cloud the preview stays: it is where protected resources are refused. Without it, Pulumi deletes all that depends on
 * them and is not protected, and only then fails.
 *
 * @param {string} stack
 * @param {boolean} local everything of the stack is on this machine, where nothing is protected
 */
export function destroyParameters(stack, local) {
  return ["destroy", "--stack", stack, "--yes", ...(local ? ["--skip-preview"] : [])];
}
