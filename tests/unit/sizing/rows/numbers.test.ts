import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readNumberField, type NumberField } from "../../../../sizing/rows/numbers";

const read = (field: NumberField, text: string): number | undefined | "refused" => {
  const problems: string[] = [];
  const value = readNumberField(field, text, problems, []);
  return problems.length > 0 ? "refused" : value;
};

const grouped = (value: number, separator: string): string => String(value).replace(/\B(?=(\d{3})+$)/g, separator);

const separators = fc.constantFrom("", ",", "_", " ", "'", "’", "\u00A0", "\u2009", "\u202F");

describe("the number of a field", () => {
  it("reads back whatever separator, exponent, fraction and remark it is written with", () => {
    const before = fc.constantFrom("", "~", "<=", "about ", "max ", "= ", "(");
    const behind = fc.constantFrom("", ")", " max", " (packed)", "; as the script sets it", ".", " tokens", "tokens");
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 16_000_000 }),
        separators,
        fc.constantFrom("", ".0", "e0", "E+0"),
        before,
        behind,
        (value, separator, tail, prefix, remark) => {
          expect(read("seq_len", `${prefix}${grouped(value, separator)}${tail}${remark}`)).toBe(value);
        },
      ),
    );
  });

  it("reads the exponents that programs print", () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.001, max: 19_999, noNaN: true }),
        fc.integer({ min: 0, max: 15 }),
        (value, digits) => {
          const text = value.toExponential(digits);
          expect(read("params_b", text)).toBe(Number(text));
        },
      ),
    );
  });

  it("never takes less than the whole of what begins with a digit", () => {
    const letters = fc
      .stringMatching(/^[a-df-z][a-z]{0,4}$/)
      .filter((word) => read("seq_len", `1${word}`) === "refused");
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 99_999 }), letters, (value, junk) => {
        for (const text of [
          `${value}${junk}`,
          `${value}${junk}${value}`,
          `${value}.${value}.${value}`,
          `${value}e${junk}`,
        ])
          expect(read("seq_len", text)).toBe("refused");
      }),
    );
  });

  it("answers any text with a number in range or a refusal", () => {
    const fields = ["params_b", "seq_len", "num_gpus", "micro_batch", "lora_rank", "vllm_util"] as const;
    const pieces = fc.array(
      fc.constantFrom(
        "1",
        "0",
        "9",
        ".",
        ",",
        "e",
        "k",
        "x",
        "-",
        "+",
        "_",
        " ",
        "(",
        "%",
        "B",
        "é",
        "～",
        "\u2212",
        "auto",
      ),
      { maxLength: 12 },
    );
    fc.assert(
      fc.property(
        fc.constantFrom(...fields),
        fc.oneof(
          fc.string({ maxLength: 30 }),
          pieces.map((all) => all.join("")),
        ),
        (field, text) => {
          const value = read(field, text);
          if (typeof value !== "number") return;
          expect(value).toBeGreaterThan(0);
          expect(value).toBeLessThanOrEqual(16 * 1024 * 1024);
          if (field !== "params_b" && field !== "vllm_util") expect(Number.isInteger(value)).toBe(true);
        },
      ),
      { numRuns: 300 },
    );
  });

  it.each([
    ["seq_len", "8k", 8192],
    ["seq_len", "8K tokens", 8192],
    ["seq_len", "8 k", 8192],
    ["seq_len", "131K", 134_144],
    ["seq_len", "1.5k", 1536],
    ["seq_len", "1.3k", 1331],
    ["seq_len", "32Ki", 32_768],
    ["seq_len", "1M", 1_048_576],
    ["seq_len", "1e4", 10_000],
    ["seq_len", "4096.", 4096],
    ["params_b", "7B", 7],
    ["params_b", "0.5B", 0.5],
    ["params_b", ".5", 0.5],
    ["params_b", "70 billion", 70],
    ["params_b", "500M", 0.5],
    ["params_b", "1T", 1000],
    ["params_b", "30.5 (3.3 active)", 30.5],
    ["params_b", "30B-A3B", 30],
    ["num_gpus", "1e3", 1000],
    ["num_gpus", "1k", 1000],
    ["num_gpus", "2 x 8", 16],
    ["num_gpus", "2x8", 16],
    ["num_gpus", "2 × 8", 16],
    ["num_gpus", "16 (2x8)", 16],
    ["num_gpus", "8 GPUs", 8],
    ["micro_batch", "2 x 8", 2],
    ["micro_batch", "bs4", 4],
    ["grad_accum", "x16", 16],
    ["lora_rank", "r16", 16],
    ["lora_rank", "r=16", 16],
    ["lora_rank", "per config (32 for 3.2)", 32],
    ["lora_rank", "alpha 32, r 16", 16],
    ["lora_rank", "alpha=32 rank=16", 16],
    ["lora_rank", "16 (alpha 32)", 16],
    ["lora_rank", "16 alpha 32", 16],
    ["lora_rank", "α=32, 16", 16],
    ["lora_rank", "dropout 0.1, rank of 16", 16],
    ["lora_rank", "32 for alpha, lora_r: 16", 16],
    ["lora_rank", "alpha = 2*r, r=16", 16],
    ["micro_batch", "ga 8, bs 2", 2],
    ["micro_batch", "2 (global batch 64)", 2],
    ["grad_accum", "bs 2, ga 8", 8],
    ["num_generations", "temperature 1, n 8", 8],
    ["vllm_util", "30%", 0.3],
    ["vllm_util", "30 percent", 0.3],
  ] as const)("of %s reads %j as %d", (field, text, expected) => {
    expect(read(field, text)).toBeCloseTo(expected, 10);
  });

  it.each([
    ["lora_rank", "per config"],
    ["micro_batch", "auto"],
    ["micro_batch", "per config (see yaml)"],
    ["grad_accum", "$(expr 16 / 4)"],
    ["grad_accum", "$(expr"],
    ["seq_len", "alpaca (short; padded to longest in batch)"],
    ["seq_len", "alpaca2k"],
    ["num_generations", "n/a"],
    ["lora_rank", "-"],
  ] as const)("of %s takes %j for not stated", (field, text) => {
    expect(read(field, text)).toBeUndefined();
  });

  it.each([
    ["seq_len", "1e"],
    ["seq_len", "1.2.3"],
    ["seq_len", "1..3"],
    ["seq_len", "12abc"],
    ["seq_len", "H1000"],
    ["seq_len", "0x800"],
    ["seq_len", "2^13"],
    ["seq_len", "1,5"],
    ["seq_len", "8,16"],
    ["seq_len", "1,00"],
    ["seq_len", "10 20"],
    ["seq_len", "2.000"],
    ["seq_len", "4096.5"],
    ["seq_len", "-4096"],
    ["seq_len", "−4096"],
    ["seq_len", "4x8"],
    ["seq_len", "8 GB"],
    ["seq_len", "50%"],
    ["seq_len", "8k million"],
    ["seq_len", "eight"],
    ["seq_len", "NaN"],
    ["seq_len", "Infinity"],
    ["seq_len", "true"],
    ["seq_len", "0"],
    ["seq_len", "1e9"],
    ["seq_len", "1e400"],
    ["seq_len", "9".repeat(400)],
    ["params_b", "1e30"],
    ["params_b", "7e9"],
    ["params_b", "7 GB"],
    ["params_b", "8x7B"],
    ["params_b", "unknown"],
    ["num_gpus", "0"],
    ["num_gpus", "1e9"],
    ["num_gpus", "2 x 0"],
    ["num_gpus", "2 x 8 x 2"],
    ["num_gpus", "auto"],
    ["num_gpus", "1e5 x 1e5"],
    ["micro_batch", "many"],
    ["micro_batch", "32k tokens"],
    ["grad_accum", "1.5"],
    ["lora_rank", "16 GB"],
    ["lora_rank", "high"],
    ["lora_rank", "alpha=32"],
    ["lora_rank", "alpha 32"],
    ["lora_rank", "lora_alpha: 32"],
    ["lora_rank", "α = 32"],
    ["lora_rank", "32 alpha"],
    ["lora_rank", "alpha/r = 2"],
    ["lora_rank", "rank -16"],
    ["micro_batch", "accum 4"],
    ["grad_accum", "batch size 4"],
    ["seq_len", "batch 2048"],
    ["vllm_util", "30"],
    ["vllm_util", "1/2"],
    ["vllm_util", "1e-400"],
  ] as const)("of %s refuses %j", (field, text) => {
    expect(read(field, text)).toBe("refused");
  });

  it("says which of several numbers it takes", () => {
    for (const text of ["4/8", "4-8", "4 or 8", "4 to 8", "4, 8"]) {
      const assumed: string[] = [];
      expect(readNumberField("num_gpus", text, [], assumed)).toBe(4);
      expect(assumed).toEqual([`num_gpus: "${text}" is taken as 4`]);
    }
  });

  it.each([
    ["r=8, r=16", 8],
    ["alpha 32, 16", 16],
  ])("says so where another could be meant: %s", (text, expected) => {
    const assumed: string[] = [];
    expect(readNumberField("lora_rank", text, [], assumed)).toBe(expected);
    expect(assumed).toEqual([`lora_rank: "${text}" is taken as ${expected}`]);
  });
});
