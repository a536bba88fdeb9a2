/**
 * Facts about GPUs. Memory is what PyTorch reports as the device's total (taken from out-of-memory messages in public
 * issues), which is what decides whether a job fits; it is below the nominal figure because firmware and ECC take a part.
 * Dense bf16 peak FLOP/s: github.com/pytorch/torchtitan tools/utils.py (A100, H100, H200, B200, B300, GB200, L40S),
 * github.com/cli99/llm-analysis gpu_configs (A10G), vendors' data sheets (others).
 */
export type GpuArchitecture = "turing" | "ampere" | "ada" | "hopper" | "blackwell" | "other";

export interface Gpu {
  readonly key: string;
  readonly name: string;
  readonly architecture: GpuArchitecture;
  /** Memory that a process can use, GiB. */
  readonly memoryGib: number;
  /** Dense bf16 (fp16 on Turing) peak, TFLOP/s. */
  readonly peakTflops: number;
  /** Memory bandwidth, GB/s. */
  readonly memoryGbps: number;
  /** Bandwidth between the GPUs of one machine, GB/s per direction and GPU: NVLink, or PCIe where there is none. */
  readonly linkGbps: number;
  readonly nvlink: boolean;
}

const gpu = (
  key: string,
  name: string,
  architecture: GpuArchitecture,
  memoryGib: number,
  peakTflops: number,
  memoryGbps: number,
  linkGbps: number,
  nvlink = false,
): Gpu => ({ key, name, architecture, memoryGib, peakTflops, memoryGbps, linkGbps, nvlink });

export const gpus: readonly Gpu[] = [
  gpu("t4", "NVIDIA T4", "turing", 14.74, 65, 320, 10),
  gpu("a10g", "NVIDIA A10G", "ampere", 22.06, 70, 600, 12),
  gpu("l4", "NVIDIA L4", "ada", 22.03, 121, 300, 12),
  gpu("l40s", "NVIDIA L40S", "ada", 44.39, 362, 864, 24),
  // 4500: half the streaming multiprocessors of the 6000; its dense bf16 peak is scaled from the 6000's.
  gpu("rtx-pro-4500", "NVIDIA RTX PRO 4500 Blackwell", "blackwell", 31.3, 220, 800, 48),
  gpu("rtx-pro-server-6000", "NVIDIA RTX PRO 6000 Blackwell Server Edition", "blackwell", 94.97, 500, 1597, 48),
  gpu("a100-40", "NVIDIA A100 40GB SXM", "ampere", 39.49, 312, 1555, 300, true),
  gpu("a100-80", "NVIDIA A100 80GB SXM", "ampere", 79.25, 312, 2039, 300, true),
  gpu("h100", "NVIDIA H100 80GB SXM", "hopper", 79.1, 989, 3350, 450, true),
  gpu("h100-96", "NVIDIA H100 96GB", "hopper", 94.5, 989, 3350, 450, true),
  gpu("h800", "NVIDIA H800 80GB", "hopper", 79.1, 989, 3350, 200, true),
  gpu("h20", "NVIDIA H20 96GB", "hopper", 95.1, 148, 4000, 450, true),
  gpu("l20", "NVIDIA L20 48GB", "ada", 44.5, 119, 864, 24),
  gpu("h200", "NVIDIA H200 141GB SXM", "hopper", 139.8, 989, 4800, 450, true),
  gpu("b200", "NVIDIA B200 180GB", "blackwell", 178.35, 2250, 8000, 900, true),
  gpu("b300", "NVIDIA B300", "blackwell", 267.69, 2250, 8000, 900, true),
  gpu("gb200", "NVIDIA GB200", "blackwell", 184, 2500, 8000, 900, true),
  gpu("gb300", "NVIDIA GB300", "blackwell", 267.69, 2500, 8000, 900, true),
  gpu("v100-16", "NVIDIA V100 16GB", "other", 15.77, 125, 900, 150, true),
  gpu("v100-32", "NVIDIA V100 32GB", "other", 31.74, 125, 900, 150, true),
  gpu("a800-80", "NVIDIA A800 80GB", "ampere", 79.25, 312, 2039, 200, true),
  gpu("a40", "NVIDIA A40", "ampere", 44.4, 150, 696, 24),
  gpu("rtx-a5000", "NVIDIA RTX A5000", "ampere", 23.6, 111, 768, 12),
  gpu("rtx-a6000", "NVIDIA RTX A6000", "ampere", 47.4, 155, 768, 12),
  gpu("rtx-6000-ada", "NVIDIA RTX 6000 Ada", "ada", 47.4, 364, 960, 24),
  gpu("rtx-3090", "NVIDIA GeForce RTX 3090", "ampere", 23.6, 71, 936, 12),
  gpu("rtx-4090", "NVIDIA GeForce RTX 4090", "ada", 23.5, 165, 1008, 24),
  gpu("rtx-5090", "NVIDIA GeForce RTX 5090", "blackwell", 31.4, 210, 1792, 48),
];

const byKey = new Map(gpus.map((entry) => [entry.key, entry]));

/** The GPU with this key; throws a programming error for a key that is not in the table. */
export function gpuByKey(key: string): Gpu {
  const found = byKey.get(key);
  if (found === undefined) throw new Error(`no GPU ${key}; known: ${[...byKey.keys()].join(", ")}`);
  return found;
}

interface NamedCard {
  readonly key: string;
  /** For the variants of one card: nominal memory, GB, that the text must state for this one to be meant. */
  readonly size?: number;
}

/**
 * Names of cards as people write them, in lower case with spaces for dashes, and the cards that they may mean. Where a
 * text has several names, the first of this list counts.
 */
const cardsByName: readonly (readonly [name: string, ...cards: NamedCard[]])[] = [
  ["gb300", { key: "gb300" }],
  ["gb200", { key: "gb200" }],
  ["b300", { key: "b300" }],
  ["b200", { key: "b200" }],
  ["h200", { key: "h200" }],
  ["h100", { key: "h100-96", size: 96 }, { key: "h100" }],
  ["h800", { key: "h800" }],
  ["h20", { key: "h20" }],
  ["a100", { key: "a100-40", size: 40 }, { key: "a100-80" }],
  ["a800", { key: "a800-80" }],
  ["a10g?", { key: "a10g" }],
  ["l40s?", { key: "l40s" }],
  ["l20", { key: "l20" }],
  ["l4", { key: "l4" }],
  ["pro ?4500", { key: "rtx-pro-4500" }],
  ["pro ?(?:server ?)?6000", { key: "rtx-pro-server-6000" }],
  ["a?6000 ?ada", { key: "rtx-6000-ada" }],
  ["a6000", { key: "rtx-a6000" }],
  ["a5000", { key: "rtx-a5000" }],
  ["5090", { key: "rtx-5090" }],
  ["4090", { key: "rtx-4090" }],
  ["3090", { key: "rtx-3090" }],
  ["a40", { key: "a40" }],
  ["v100", { key: "v100-32", size: 32 }, { key: "v100-16" }],
  ["t4g?", { key: "t4" }],
];

/** A count and its sign, glued to what follows: `8x`, `1,000x`, `1e3x`. */
const gluedCount = String.raw`(?<=(?<![a-z0-9.,])\d[\d.,'’ ]*(?:e\+?\d+)?k? ?[x×*])`;
/** What stands before a name without a space: nothing or a count, and makers' names (`RTX3090`). */
const beforeName = String.raw`(?:(?<![a-z0-9.])|${gluedCount})(?:nvidia|geforce|tesla|quadro|hgx|dgx|rtx)*`;
/** What stands behind it: a plural, a build (`H100SXM5`, `4090Ti`, `GB200NVL72`) and perhaps a count (`H100x8`). */
const behindName = String.raw`s?(?:sxm\d?|pcie|nvl\d*|ti|d)?(?:(?=[x×*]\d)|(?![a-z0-9]|\.\d))`;

/** Whole names only, one group each: `H1000` is no H100. */
const namePattern = new RegExp(
  `${beforeName}(?:${cardsByName.map(([name]) => `(${name.replaceAll(" ?", " *")})`).join("|")})${behindName}`,
  "g",
);

/** Dashes and underscores stand for spaces in names. */
const separators = /[\s_‐-–-]/g;

/**
 * The text with `mark` for each name of a card, and for the dash or underscore glued to its end: what follows such a dash
 * is no negative number.
 *
 * @param text in lower case, of bounded length
 */
export function replaceCards(text: string, mark: string): string {
  let replaced = "";
  let end = 0;
  // One character for each: places in this text are places in the other.
  for (const match of text.replace(separators, " ").matchAll(namePattern)) {
    replaced += `${text.slice(end, match.index)}${mark}`;
    end = match.index + match[0].length;
    if (/^[_‐-–-]/.test(text.slice(end))) end++;
  }
  return replaced + text.slice(end);
}

/** `40GB` anywhere, or the bare figure behind a name that has variants: `A100-40`, `A100-SXM4-40`. */
const sizePattern = (size: number): RegExp =>
  new RegExp(
    String.raw`(?<![a-wyz0-9.])${size} ?gi?b?(?![a-z0-9])|100s?(?: ?(?:sxm\d?|pcie|nvl))? ${size}(?![a-z0-9.])`,
  );

/** Whether a text states this nominal memory, GB, for a card that has variants. */
export const statesSize = (text: string, size: number): boolean =>
  sizePattern(size).test(text.toLowerCase().replace(separators, " ").replace(/ +/g, " "));

const choices = cardsByName.map(([, ...cards]) =>
  cards.map(({ key, size }) => ({ key, pattern: size === undefined ? undefined : sizePattern(size) })),
);

/**
 * Finds a GPU by the many ways in which people write its name, for example `A100-80`, `NVIDIA L40S`, `8xH100` or
 * `Tesla T4`. The whole name has to agree.
 *
 * @param text of bounded length: the time is not linear in it
 */
export function findGpu(text: string): Gpu | undefined {
  const lower = text.toLowerCase();
  const exact = byKey.get(lower.trim());
  if (exact !== undefined) return exact;
  const wanted = lower.replace(separators, " ").replace(/ +/g, " ").trim();
  let first = cardsByName.length;
  for (const [, ...groups] of wanted.matchAll(namePattern))
    first = Math.min(
      first,
      groups.findIndex((group) => (group as string | undefined) !== undefined),
    );
  const found = choices[first]?.find(({ pattern }) => pattern === undefined || pattern.test(wanted));
  return found === undefined ? undefined : gpuByKey(found.key);
}
