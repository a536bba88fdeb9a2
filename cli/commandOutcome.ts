/** What a command prints and ends with. A pure function decides it, so that tests need not start a process. */
export interface CommandOutcome {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

const isArgumentError = (error: unknown): error is NodeJS.ErrnoException =>
  error instanceof Error && (error as NodeJS.ErrnoException).code?.startsWith("ERR_PARSE_ARGS") === true;

/**
 * What a command that failed ends with: the error's message.
 *
 * @param usage of the command, shown when `parseArgs` of node:util did not know an argument
 */
export function failed(error: unknown, status: number, usage: string): CommandOutcome {
  const message = error instanceof Error ? error.message : String(error);
  // Node's message goes on about how a word may begin with a dash.
  const lines = isArgumentError(error)
    ? [`${(message.split(". ")[0] ?? message).replace(/\.$/, "")}.`, usage]
    : [message];
  return { status, stdout: "", stderr: `${lines.join("\n")}\n` };
}

/** Ends the process quietly when the reader of its output, such as `head`, leaves early. */
export function endWithReader(): void {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    process.exit(0);
  });
}

/**
 * Prints what `command` answers to the process's arguments.
 *
 * @param command gets the arguments without node and the script
 */
export function printOutcome(command: (options: readonly string[]) => CommandOutcome): void {
  endWithReader();
  const { status, stdout, stderr } = command(process.argv.slice(2));
  process.stdout.write(stdout);
  process.stderr.write(stderr);
  process.exitCode = status;
}
