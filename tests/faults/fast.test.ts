import { afterAll, beforeAll, describe, it } from "vitest";
import { Campaign } from "./campaign";
import { fastFaults } from "./faults";

/** The fastest part of the campaign: faults for which neither a run nor a model server has to be started. */

const campaign = new Campaign("fast", false);

beforeAll(async () => {
  campaign.configure();
  await campaign.pulumi("up");
});

afterAll(async () => {
  await campaign.checkout.run("teardown");
  campaign.checkout.remove();
});

describe("a stack survives", () => {
  it.each(fastFaults.map((fault) => [fault.name, fault] as const))("%s", async (name, fault) => {
    const before = await campaign.outputs();
    await campaign.observe(name, () => fault.act(campaign, before));
    campaign.expectWhole();
  });
});
