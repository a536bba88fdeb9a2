import * as fs from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { policiesFor } from "../../../cli/policies";
import { TemporaryCheckout } from "../setup/temporaryCheckout";

describe("the policies of a kind of stack", () => {
  it.each(["platform", "experiment"] as const)("%s are a program and a configuration that exist", (kind) => {
    const policies = policiesFor(kind);
    expect(fs.statSync(policies?.pack ?? "").mode & 0o111).toBe(0o111);
    expect(policies?.configuration).toMatch(new RegExp(`policy/${kind}\\.json$`));
    expect(fs.existsSync(policies?.configuration ?? "")).toBe(true);
  });

  it("that makes nothing in a cloud are none", () => {
    expect(policiesFor("local")).toBeUndefined();
    expect(policiesFor(undefined)).toBeUndefined();
  });
});

type Policies = typeof import("../../../cli/policies");

describe("a command", () => {
  let checkout: TemporaryCheckout;
  let policies: Policies;

  beforeEach(async () => {
    checkout = new TemporaryCheckout();
    checkout.linkPackages();
    policies = await checkout.load<Policies>("cli/policies.ts");
    for (const kind of ["local", "platform", "experiment"])
      checkout.write(`stacks/Pulumi.${kind}-of-mine.yaml`, `config:\n  posttraining:stack:\n    kind: ${kind}\n`);
  });

  afterEach(() => {
    checkout.remove();
  });

  it.each(["preview", "pre", "up", "update"])(
    "%s of a stack in a cloud is checked, by the policies of its kind",
    (command) => {
      for (const kind of ["platform", "experiment"])
        expect(policies.withPolicies(`${kind}-of-mine`, command, [command, "--yes"])).toEqual([
          command,
          "--yes",
          "--policy-pack",
          checkout.file("policy", "pulumi-analyzer-posttraining"),
          "--policy-pack-config",
          checkout.file("policy", `${kind}.json`),
        ]);
    },
  );

  it.each(["destroy", "refresh", "stack", "cancel"])(
    "%s is left as it is: Pulumi takes no policies there",
    (command) => {
      expect(policies.withPolicies("platform-of-mine", command, [command])).toEqual([command]);
    },
  );

  it("on a local stack, and on one without a file, is left as it is", () => {
    for (const stack of ["local-of-mine", "unheard-of"])
      expect(policies.withPolicies(stack, "up", ["up"])).toEqual(["up"]);
  });
});
