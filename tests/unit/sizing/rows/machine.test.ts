import { describe, expect, it } from "vitest";
import { gpus } from "../../../../catalog/gpus";
import { catalog } from "../../../../catalog/instances";
import { answerRow } from "../../../../sizing/rows/answer";
import { interpretRow } from "../../../../sizing/rows/interpret";

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

describe("the field num_gpus", () => {
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

  it("is not that of nodes alone, nor of something else", () => {
    expect(errorOf({ num_gpus: "2 nodes" })).toMatch(/^num_gpus: "2 nodes" must be .*, not of nodes alone$/);
    expect(errorOf({ num_gpus: "1,000 nodes" })).toMatch(/^num_gpus: "1,000 nodes" must be .*, not of nodes alone$/);
    for (const num_gpus of ["8xabc", "H100", "8xH100 x 2", "-8xH100", "50000 x p5.48xlarge"])
      expect(errorOf({ num_gpus })).toMatch(
        new RegExp(`^num_gpus: "${num_gpus}" must be a positive whole number from 1 to 100000, such as 8 or 2 x 8$`),
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
