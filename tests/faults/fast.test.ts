import * as fs from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Campaign } from "./campaign";
import { fastFaults } from "./faults";

/** The fastest part of the campaign: faults for which neither a run nor a model server has to be started. */

const campaign = new Campaign("fast", false);

beforeAll(async () => {
  campaign.configure();
  await campaign.pulumi("up");
});

afterAll(async () => {
  await campaign.checkout.run("teardown", ["local"]);
  campaign.checkout.remove();
});

describe("a shell", () => {
  it("on the stack has the flows, the stack's Metaflow and a cache of its own", async () => {
    const script =
      "import os, posttraining.flow; from metaflow import Flow; Flow('SftFlow').latest_run; print(os.environ['METAFLOW_CLIENT_CACHE_PATH'])";
    const { status, output } = await campaign.checkout.run("shell", ["local", "--", "python", "-c", script]);
    expect(output.trim().split("\n").at(-1)).toBe(campaign.path("metaflow", "client-cache"));
    expect(status).toBe(0);
  });

  it("on a stack that is not there says so, and makes none", async () => {
    const { status, output } = await campaign.checkout.run("shell", ["platform", "--", "true"]);
    expect(output).toContain("Stack platform is not there: nothing of it is set up.");
    expect(status).toBe(0);
    expect(fs.existsSync(campaign.stateFile("platform"))).toBe(false);
  });
});

describe("a stack survives", () => {
  it.each(fastFaults.map((fault) => [fault.name, fault] as const))("%s", async (name, fault) => {
    const before = await campaign.outputs();
    await campaign.observe(name, () => fault.act(campaign, before));
    campaign.expectWhole();
  });
});
