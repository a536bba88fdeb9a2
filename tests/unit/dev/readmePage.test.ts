import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import { tableEnd, tableStart } from "../../../sizing/table";
import { readmeWithTable } from "../../../dev/readmePage";

// Searches and child processes take seconds on a busy machine.
vi.setConfig({ testTimeout: 120_000 });

const root = join(__dirname, "..", "..", "..");

describe("the README's table of GPU requirements", () => {
  it("is what the planner answers today; `npm run readme-table` writes it anew", async () => {
    const text = readFileSync(join(root, "README.md"), "utf8");
    expect(text).toBe(await readmeWithTable(text));
  });

  it("answers all six cells, for adapters and for all weights", () => {
    const text = readFileSync(join(root, "README.md"), "utf8");
    const table = text.slice(text.indexOf(tableStart), text.indexOf(tableEnd));
    expect(table.match(/\d+ x [A-Z0-9].*?\$[\d,]+/g)?.length).toBeGreaterThanOrEqual(3);
    expect(table).not.toContain("nothing fits");
    expect(table).not.toContain("?");
  });

  it("needs both markers", async () => {
    await expect(readmeWithTable("no markers")).rejects.toThrow(/^README\.md needs the lines .*gpu-requirements/);
  });
});
