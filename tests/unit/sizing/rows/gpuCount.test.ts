import { describe, expect, it } from "vitest";
import { answerRow } from "../../../../sizing/rows/answer";
import { interpretRow } from "../../../../sizing/rows/interpret";

const job = { id: "r1", method: "SFT", model: "Llama-3.2-3B", trainable: "lora", seq_len: "2048" };

const countIn = (gpu: string): number => interpretRow({ ...job, gpu }).workload.gpus;

const errorOf = (gpu: string): string => {
  const answer = answerRow({ ...job, gpu });
  return "error" in answer ? answer.error : "";
};

describe("the number of cards", () => {
  it.each([
    ["8 x H100", 8],
    ["8xH100", 8],
    ["8× H100", 8],
    ["8 H100", 8],
    ["H100 x 8", 8],
    ["H100x8", 8],
    ["4090 x 2", 2],
    ["2x4090", 2],
    ["4 x 80GB", 4],
    ["2 GPUs", 2],
    ["A100 PCIe x16", 1],
    ["80 GB", 1],
    ["p5.48xlarge", 8],
    ["2 x p5.48xlarge", 16],
    ["8 x H100 (p5.48xlarge)", 8],
    ["ml.g6e.12xlarge", 4],
    ["8x A100-80GB", 8],
    ["A100 80GB x8", 8],
    ["4 x H100 SXM5", 4],
    ["8 x H100-80GB-HBM3", 8],
    ["8 NVIDIA H100 80GB SXM5 GPUs", 8],
    ["8-GPU H100", 8],
    ["8x GPUs (H100)", 8],
    ["8 x GPUs", 8],
    ["8 (H100)", 8],
    ["H100 Hopper x 8", 8],
    ["GB200 NVL72 x 4", 4],
    ["A100 PCIe x 8", 8],
    ["A100 PCIe 4.0 x16", 1],
    ["H100-PCIe-80", 1],
    ["A100-SXM4-40", 1],
    ["H100 80GB HBM3 @ 700W (us-east-1)", 1],
    ["8 x MI300X 192GB", 8],
    ["8xMI300X 192GB", 8],
    ["8 MI300X 192GB", 8],
    ["MI300X 192GB x 8", 8],
    ["RTX 3080 12GB", 1],
    ["RTX 3080 x 2 12GB", 2],
    ["8 x Ascend NPU", 8],
  ])("is read from %s", (gpu, count) => {
    expect(countIn(gpu)).toBe(count);
  });

  it.each([
    ["2 x 8 H100", 16],
    ["8 x 2 H100", 16],
    ["H100 x 2 x 8", 16],
    ["2 nodes x 8 H100", 16],
    ["2 nodes of 8 x H100", 16],
    ["2 nodes of 8 x H100 (p5.48xlarge)", 16],
    ["2 nodes of 8 x MI300X 192GB", 16],
    ["16 GPUs (2 nodes x 8 H100)", 16],
    ["2 x 8 GPUs", 16],
    ["2 instances of p5.48xlarge", 16],
    ["2 nodes p5.48xlarge", 16],
    ["p5.48xlarge x 2", 16],
    ["p5.48xlarge spot x 2", 16],
    ["2 x p5.48xlarge (H100)", 16],
  ])("is a product in %s", (gpu, count) => {
    expect(countIn(gpu)).toBe(count);
  });

  it("is read with the separators and exponents that number fields take", () => {
    for (const count of ["1,000", "1_000", "1'000", "1 000", "1e3", "1k"])
      for (const gpu of [`${count} x H100`, `${count}xH100`, `${count} H100`, `H100 x ${count}`, `${count} GPUs`])
        expect(countIn(gpu), gpu).toBe(1000);
  });

  it.each([
    ["-8xH100", "-8 is no such count"],
    ["-8 x H100", "-8 is no such count"],
    ["H100 x -8", "-8 is not understood"],
    ["8.5 x H100", "8.5 is no such count"],
    ["1.2.3 x H100", "1.2.3 is no such count"],
    ["8.000 x H100", "8.000 is no such count"],
    ["0x10 H100", "0 × 10 is no such count"],
    ["H100x8abc", "8abc is no such count"],
    ["2 x 4 x 8 H100", "2 × 4 × 8 is no such count"],
    ["8 x H100 x 8", "8 is not understood"],
    ["4-8 x H100", "4 is not understood"],
    ["H100 12", "12 is not understood"],
    ["H100-64", "64 is not understood"],
    ["H100 (8)", "8 is not understood"],
    ["H100 with CUDA 12.4", "12.4 is not understood"],
    ["H100 MIG 1g.10gb", ".10gb is not understood"],
    ["A100 (40 nodes)", "40 is not understood"],
    ["2 nodes of H100", "2 is not understood"],
    ["2 x DGX H100", "2 is not understood"],
    ["3080 12GB", "3080 is not understood"],
    ["unknown (8)", "8 is not understood"],
    ["two x H100", "what is multiplied must be written in digits"],
    ["H100 x eight", "what is multiplied must be written in digits"],
    ["H100 ８", "figures must be the digits from 0 to 9"],
    ["8 x H100 (4 GPUs)", "it counts 8 and 4"],
    ["2 x g4dn.12xlarge (T4)", "the instance type is not in the catalog, so count its GPUs"],
  ])("is not guessed from %s", (gpu, reason) => {
    expect(errorOf(gpu)).toBe(
      `gpu: "${gpu}" must count from 1 to 100000 GPUs, such as 8 x H100 or 2 nodes of 8 x H100: ${reason}`,
    );
  });

  it.each(["0 x H100", "99999999 x H100", "1e5 x 8 H100", "50000 x p5.48xlarge"])(
    "is in a sensible range: not %s",
    (gpu) => {
      expect(errorOf(gpu)).toMatch(/^gpu: "[^"]*" must count from 1 to 100000 GPUs, such as 8 x H100 or/);
    },
  );
});
