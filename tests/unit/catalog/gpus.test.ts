import { describe, expect, it } from "vitest";
import { findGpu, gpus } from "../../../catalog/gpus";
import { catalog } from "../../../catalog/instances";
import { answerRow } from "../../../sizing/rows/answer";
import { interpretRow } from "../../../sizing/rows/interpret";

const job = { id: "r1", method: "SFT", model: "Llama-3.2-3B", trainable: "lora", seq_len: "2048" };

const machineOf = (
  fields: Record<string, string>,
): { gpu: string | undefined; memory: number | undefined; count: number } => {
  const { gpu, gpuMemoryGib, workload } = interpretRow({ ...job, ...fields });
  return { gpu: gpu?.key, memory: gpuMemoryGib, count: workload.gpus };
};

const errorOf = (fields: Record<string, string>): string => {
  const answer = answerRow({ ...job, ...fields });
  return "error" in answer ? answer.error : "";
};

describe("a card", () => {
  it.each([
    ["NVIDIA H100 80GB HBM3", "h100"],
    ["H100 SXM5", "h100"],
    ["H100SXM5", "h100"],
    ["H100-SXM-80GB", "h100"],
    ["h100_80gb", "h100"],
    ["H100-96 (500W)", "h100-96"],
    ["H100s", "h100"],
    ["A100-SXM4-40GB", "a100-40"],
    ["A100-SXM4-40", "a100-40"],
    ["A100-40", "a100-40"],
    ["40GB A100", "a100-40"],
    ["A100 (40 nodes)", "a100-80"],
    ["A100-80?", "a100-80"],
    ["T4/A100", "a100-80"],
    ["Tesla T4 (14.741 GiB)", "t4"],
    ["V100S-PCIE-32GB", "v100-32"],
    ["Tesla V100", "v100-16"],
    ["A10", "a10g"],
    ["L40S", "l40s"],
    ["L4", "l4"],
    ["L20-48", "l20"],
    ["RTX3090", "rtx-3090"],
    ["RTX 4090", "rtx-4090"],
    ["NVIDIA GeForce RTX 4090 D", "rtx-4090"],
    ["3090Ti", "rtx-3090"],
    ["RTXA6000", "rtx-a6000"],
    ["A6000Ada", "rtx-6000-ada"],
    ["RTX 6000 Ada Generation", "rtx-6000-ada"],
    ["RTX PRO 6000 Blackwell Server Edition", "rtx-pro-server-6000"],
    ["rtx-pro-4500", "rtx-pro-4500"],
    ["GB200 NVL72", "gb200"],
    ["GB200NVL72", "gb200"],
    ["DGX H100 640GB", "h100"],
  ])("is found by the whole of its name: %s", (text, key) => {
    expect(findGpu(text)?.key).toBe(key);
  });

  it("is found by its key and by its full name", () => {
    for (const { key, name } of gpus) {
      expect(findGpu(key)?.key).toBe(key);
      expect(findGpu(name)?.key).toBe(key);
    }
  });

  it.each([
    ["H1000", "h100"],
    ["A1000", "a100"],
    ["L400", "l40s"],
    ["H20x", "h20"],
    ["B2000", "b200"],
    ["GH200", "h200"],
    ["RTX 40900", "4090"],
    ["H100.5", "h100"],
    ["Tesla T40", "t4"],
  ])("that nobody knows is refused with the nearest: %s", (text, near) => {
    expect(findGpu(text)).toBeUndefined();
    expect(errorOf({ gpu: text })).toMatch(
      new RegExp(`^gpu: "${text}" is not one of t4, .*, or a size such as 80GB; did you mean ${near}\\?$`),
    );
  });

  it("that nobody knows counts with the memory that is stated for it, and the answer says so", () => {
    expect(machineOf({ gpu: "MI300X 192GB" })).toMatchObject({ gpu: undefined, memory: 192 * 0.985 });
    expect(machineOf({ gpu: "80GB-class (unstated)" })).toMatchObject({ gpu: undefined, memory: 80 * 0.985 });
    expect(machineOf({ gpu: "81920MiB" })).toMatchObject({ gpu: undefined, memory: 80 * 0.985 });
    const { assumed } = interpretRow({ ...job, gpu: "H1000 80GB" });
    expect(assumed).toContain('gpu: "H1000 80GB" is not a known card; its memory is used (did you mean h100?)');
  });

  it.each([
    ["A100", "NVIDIA A100 80GB SXM; write a100-40 for NVIDIA A100 40GB SXM"],
    ["8 x A100", "NVIDIA A100 80GB SXM; write a100-40 for NVIDIA A100 40GB SXM"],
    ["h100", "NVIDIA H100 80GB SXM; write h100-96 for NVIDIA H100 96GB"],
    ["DGX H100 640GB", "NVIDIA H100 80GB SXM; write h100-96 for NVIDIA H100 96GB"],
    ["V100", "NVIDIA V100 16GB; write v100-32 for NVIDIA V100 32GB"],
    ["L40", "NVIDIA L40S"],
    ["A10", "NVIDIA A10G"],
    ["RTX PRO 6000", "NVIDIA RTX PRO 6000 Blackwell Server Edition"],
  ])("whose name may mean another is told: %s", (text, taken) => {
    expect(interpretRow({ ...job, gpu: text }).assumed).toContain(`gpu: "${text}" is taken as ${taken}`);
  });

  it("that is named with its memory, or by its key, name or instance type, needs no word", () => {
    const stated = ["A100 80GB", "A100-SXM4-40", "H100 80GB HBM3", "A100 (p4d.24xlarge)", "A100 (39.5 GiB)", "3090Ti"];
    const keys = gpus.flatMap(({ key, name }) => (key === "h100" ? [name] : [key, name]));
    for (const text of [...stated, ...keys, ...catalog.instances.map(({ name }) => name)])
      expect(interpretRow({ ...job, gpu: text }).assumed.join(), text).not.toContain("is taken as");
  });

  it("is the variant with the memory that its device has", () => {
    expect(machineOf({ gpu: "A100 (39.5 GiB)" })).toMatchObject({ gpu: "a100-40", memory: 39.5 });
    expect(machineOf({ gpu: "H100 (93.6 GiB)" })).toMatchObject({ gpu: "h100-96", memory: 93.6 });
  });

  it.each(["0GB", "GH200 480GB", "H100 (1.2.3 GiB)", "Tesla T4 (0 GiB)", "Tesla T4 (1e9 GiB)"])(
    "has memory in a sensible range: not %s",
    (gpu) => {
      expect(errorOf({ gpu })).toContain(`gpu: "${gpu}" must state the memory of one GPU, from 1 to 450 GB, or none`);
    },
  );

  it.each(["1e9GB", "1.2.3GB", "inputs", "GPU", "80"])("is not made of %s", (gpu) => {
    expect(errorOf({ gpu })).toContain(`gpu: "${gpu}" is not one of`);
  });
});

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
    expect(machineOf({ gpu }).count).toBe(count);
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
    expect(machineOf({ gpu }).count).toBe(count);
  });

  it("is read with the separators and exponents that number fields take", () => {
    for (const count of ["1,000", "1_000", "1'000", "1 000", "1e3", "1k"])
      for (const gpu of [`${count} x H100`, `${count}xH100`, `${count} H100`, `H100 x ${count}`, `${count} GPUs`])
        expect(machineOf({ gpu }).count, gpu).toBe(1000);
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
    expect(errorOf({ gpu })).toBe(
      `gpu: "${gpu}" must count from 1 to 100000 GPUs, such as 8 x H100 or 2 nodes of 8 x H100: ${reason}`,
    );
  });

  it.each([
    ["8xH100", 8],
    ["8x A100-80", 8],
    ["H100 x 2 x 8", 16],
    ["2 nodes of 8 x H100", 16],
    ["2 x p5.48xlarge", 16],
    ["1,000 nodes of 8", 8000],
    ["2 nodes x 8", 16],
    ["2 nodes of 8", 16],
  ])("is read from num_gpus %s", (num_gpus, count) => {
    expect(machineOf({ num_gpus }).count).toBe(count);
  });

  it.each(["0 x H100", "99999999 x H100", "1e5 x 8 H100", "50000 x p5.48xlarge"])(
    "is in a sensible range: not %s",
    (gpu) => {
      expect(errorOf({ gpu })).toMatch(/^gpu: "[^"]*" must count from 1 to 100000 GPUs, such as 8 x H100 or/);
    },
  );

  it("is not that of nodes alone, nor of something else", () => {
    expect(errorOf({ num_gpus: "2 nodes" })).toMatch(/^num_gpus: "2 nodes" must be .*, not of nodes alone$/);
    expect(errorOf({ num_gpus: "1,000 nodes" })).toMatch(/^num_gpus: "1,000 nodes" must be .*, not of nodes alone$/);
    for (const num_gpus of ["8xabc", "H100", "8xH100 x 2", "-8xH100", "50000 x p5.48xlarge"])
      expect(errorOf({ num_gpus })).toMatch(
        new RegExp(`^num_gpus: "${num_gpus}" must be a positive whole number from 1 to 100000, such as 8 or 2 x 8$`),
      );
  });

  it("is enough for the degrees of the sharding", () => {
    expect(errorOf({ num_gpus: "8", sharding: "Megatron TP8 PP2" })).toBe(
      'sharding: "Megatron TP8 PP2" contradicts num_gpus "8": its degrees need 16 GPUs',
    );
    expect(errorOf({ num_gpus: "16", sharding: "Megatron TP8 PP2" })).toBe("");
    expect(errorOf({ sharding: "Megatron TP8 PP2" })).toBe("");
    for (const sharding of ["TP1e9", "TP2.5", "TP4096"])
      expect(errorOf({ sharding })).toBe(
        `sharding: "${sharding}" must have degrees from 1 to 1024, such as Megatron TP4 PP2`,
      );
  });
});

describe("an instance type", () => {
  it("stands for its cards, whatever the case", () => {
    for (const { name, gpu, gpus: count } of catalog.instances)
      for (const text of [name, `ml.${name}`, name.toUpperCase()])
        expect(machineOf({ gpu: text })).toMatchObject({ gpu, count });
  });

  it.each([
    ["p9.48xlarge", "p5.48xlarge"],
    ["g5.13xlarge", "g5.12xlarge"],
    ["ml.p5.48xlargee", "p5.48xlarge"],
    ["p5en.48large", "p5en.48xlarge"],
  ])("that nobody knows is refused with the nearest: %s", (text, near) => {
    expect(errorOf({ gpu: text })).toMatch(new RegExp(`^gpu: "${text}" is not one of .*; did you mean ${near}\\?$`));
  });

  it("that is not in the catalog is no matter where the card is named", () => {
    expect(machineOf({ gpu: "T4 (g4dn.xlarge)" })).toMatchObject({ gpu: "t4", count: 1 });
  });

  it("picks the variant of a card, and contradicts another card", () => {
    expect(machineOf({ gpu: "A100 (p4d.24xlarge)" }).gpu).toBe("a100-40");
    expect(errorOf({ gpu: "H100 (g5.xlarge)" })).toBe(
      'gpu: "H100 (g5.xlarge)" contradicts itself: g5.xlarge has NVIDIA A10G',
    );
  });
});
