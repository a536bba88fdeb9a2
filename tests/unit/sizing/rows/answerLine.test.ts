import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { inputLines, longestLine, type InputLine } from "../../../../sizing/rows/inputLines";
import { answerLine, answerText } from "../../../../sizing/rows/answerLine";
import { repeatedKeys, topLevel } from "../../../../sizing/rows/topLevel";

const job = { id: "r1", method: "SFT", model: "Llama-3.2-3B", trainable: "lora", seq_len: "2048", gpu: "H100" };

// eslint-disable-next-line @typescript-eslint/require-await -- a stream is asynchronous
async function* streamed(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks;
}

async function linesOf(chunks: readonly (string | Uint8Array)[], longest?: number): Promise<InputLine[]> {
  const lines: InputLine[] = [];
  const bytes = chunks.map((chunk) => (typeof chunk === "string" ? Buffer.from(chunk) : chunk));
  for await (const ended of inputLines(streamed(bytes), longest)) lines.push(...ended);
  return lines;
}

const answerTo = (text: string) => answerLine({ text });
const errorOf = (text: string): string => {
  const answer = answerTo(text);
  return answer !== undefined && "error" in answer ? answer.error : "";
};

describe("lines of input", () => {
  it("are the same however the stream is cut into chunks", async () => {
    const text = fc.array(fc.constantFrom('{"id":1}', "é", "😀", "\n", "\r\n", "\n\n", "x", "\u2028"), {
      maxLength: 20,
    });
    await fc.assert(
      fc.asyncProperty(text, fc.array(fc.nat(60), { maxLength: 6 }), async (pieces, cuts) => {
        const bytes = Buffer.from(pieces.join(""));
        const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
        const chunks = places.slice(1).map((end, index) => bytes.subarray(places[index], end));
        const lines = (await linesOf(chunks)).map((line) => line.text);
        expect(lines.filter((line) => line !== "")).toEqual(
          pieces
            .join("")
            .split("\n")
            .filter((line) => line !== ""),
        );
      }),
      { numRuns: 60 },
    );
  });

  it("need no newline at the end, and bear a byte order mark", async () => {
    expect(await linesOf(["\uFEFFa\nb"])).toEqual([{ text: "a" }, { text: "b" }]);
  });

  it("that are no UTF-8 say so, and the next one is read", async () => {
    const [first, second] = await linesOf([Buffer.from([0x7b, 0xff, 0xfe, 0x7d, 0x0a]), "b"]);
    expect(first?.problem).toBe("the line is not UTF-8 text");
    expect(second).toEqual({ text: "b" });
  });

  it("that are too long are cut off without being kept, and the next one is read", async () => {
    const lines = await linesOf([...Array.from({ length: 10 }, () => "0123456789"), "\nb"], 50);
    expect(lines.map((line) => line.problem)).toEqual(["the line is longer than 50 bytes", undefined]);
    expect(lines[0]?.text.length).toBeLessThanOrEqual(50);
    expect(lines[1]?.text).toBe("b");
    expect(longestLine).toBeGreaterThan(5_000_000);
  });
});

describe("what is known of a line without parsing it", () => {
  it("is what the parser finds", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 })), fc.nat(2), (object, indent) => {
        const { count, keys, id } = topLevel(JSON.stringify(object, undefined, indent));
        expect(keys()).toEqual(Object.keys(object));
        expect(count).toBe(Object.keys(object).length);
        const expected = Object.hasOwn(object, "id") ? object.id : undefined;
        expect(id()).toBe(typeof expected === "string" || typeof expected === "number" ? String(expected) : null);
      }),
    );
  });

  it.each([
    ['{"id":"a","seq_len":NaN}', "a"],
    ['{"id": 7, "model": "x"', "7"],
    ['{"model":{"id":"inner"},"id":"outer"', "outer"],
    ['{"model":{"id":"inner"}', null],
    ['{"model":"id","x":"\\"id\\":\\"no\\""', null],
    ['{"\\u0069d":"escaped"', "escaped"],
    ['[{"id":"a"}', null],
    ['{"id":"never closed', null],
    ['{"id":12345678901234567890,', "12345678901234567890"],
    ['{"id":1e400,', "1e400"],
    ['{"id":1.2.3,', null],
    ["{'id': 'a'}", null],
    ["}}}}]]", null],
    ['"id":"a"', null],
  ])("finds the id of a broken line: %s", (text, id) => {
    expect(topLevel(text).id()).toBe(id);
    expect(answerTo(text)).toMatchObject({ id, error: expect.stringContaining("not JSON") as string });
  });

  it("names keys that stand twice", () => {
    expect(repeatedKeys(["a", "b", "a", "c", "b", "a"])).toEqual(["a", "b"]);
  });
});

describe("the answer to a line", () => {
  it("is none for a blank line, and one for each other", () => {
    expect([" ", "", "\t"].map(answerTo)).toEqual([undefined, undefined, undefined]);
    expect(answerTo(JSON.stringify(job))).toMatchObject({ id: "r1", fits: true });
    for (const text of ["17", "[]", "null", '"text"']) expect(errorOf(text)).toContain("one JSON object");
  });

  it("refuses a field that stands twice, beside what else is wrong", () => {
    const repeated = '{"id":"a","model":"Llama-3.2-3B","seq_len":"2048","seq_len":"9999","seq_len":"1"}';
    expect(answerTo(repeated)).toEqual({ id: "a", error: "seq_len: stands more than once in the line" });
    expect(errorOf('{"model":"Llama-3.2-3B","gpu":"a","gpu":"H1000"}')).toMatch(
      /^gpu: stands more than once in the line; gpu: "H1000" is not one of/,
    );
    const many = Array.from({ length: 30 }, (_, i) => `"k${i}":1,"k${i}":2`).join(",");
    expect(errorOf(`{${many}}`)).toContain("10 more keys stand more than once");
  });

  it.each(["7", "-1", "1.0", "1e2", "1e400", "12345678901234567890", "0.1000000000000000055", "1".repeat(2000)])(
    "has a numeric id as it is written: %s",
    (written) => {
      const rest = `"model":"Llama-3.2-3B","seq_len":"2048"`;
      expect(answerTo(`{"id":${" ".repeat(2000)}${written},${rest}}`)).toMatchObject({ id: written, fits: null });
      expect(answerTo(`{"id":${written},${rest},"gpu":"ZX81"}`)).toMatchObject({
        id: written,
        error: expect.stringContaining("ZX81") as string,
      });
      expect(answerTo(`{"id":${written},${rest}`)).toMatchObject({
        id: written,
        error: expect.stringContaining("not JSON") as string,
      });
    },
  );

  it("has the id of a line that cannot be read", () => {
    expect(answerLine({ text: '{"id":"a","notes":"...', problem: "the line is too long" })).toEqual({
      id: "a",
      error: "the line is too long",
    });
  });

  it("is an error with the id where the estimator itself fails", () => {
    const answer = answerLine({ text: '{"id":"a"}' }, () => {
      throw new RangeError("Maximum call stack size exceeded");
    });
    expect(answer).toMatchObject({ id: "a", error: expect.stringMatching(/fault.*Maximum call stack/) as string });
  });

  it("survives any JSON in any field: numbers are finite, and one line comes out", () => {
    const fields = fc.constantFrom("id", "model", "seq_len", "gpu", "num_gpus", "sharding", "compile", "batch_size");
    const values = fc.oneof(
      fc.jsonValue({ maxDepth: 2 }),
      fc.constantFrom("1e4", "8k", "H100", "\u2028", "7B", 1e308, -0),
    );
    fc.assert(
      fc.property(fc.dictionary(fields, values, { maxKeys: 5 }), (row) => {
        const answer = answerTo(JSON.stringify({ ...job, ...row }));
        if (answer === undefined) throw new Error("no answer");
        const text = answerText(answer);
        expect(text.split(/\r\n|[\n\r\v\f\u0085\u2028\u2029]/)).toEqual([text.slice(0, -1), ""]);
        expect(JSON.parse(text)).toEqual(answer);
        if (!("error" in answer))
          for (const value of [answer.peakGiB, answer.tokensPerSecondPerGpu, ...Object.values(answer.parts)])
            expect(Number.isFinite(value) && value >= 0, text).toBe(true);
      }),
      { numRuns: 100 },
    );
  });

  it("does not depend on how deep or long the line is", () => {
    expect(errorOf(`{"id":"a","gpu":${"[".repeat(50_000)}${"]".repeat(50_000)}}`)).toContain("gpu: must be text");
    expect(errorOf(`{"id":"a","gpu":${"[".repeat(50_000)}`)).toContain("not JSON");
  });
});
