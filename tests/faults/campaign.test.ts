import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { root } from "../../machine/checkout.mjs";
import { Campaign } from "./campaign";
import { faults, lastFaults } from "./faults";

/**
 * The whole campaign on one stack of this machine, with everything real (docs/reliability.md). `npm run test:faults`; with
 * POSTTRAINING_WRITE_RESULTS set, what was seen is written to bench/results/faults.json.
 */

const campaign = new Campaign("campaign", true);

beforeAll(async () => {
  campaign.configure();
  const { status, output } = await campaign.checkout.run("quickstart");
  if (status !== 0) throw new Error(output);
});

afterAll(async () => {
  if (process.env.POSTTRAINING_WRITE_RESULTS) {
    const file = path.join(root, "bench", "results", "faults.json");
    const [processor] = os.cpus();
    const results = {
      date: new Date().toISOString().slice(0, 10),
      machine: `${os.cpus().length} cores (${processor?.model ?? "unknown"}), ${Math.round(os.totalmem() / 2 ** 30)} GiB, ${process.platform}, Node ${process.versions.node}`,
      observations: campaign.observations,
    };
    fs.writeFileSync(file, `${JSON.stringify(results, null, 2)}\n`);
  }
  await campaign.checkout.run("teardown", ["local"]);
  campaign.checkout.remove();
});

describe("a stack survives", () => {
  it.each(faults.map((fault) => [fault.name, fault] as const))("%s", async (name, fault) => {
    const before = await campaign.outputs();
    await campaign.observe(name, () => fault.act(campaign, before));
    campaign.expectWhole();
    expect(await campaign.ask(await campaign.outputs())).toBe(200);
  });
});

describe("nothing is left after", () => {
  beforeEach(async () => {
    campaign.configure();
    const { status, output } = await campaign.checkout.run("quickstart");
    if (status !== 0) throw new Error(output);
  });

  it.each(lastFaults.map((fault) => [fault.name, fault] as const))("%s", async (name, fault) => {
    const before = await campaign.outputs();
    await campaign.observe(name, () => fault.act(campaign, before));
  });
});
