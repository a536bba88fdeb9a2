/** What a command prints and ends with. A pure function decides it, so that tests need not start a process. */
export interface CommandOutcome {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** What a command that failed ends with: the error's message as its only line. */
export function failed(error: unknown, status: number): CommandOutcome {
  return { status, stdout: "", stderr: `${error instanceof Error ? error.message : String(error)}\n` };
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
