/**
 * Something that stops a command and that a person can mend. Commands print it without a stack trace.
 */
export class Problem extends Error {
  /**
   * @param {string} what one sentence
   * @param {readonly string[]} [remedies] what to do about it, one a line
   */
  constructor(what, remedies = []) {
    super([what, ...remedies.map((remedy) => `  ${remedy}`)].join("\n"));
    this.name = "Problem";
  }
}

/**
 * The text to print for whatever was thrown.
 *
 * @param {unknown} error
 */
export function describeError(error) {
  if (error instanceof Problem) return error.message;
  if (error instanceof Error) return error.stack ?? error.message;
  return String(error);
}

/**
 * Runs a command's main function; its result is the exit status.
 *
 * @param {() => Promise<number>} main
 */
export async function runMain(main) {
  try {
    process.exitCode = await main();
  } catch (error) {
    process.stderr.write(`\n${describeError(error)}\n`);
    process.exitCode = 1;
  }
}
