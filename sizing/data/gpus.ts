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

const patterns: readonly (readonly [RegExp, string])[] = [
  [/gb300/, "gb300"],
  [/gb200/, "gb200"],
  [/b300/, "b300"],
  [/b200/, "b200"],
  [/h200/, "h200"],
  [/h100.*96/, "h100-96"],
  [/h100/, "h100"],
  [/h800/, "h800"],
  [/(^|[^a-z0-9])h20([^0-9]|$)/, "h20"],
  [/a100.*40/, "a100-40"],
  [/a100/, "a100-80"],
  [/a800/, "a800-80"],
  [/a10g?([^0-9]|$)/, "a10g"],
  [/l40s?/, "l40s"],
  [/(^|[^a-z0-9])l20([^0-9]|$)/, "l20"],
  [/(^|[^a-z0-9])l4([^0-9]|$)/, "l4"],
  [/rtx ?pro ?4500/, "rtx-pro-4500"],
  [/rtx ?pro ?(server ?)?6000|pro ?6000/, "rtx-pro-server-6000"],
  [/a6000 ?ada|6000 ?ada/, "rtx-6000-ada"],
  [/a6000/, "rtx-a6000"],
  [/a5000/, "rtx-a5000"],
  [/5090/, "rtx-5090"],
  [/4090/, "rtx-4090"],
  [/3090/, "rtx-3090"],
  [/a40([^0-9]|$)/, "a40"],
  [/v100.*32/, "v100-32"],
  [/v100/, "v100-16"],
  [/(^|[^a-z0-9])t4([^0-9]|$)/, "t4"],
];

/** Finds a GPU by the many ways in which people write its name, for example `A100-80`, `NVIDIA L40S` or `Tesla T4`. */
export function findGpu(text: string): Gpu | undefined {
  const wanted = text.toLowerCase().replace(/[_-]+/g, " ").trim();
  const exact = byKey.get(text.toLowerCase().trim());
  if (exact !== undefined) return exact;
  for (const [pattern, key] of patterns) if (pattern.test(wanted)) return gpuByKey(key);
  return undefined;
}
