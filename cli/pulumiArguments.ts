import { operationOf, worksOnResources } from "./pulumiCommands";

/** Flags that are followed by a value, whatever the command (`pulumi <command> --help`, Pulumi 3.258). */
const withValue = new Set([
  ...["cwd", "stack", "color", "verbose", "tracing", "profiling", "memprofilerate", "otel-traces"],
  ...["config", "config-file", "message", "override-env", "parallel", "policy-pack", "policy-pack-config"],
  ...["exclude", "replace", "target", "target-replace", "plan", "save-plan", "import-file", "file"],
  "import-pending-creates",
  ...["secrets-provider", "copy-config-from", "teams"],
]);

/** Flags of every command, which say nothing of what it does. */
const everywhere = /^(?:-v|--(?:color|verbose|tracing|profiling|memprofilerate|otel-traces))$/;

/** Letters that are followed by a value: of every command, and of those that work on a stack's resources. Elsewhere `-c` and `-t` stand alone. */
const letters = "Csv";
const lettersOnResources = "Csvcmptx";

interface Flag {
  readonly name: string;
  readonly value: string | undefined;
  /** The value is the next parameter. */
  readonly isOpen: boolean;
}

/**
 * Takes apart what one dash begins: `-ys local` and `-yslocal` are `-y -s local`.
 *
 * @param valued letters that are followed by a value
 */
function shortFlags(parameter: string, valued: string): Flag[] {
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
 * The flags that one parameter holds: a long one, or what one dash begins.
 *
 * @param words that stand before it: what a letter means goes by the command
 */
function flagsIn(parameter: string, words: readonly string[]): Flag[] {
  const long = /^--([^=]+)(?:=(.*))?$/s.exec(parameter);
  if (long === null) return shortFlags(parameter, worksOnResources(operationOf(words)) ? lettersOnResources : letters);
  const [, name = "", value] = long;
  return [{ name: `--${name}`, value, isOpen: value === undefined && withValue.has(name) }];
}

/** What a Pulumi command line is about. */
export interface PulumiArguments {
  /** The command, its sub-command and what they work on. */
  readonly words: readonly string[];
  /** The one that `--stack` names. */
  readonly stack: string | undefined;
  /** That of `--cwd`. */
  readonly directory: string | undefined;
  /** Every other flag, without its value. */
  readonly flags: readonly string[];
}

/** Flags whose value is read. */
const settings: ReadonlyMap<string, "stack" | "directory"> = new Map([
  ["-s", "stack"],
  ["--stack", "stack"],
  ["-C", "directory"],
  ["--cwd", "directory"],
]);

export function readPulumiArguments(parameters: readonly string[]): PulumiArguments {
  const words: string[] = [];
  const flags: string[] = [];
  const values: { stack?: string | undefined; directory?: string | undefined } = {};
  const rest = parameters.values();
  for (const parameter of rest) {
    if (parameter === "--") words.push(...rest);
    else if (!parameter.startsWith("-") || parameter === "-") words.push(parameter);
    else {
      for (const { name, value, isOpen } of flagsIn(parameter, words)) {
        const given = isOpen ? rest.next().value : value;
        const setting = settings.get(name);
        if (setting !== undefined) values[setting] = given;
        else if (!everywhere.test(name)) flags.push(name);
      }
    }
  }
  return { words, stack: values.stack, directory: values.directory, flags };
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
