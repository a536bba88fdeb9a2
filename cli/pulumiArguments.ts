/** Flags that are followed by a value, whatever the command (`pulumi <command> --help`, Pulumi 3.258). */
const withValue = new Set([
  ...["cwd", "stack", "color", "verbose", "tracing", "profiling", "memprofilerate", "otel-traces"],
  ...["config", "config-file", "message", "override-env", "parallel", "policy-pack", "policy-pack-config"],
  ...["exclude", "replace", "target", "target-replace", "plan", "save-plan", "import-file", "file"],
  ...["secrets-provider", "copy-config-from", "teams"],
]);

/** Flags of every command, which say nothing of what it does. */
const everywhere = /^(?:-v|--(?:color|verbose|tracing|profiling|memprofilerate|otel-traces))$/;

/** Letters that are followed by a value: of every command, and of those that change a stack. Elsewhere `-c` and `-t` stand alone. */
const letters = "Csv";
const deploymentLetters = "Csvcmpt";
const deployments = new Set(["up", "update", "preview", "pre", "refresh", "destroy", "down", "dn"]);

/**
 * Takes apart what one dash begins: `-ys local` and `-yslocal` are `-y -s local`.
 *
 * @param valued letters that are followed by a value
 * @returns `isOpen`: the value is the next parameter
 */
function shortFlags(parameter: string, valued: string): { name: string; value: string | undefined; isOpen: boolean }[] {
  const flags = [];
  for (let at = 1; at < parameter.length; at += 1) {
    const name = `-${parameter.charAt(at)}`;
    const rest = parameter.slice(at + 1);
    const takesValue = valued.includes(parameter.charAt(at));
    if (takesValue && rest === "") return [...flags, { name, value: undefined, isOpen: true }];
    if (takesValue || rest.startsWith("=")) return [...flags, { name, value: rest.replace(/^=/, ""), isOpen: false }];
    flags.push({ name, value: undefined, isOpen: false });
  }
  return flags;
}

/**
 * What a Pulumi command line is about.
 *
 * @returns `words`: the
 *   command, its sub-command and what they work on; `stack`: the one that `--stack` names; `directory`: that of `--cwd`;
 *   `flags`: every other flag, without its value
 */
export function readPulumiArguments(parameters: readonly string[]): {
  words: string[];
  stack: string | undefined;
  directory: string | undefined;
  flags: string[];
} {
  const read: { words: string[]; stack: string | undefined; directory: string | undefined; flags: string[] } = {
    words: [],
    stack: undefined,
    directory: undefined,
    flags: [],
  };
  for (let index = 0; index < parameters.length; index += 1) {
    const parameter = parameters[index] ?? "";
    if (parameter === "--") return { ...read, words: [...read.words, ...parameters.slice(index + 1)] };
    if (!parameter.startsWith("-") || parameter === "-") {
      read.words.push(parameter);
      continue;
    }
    const long = /^--([^=]+)(?:=(.*))?$/s.exec(parameter);
    const found =
      long === null
        ? shortFlags(parameter, deployments.has(read.words[0] ?? "") ? deploymentLetters : letters)
        : [{ name: `--${long[1]}`, value: long[2], isOpen: long[2] === undefined && withValue.has(long[1] ?? "") }];
    for (const { name, value, isOpen } of found) {
      const given = isOpen ? parameters[(index += 1)] : value;
      if (name === "-s" || name === "--stack") read.stack = given;
      else if (name === "-C" || name === "--cwd") read.directory = given;
      else if (!everywhere.test(name)) read.flags.push(name);
    }
  }
  return read;
}

/**
 * The command line with one more policy pack. Pulumi pairs packs and their configurations by order, whatever stands between.
 *
 * @param parameters of `preview` or `up`
 * @param policies paths of the pack and of its configuration
 */
export function withPolicyPack(
  parameters: readonly string[],
  { pack, configuration }: { pack: string; configuration: string },
): string[] {
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
 * @param local everything of the stack is on this machine, where nothing is protected
 */
export function destroyParameters(stack: string, local: boolean): string[] {
  return ["destroy", "--stack", stack, "--yes", ...(local ? ["--skip-preview"] : [])];
}
