import { describe, expect, it } from "vitest";
import { findGpu, gpus } from "../../../catalog/gpus";

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

  it.each(["H1000", "A1000", "L400", "H20x", "B2000", "GH200", "RTX 40900", "H100.5", "Tesla T40"])(
    "is no part of another name: %s",
    (text) => {
      expect(findGpu(text)).toBeUndefined();
    },
  );
});
