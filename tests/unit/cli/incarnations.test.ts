import * as fs from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { incarnationFile } from "../../../machine/stackFiles";
import { TemporaryCheckout } from "../setup/temporaryCheckout";

type Module = typeof import("../../../cli/incarnations");

let checkout: TemporaryCheckout;
let incarnations: Module;

beforeEach(async () => {
  checkout = new TemporaryCheckout();
  checkout.linkPackages();
  incarnations = await checkout.load<Module>("cli/incarnations.ts");
});

afterEach(() => {
  checkout.remove();
});

describe("what is written down of replaced resources", () => {
  it("is forgotten of one that the state has alone, and kept of one that it has twice, and of other stacks", () => {
    const [store, run, other] = [
      { urn: "urn:store", id: "store", type: "t" },
      { urn: "urn:run", id: "sft-0", type: "t" },
      { urn: "urn:other", id: "store", type: "t" },
    ];
    for (const { urn, id } of [store, run, other]) {
      checkout.write(`.posttraining/pulumi/incarnations/${incarnationFile(urn, id)}`, "{}");
    }
    // The old one of `run` waits for its deletion.
    const resources = [store, run, { ...run, delete: true }, { urn: "urn:component", type: "t" }];
    checkout.write(
      ".posttraining/pulumi/state/.pulumi/stacks/posttraining/local.json",
      JSON.stringify({ checkpoint: { latest: { resources } } }),
    );
    incarnations.settleIncarnations("local");
    expect(fs.readdirSync(incarnations.incarnationsDirectory()).sort()).toEqual(
      [incarnationFile(run.urn, run.id), incarnationFile(other.urn, other.id)].sort(),
    );
  });

  it("need not be there", () => {
    expect(() => {
      incarnations.settleIncarnations("local");
    }).not.toThrow();
  });
});
