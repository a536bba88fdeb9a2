/** One line of input as text, and what is wrong with it as a line. */
export interface InputLine {
  /** The whole line, or the beginning of one that is too long. */
  readonly text: string;
  readonly problem?: string;
}

/** A line of the table has about a kilobyte; what is longer than this is no row, and is not kept in memory. */
export const longestLine = 16 * 1024 * 1024;
/** Of a line that is too long, enough to find its id. */
const keptBytes = 64 * 1024;

const newline = 0x0a;

const strict = new TextDecoder("utf-8", { fatal: true });
/** Puts U+FFFD where bytes are no text. */
const lenient = new TextDecoder();

function decoded(bytes: Uint8Array): InputLine {
  try {
    return { text: strict.decode(bytes) };
  } catch {
    return { text: lenient.decode(bytes), problem: "the line is not UTF-8 text" };
  }
}

/**
 * Cuts a stream of bytes into lines. Neither a line without an end nor bytes that are no text stop it: each is a line with
 * a problem. A byte order mark at the beginning is no part of the first line; a carriage return before a newline is white
 * space to JSON, and stays. What has no byte is no line.
 *
 * @param longest bytes of a line that is read at all
 * @returns all lines that end in one chunk at a time
 */
export async function* inputLines(
  source: AsyncIterable<Uint8Array>,
  longest: number = longestLine,
): AsyncGenerator<readonly InputLine[]> {
  let pieces: Uint8Array[] = [];
  let bytes = 0;
  const add = (piece: Uint8Array): void => {
    bytes += piece.length;
    if (piece.length > 0 && (bytes <= longest || pieces.length === 0)) pieces.push(piece);
  };
  const take = (): InputLine => {
    const [first] = pieces;
    const whole = pieces.length === 1 && first !== undefined ? first : Buffer.concat(pieces);
    const tooLong = bytes > longest;
    pieces = [];
    bytes = 0;
    if (tooLong) {
      const text = lenient.decode(whole.subarray(0, keptBytes));
      return { text, problem: `the line is longer than ${longest} bytes` };
    }
    return decoded(whole);
  };
  for await (const chunk of source) {
    const lines: InputLine[] = [];
    let start = 0;
    for (let end = chunk.indexOf(newline); end >= 0; end = chunk.indexOf(newline, start)) {
      add(chunk.subarray(start, end));
      if (bytes > 0) lines.push(take());
      start = end + 1;
    }
    add(chunk.subarray(start));
    if (lines.length > 0) yield lines;
  }
  if (bytes > 0) yield [take()];
}
