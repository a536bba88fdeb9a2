import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import { planCommand } from "../../../cli/planCommand";
import { planForThisMachine } from "../../../recipe/plan";
import { readRecipe } from "../../../recipe/read";
import { planRecipe } from "../../../sizing/planRecipe";
import type { Constraints } from "../../../sizing/search";

// Searches and child processes take seconds on a busy machine.
vi.setConfig({ testTimeout: 120_000 });

const root = join(__dirname, "..", "..", "..");

describe("npm run plan", () => {
  const plan = (...options: string[]) => planCommand(options);

  it("prints what it finds and ends with its status", () => {
    const tool = ["--require", "ts-node/register/transpile-only", join(root, "cli", "plan.ts")];
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
    const parsed = JSON.parse(run.stdout) as { plan: { gpusPerNode: number }; machines: { instanceType: string } };
    expect(parsed.machines.instanceType).toMatch(/^g6e\./);
    expect(parsed.plan.gpusPerNode).toBeGreaterThan(0);
  });

  it("prints the run document that the flow takes, with the plan for the recipe", () => {
    const run = plan("grpo-3b", "--document", "--families", "g6e", "--models", "s3://bucket/models");
    const recipe = readRecipe("grpo-3b");
    expect(JSON.parse(run.stdout)).toEqual({
      recipe,
      plan: planRecipe(recipe, { families: ["g6e"] }).plan,
      placement: null,
      baseModelUri: null,
      modelsRoot: "s3://bucket/models",
      name: "grpo-3b",
      modelUri: null,
    });
    const here = JSON.parse(plan("sft-tiny", "--document").stdout) as { modelsRoot: string; plan: unknown };
    expect(here.plan).toEqual(planForThisMachine(readRecipe("sft-tiny"), { gpus: 0 }));
    expect(here.modelsRoot).toMatch(/^file:\/\/\/.*\/\.metaflow\/models$/);
    expect(plan("dpo-70b", "--document", "--families", "g6", "--nodes", "1")).toMatchObject({ status: 2, stdout: "" });
  });

  it("ends with status 2 and what would fit when nothing does, each once", () => {
    const run = plan("sft-70b", "--families", "g6e", "--capacity", "capacity-block");
    expect(run.status).toBe(2);
    expect(run.stdout.trimEnd().split("\n")).toEqual([
      expect.stringMatching(
        /^Nothing that is allowed fits sft-70b\. It would fit on capacity .*: 1 x g6e\.48xlarge \(/,
      ),
      expect.stringMatching(/^It would also fit on other instance families: \d+ x p/),
    ]);
    expect(plan("sft-70b", "--budget", "1").stdout.trimEnd().split("\n")).toHaveLength(1);
  });

  it.each([
    ["--budget", /\$([\d.]+) a run/],
    ["--usd-per-hour", /\$([\d.]+) an hour/],
    ["--deadline", /([\d.]+) h\./],
  ])("names a figure with which %s would do", (option, figure) => {
    const [, wanted = ""] = figure.exec(plan("sft-70b", option, "0.1").stdout) ?? [];
    expect(plan("sft-70b", option, wanted)).toMatchObject({ status: 0 });
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
    expect(plan("sft-3b", "--capacity", "spot").stderr).toBe(
      '--capacity: got "spot"; allowed: on-demand, capacity-block\n',
    );
  });

  it.each([
    [["--budget", "0x10"], '--budget: "0x10" must be a number of USD above 0'],
    [["--budget", ""], '--budget: "" must be a number of USD above 0'],
    [["--budget", "0"], '--budget: "0" must be a number of USD above 0'],
    [["--budget=-5"], '--budget: "-5" must be a number of USD above 0'],
    [["--budget", "1e99"], '--budget: "1e99" must be a number of USD above 0 and at most 1000000000'],
    [["--usd-per-hour", "1.2.3"], '--usd-per-hour: "1.2.3" must be a number of USD'],
    [["--deadline", ""], '--deadline: "" must be a number of hours above 0'],
    [["--deadline", "12h"], '--deadline: "12h" must be a number of hours above 0'],
    [["--nodes", "1.5"], '--nodes: "1.5" must be a whole number from 1 to 10000'],
    [["--nodes", "1e400"], '--nodes: "1e400" must be a whole number from 1 to 10000'],
    [["--nodes", "0"], '--nodes: "0" must be a whole number from 1 to 10000'],
    [["--headroom", "5"], '--headroom: "5" must be a number from 0 to below 1'],
    [["--headroom", "10%"], '--headroom: "10%" must be a number from 0 to below 1'],
    [["--families", "g99"], '--families: got "g99"; allowed: g5, g6'],
    [["--families", ""], '--families: got ""; allowed: g5, g6'],
    [["--families", "g6e,"], '--families: got ""; allowed: g5, g6'],
    [["--families", "P5"], "(did you mean p5?)"],
    [["--capacity", "ondemand"], "(did you mean on-demand?)"],
    [["--region", "mars"], 'not of "mars", which is no region that is known here'],
    [["--region", "us-east1"], "(did you mean us-east-1?)"],
    [["--region", "eu-west-1"], "run `npm run refresh-catalog -- --region eu-west-1`"],
    [["--nodes", "1", "--nodes", "2"], "--nodes: stands more than once"],
    [["flows/recipes/sft-3b.yaml"], 'no recipe "flows/recipes/sft-3b.yaml"; there are '],
    [["flows/recipes/sft-3b.yaml"], "(did you mean sft-3b?)"],
    [["SFT-3B"], "(did you mean sft-3b?)"],
    [[""], 'no recipe ""; there are '],
    [["--document"], "--document: name the recipe that is to run"],
    [["sft-3b", "--document", "--json"], "--document: is JSON already; leave out --json"],
    [["sft-3b", "--document", "--offload"], "--document: the flows keep states in the GPUs' memory"],
    [["sft-3b", "--document", "--models", "models"], '--models: "models" must be s3://bucket/prefix or file:///folder'],
    [["sft-3b", "--models", "s3://bucket/models"], "--models: is where the models of a --document go"],
    [["sft-3b", "dpo-3b"], "one recipe at a time, not sft-3b, dpo-3b"],
  ])("refuses %j in one line", (options, expected) => {
    const { status, stdout, stderr } = plan(...options);
    expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
    expect(stderr).toContain(expected);
    expect(stderr.trimEnd().split("\n")).toHaveLength(1);
  });

  it("names every wrong option in one message", () => {
    const { stderr } = plan("sft-4b", "--budget", "x", "--nodes", "0", "--families", "g98,g99", "--region", "mars");
    expect(stderr.match(/^(no recipe|--[a-z]+)/gm)).toEqual([
      ...["no recipe", "--region", "--families", "--families", "--budget", "--nodes"],
    ]);
  });

  it("explains itself also where other options are wrong", () => {
    expect(plan("sft-4b", "--budget", "x", "-h")).toEqual(plan("--help"));
  });

  it("names what is wrong with a document in the order of the options", () => {
    const { stderr } = plan("--document", "--json", "--offload", "--models", "x", "--region", "mars", "--region", "x");
    expect(stderr.trimEnd().split("\n")).toEqual([
      "--region: stands more than once",
      "--document: name the recipe that is to run",
      "--document: is JSON already; leave out --json",
      "--document: the flows keep states in the GPUs' memory; leave out --offload",
      '--models: "x" must be s3://bucket/prefix or file:///folder',
      expect.stringMatching(/^--region: the catalog holds prices of us-east-1, not of "x"/),
    ]);
  });

  it("searches within what every option allows", () => {
    const options = [
      ...["--families", "g6e,p5", "--capacity", "on-demand", "--budget", "5000", "--usd-per-hour", "90"],
      ...["--deadline", "200", "--nodes", "4", "--headroom", "0.2", "--offload", "--fastest", "--region", "us-east-1"],
    ];
    const constraints: Constraints = {
      region: "us-east-1",
      families: ["g6e", "p5"],
      capacity: ["on-demand"],
      maximumUsdPerRun: 5000,
      maximumUsdPerHour: 90,
      maximumHours: 200,
      maximumNodes: 4,
      headroom: 0.2,
      allowOffload: true,
      objective: "fastest",
    };
    const expected = planRecipe(readRecipe("sft-3b"), constraints);
    expect(plan("sft-3b", "--json", ...options).stdout).toBe(`${JSON.stringify(expected, null, 2)}\n`);
  });

  it("takes states in host memory only where they are allowed", () => {
    expect(plan("sft-70b", "--families", "g5", "--nodes", "1").status).toBe(2);
    expect(plan("sft-70b", "--families", "g5", "--nodes", "1", "--offload").stdout).toContain("1 x g5.12xlarge (4 x");
  });

  it("reads numbers as people write them", () => {
    const plain = plan("sft-3b", "--json", "--budget", "1000", "--families", "g6e,g5");
    expect(plain.status).toBe(0);
    for (const budget of ["1e3", "1,000", "1_000", "1000.0"])
      expect(plan("sft-3b", "--json", "--budget", budget, "--families", "g6e, g5")).toEqual(plain);
  });

  it("says that a tiny model needs no GPU", () => {
    const { status, stdout } = plan("sft-tiny");
    expect(status).toBe(0);
    expect(stdout).toContain("A tiny model trains on this machine's processors.");
  });
});
