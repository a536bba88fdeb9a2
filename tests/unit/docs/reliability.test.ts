import * as fs from "node:fs";
import * as path from "node:path";
import { describe, expect, it } from "vitest";
import { root } from "../../../machine/checkout.mjs";
import { documentWithFaults, faultsMarkdown } from "../../../dev/reliabilityPage";
import { faults, lastFaults } from "../../faults/faults";

describe("docs/reliability.md", () => {
  it("shows what the campaign has seen; `npm run reliability-table` writes it anew", async () => {
    const text = fs.readFileSync(path.join(root, "docs", "reliability.md"), "utf8");
    expect(text).toBe(await documentWithFaults(text));
  });

  it("shows every fault of the campaign as it is now", () => {
    const results = JSON.parse(fs.readFileSync(path.join(root, "bench", "results", "faults.json"), "utf8")) as {
      observations: { fault: string }[];
    };
    expect(results.observations.map(({ fault }) => fault)).toEqual([...faults, ...lastFaults].map(({ name }) => name));
    expect(results.observations.length).toBeGreaterThanOrEqual(40);
  });

  it("quotes what was said as it was, cut where it is long", () => {
    const observation = {
      fault: "a | b",
      next: "up",
      said: `it said \`x\` ${"y".repeat(300)}`,
      end: "whole",
      seconds: 3.4,
    };
    const [, , , , row] = faultsMarkdown({ date: "2026-01-01", machine: "m", observations: [observation] }).split("\n");
    expect(row).toMatch(/^\| 1 \| a \\\| b \| `up` \| `it said 'x' y+…` \| whole \| 3 \|$/);
  });
});
