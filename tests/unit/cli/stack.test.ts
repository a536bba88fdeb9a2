import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { TemporaryCheckout } from "../setup/temporaryCheckout";

type Stack = typeof import("../../../cli/stack");

let checkout: TemporaryCheckout;
let stack: Stack;

beforeEach(async () => {
  checkout = new TemporaryCheckout();
  checkout.linkPackages();
  stack = await checkout.load<Stack>("cli/stack.ts");
  for (const kind of ["local", "platform"])
    checkout.write(`stacks/Pulumi.${kind}-of-mine.yaml`, `config:\n  posttraining:stack:\n    kind: ${kind}\n`);
});

afterEach(() => {
  checkout.remove();
});

describe("the environment of a stack's commands", () => {
  it("keeps a local stack from downloading the plugins of clouds, and lets one in a cloud have them", () => {
    const variable = "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION";
    expect(stack.stackEnvironment("local-of-mine")[variable]).toBe("true");
    expect(stack.stackEnvironment("platform-of-mine")[variable]).toBeUndefined();
  });
});
