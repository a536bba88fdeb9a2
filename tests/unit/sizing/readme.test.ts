import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import { replaceTable, tableEnd, tableStart } from "../../../sizing/table";
import { planCommand } from "../../../tools/plan-command";
import { readmeWithTable } from "../../../tools/readme-table";

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

  it("needs both markers", () => {
    expect(() => replaceTable("no markers", "table")).toThrow(/gpu-requirements/);
  });
});

describe("npm run plan", () => {
  const plan = (...options: string[]) => planCommand(options);

  it("prints what it finds and ends with its status", () => {
    const tool = ["--require", "ts-node/register/transpile-only", join(root, "tools", "plan.ts")];
    const run = spawnSync(process.execPath, [...tool, "sft-3b"], { encoding: "utf8" });
    expect({ status: run.status, stdout: run.stdout, stderr: run.stderr }).toEqual(plan("sft-3b"));
    const wrong = spawnSync(process.execPath, [...tool, "sft-4b"], { encoding: "utf8" });
    expect({ status: wrong.status, stdout: wrong.stdout }).toEqual({ status: 1, stdout: "" });
    expect(wrong.stderr).toMatch(/no recipe "sft-4b"/);
  });

  it("prints a recipe's memory by part, alternatives and cost", () => {
    const run = plan("sft-70b");
    expect(run.status).toBe(0);
    expect(run.stdout).toMatch(/weights +[\d.]+ GiB +#+/);
    expect(run.stdout.match(/Alternative: /g)).toHaveLength(2);
    expect(run.stdout).toMatch(/\$[\d.]+ a run/);
    expect(run.stdout).toMatch(/LoRA of rank \d+ on bf16 weights; adamw-fused/);
  });

  it("prints JSON that another program can read", () => {
    const run = plan("dpo-3b", "--json", "--families", "g6e");
    const parsed = JSON.parse(run.stdout) as { flow: { gpusPerNode: number }; machines: { instanceType: string } };
    expect(parsed.machines.instanceType).toMatch(/^g6e\./);
    expect(parsed.flow.gpusPerNode).toBeGreaterThan(0);
  });

  it("ends with status 2 and what would fit when nothing does", () => {
    const run = plan("sft-70b", "--families", "g5", "--nodes", "1");
    expect(run.status).toBe(2);
    expect(run.stdout).toMatch(/It would fit/);
  });

  it("explains itself when asked", () => {
    const run = plan("--help");
    expect(run.status).toBe(0);
    expect(run.stdout).toMatch(/--budget <usd>/);
  });

  it("prints the table with what its cells mean and the prices' date", () => {
    const run = plan();
    expect(run.stdout).toMatch(/^Cheapest plan per run: GPUs: nodes and instance, hours, USD\n/);
    expect(run.stdout.match(/^(SFT|DPO|GRPO) +(3B|70B) +(LoRA|full) +\d+ x /gm)).toHaveLength(12);
    expect(run.stdout).toMatch(/Prices: us-east-1, \d{4}-/);
  });

  it("names what is wrong with an option", () => {
    expect(plan("sft-3b", "--budget", "cheap").stderr).toMatch(/--budget: "cheap" must be a number/);
    expect(plan("sft-4b").stderr).toMatch(/no recipe "sft-4b"; there are .*sft-3b/);
    expect(plan("--trainable", "full").stderr).toMatch(
      /^Unknown option '--trainable'\.\nnpm run plan .*\n\n {2}<recipe>/,
    );
    expect(plan("sft-3b", "--capacity", "spot").stderr).toMatch(/--capacity: spot must be on-demand or capacity-block/);
  });
});
