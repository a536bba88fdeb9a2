/** What Pulumi's commands do with a stack, by all the names that they have (`pulumi <command> --help`, Pulumi 3.258). */

export type Operation =
  | "up"
  | "preview"
  | "refresh"
  | "destroy"
  | "cancel"
  | "config"
  | "stack init"
  | "stack rename"
  | "stack rm"
  | "stack select";

const commands: ReadonlyMap<string, Operation> = new Map([
  ["up", "up"],
  ["update", "up"],
  ["preview", "preview"],
  ["pre", "preview"],
  ["refresh", "refresh"],
  ["destroy", "destroy"],
  ["down", "destroy"],
  ["dn", "destroy"],
  ["cancel", "cancel"],
  ["config", "config"],
]);

const stackCommands: ReadonlyMap<string, Operation> = new Map([
  ["init", "stack init"],
  ["new", "stack init"],
  ["create", "stack init"],
  ["setup", "stack init"],
  ["rename", "stack rename"],
  ["rm", "stack rm"],
  ["remove", "stack rm"],
  ["delete", "stack rm"],
  ["select", "stack select"],
]);

/**
 * @param words of the command line
 * @returns undefined for a command that needs no more than Pulumi
 */
export const operationOf = ([command = "", subcommand = ""]: readonly string[]): Operation | undefined =>
  command === "stack" ? stackCommands.get(subcommand) : commands.get(command);

/** Operations that say what a stack shall be. Others (refresh, destroy) look at what it is, and Pulumi checks no policy for them. */
export const isDeployment = (operation: Operation | undefined): boolean =>
  operation === "up" || operation === "preview";

/** Operations that Pulumi refuses, or warns about at each one, while something of an interrupted one is left. */
export const worksOnResources = (operation: Operation | undefined): boolean =>
  isDeployment(operation) || operation === "refresh" || operation === "destroy";

/** Operations whose stack may be a word of the command line: which one. */
const operands: ReadonlyMap<Operation, { readonly at: number; readonly isNew: boolean }> = new Map([
  ["cancel", { at: 1, isNew: false }],
  ["stack init", { at: 2, isNew: true }],
  ["stack rename", { at: 2, isNew: true }],
  ["stack rm", { at: 2, isNew: false }],
  ["stack select", { at: 2, isNew: false }],
]);

/**
 * The stack that is named by a word of the command line, and not by `--stack`.
 *
 * @returns `isNew`: the name is one that a stack is to have
 */
export function stackOperand(words: readonly string[]): { name: string | undefined; isNew: boolean } {
  const operation = operationOf(words);
  const operand = operation === undefined ? undefined : operands.get(operation);
  return operand === undefined ? { name: undefined, isNew: false } : { name: words[operand.at], isNew: operand.isNew };
}

/** Of a command line, its words and the names of its flags. */
interface CommandLine {
  readonly words: readonly string[];
  readonly flags: readonly string[];
}

/** An explanation is wanted, of whatever command. */
export const asksForHelp = ({ flags }: Pick<CommandLine, "flags">): boolean =>
  flags.includes("--help") || flags.includes("-h");

/** Flags of a `stack init` that say nothing of what the stack's configuration file is to hold. */
const asWithout = new Set([
  ...["--yes", "-y", "--no-select", "--non-interactive", "--fully-qualify-stack-names", "-Q", "--emoji", "-e"],
  ...["--disable-integrity-checking", "--logflow", "--logtostderr"],
]);

/** A `stack init` that leaves to this project how the stack's secrets are sealed. Any flag that is not known here is Pulumi's to judge. */
export const isPlainInitialization = ({ words, flags }: CommandLine): boolean =>
  operationOf(words) === "stack init" && flags.every((flag) => asWithout.has(flag));

/** An `up` of all that the stack has. */
export const isWholeUp = ({ words, flags }: CommandLine): boolean =>
  operationOf(words) === "up" && !flags.some((flag) => /^(?:-t|--(?:target|exclude).*)$/.test(flag));

/** The stack itself goes, and not only what it has. */
export const removesStack = ({ words, flags }: CommandLine): boolean =>
  operationOf(words) === "stack rm" || (operationOf(words) === "destroy" && flags.includes("--remove"));
