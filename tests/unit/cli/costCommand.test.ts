import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import { costCommand } from "../../../cli/costCommand";
import { readmeWithCost } from "../../../dev/readmePage";

// Child processes take seconds on a busy machine.
vi.setConfig({ testTimeout: 120_000 });

const root = join(__dirname, "..", "..", "..");

describe("npm run cost", () => {
  const cost = (...options: string[]) => costCommand(options);

  it("prints what it finds and ends with its status", () => {
    const tool = [join(root, "setup", "run.mjs"), "cli/cost.ts"];
    const { status, stdout, stderr } = spawnSync(process.execPath, [...tool, "platform"], { encoding: "utf8" });
    expect({ status, stdout, stderr }).toEqual(cost("platform"));
  });

  it("prints the committed platform's items and their sum", () => {
    const { status, stdout } = cost("platform");
    expect(status).toBe(0);
    expect(stdout).toMatch(/^NAT gateways +\$32\.85 +1 at \$0\.045 an hour$/m);
    expect(stdout).toMatch(/^Together +\$\d+\.\d\d +a month of 730 hours$/m);
    expect(stdout).toContain("Prices: us-east-1, on demand");
  });

  it("prints JSON that another program can read", () => {
    const parsed = JSON.parse(cost("platform", "--json").stdout) as { usdPerMonth: number; items: unknown[] };
    expect(parsed.usdPerMonth).toBeGreaterThan(0);
    expect(parsed.items.length).toBeGreaterThan(0);
  });

  it("names the stacks there are when it is asked for another", () => {
    const { status, stdout, stderr } = cost("platfrom");
    expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
    expect(stderr).toMatch(
      /^There is no such stack in stacks\/: got "platfrom"; allowed: .*platform.* \(did you mean platform\?\)\n$/,
    );
  });

  it.each([
    "stacks/Pulumi.platform.yaml",
    "Pulumi.platform.yaml",
    "./platform",
    "platform/",
    "Platform",
    "organization/post-training-stack/platform",
  ])("takes a stack by its name, and offers it for %s", (stack) => {
    expect(cost(stack)).toEqual({
      status: 1,
      stdout: "",
      stderr: `There is no such stack in stacks/: got "${stack}"; allowed: local, platform (did you mean platform?)\n`,
    });
  });

  it("takes one stack at a time", () => {
    const { status, stderr } = cost("platform", "local");
    expect(status).toBe(1);
    expect(stderr).toMatch(/^one stack at a time, not platform, local\nnpm run cost -- <stack>/);
  });

  it("says that a local stack costs nothing on AWS", () => {
    const { status, stderr } = cost("local");
    expect(status).toBe(1);
    expect(stderr).toContain("Stack local is of kind local: it runs on this machine and costs nothing on AWS.");
  });

  it("says how it is used when no stack is named, or an option is unknown", () => {
    for (const options of [[], ["platform", "--yaml"]]) {
      const { status, stderr } = cost(...options);
      expect(status).toBe(1);
      expect(stderr).toContain("npm run cost -- <stack>");
      expect(stderr).not.toContain("To specify a positional argument");
    }
  });
});

describe("the README's table of the platform's cost", () => {
  it("is what the prices say today; `npm run readme-table` writes it anew", async () => {
    const text = readFileSync(join(root, "README.md"), "utf8");
    expect(text).toBe(await readmeWithCost(text));
  });

  it("needs both markers", async () => {
    await expect(readmeWithCost("no markers")).rejects.toThrow(/platform-cost/);
  });
});
