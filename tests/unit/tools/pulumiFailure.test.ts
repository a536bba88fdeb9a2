import { describe, expect, it } from "vitest";
import { explainFailure } from "../../../tools/pulumi-failure.mjs";

const facts = {
  stack: "local",
  passphraseSource: "the variable PULUMI_CONFIG_PASSPHRASE",
  stateDirectory: "/checkout/.posttraining",
};

describe("explainFailure", () => {
  it("says where a wrong passphrase came from", () => {
    const text = explainFailure(
      "error: getting stack configuration: get stack secrets manager: incorrect passphrase",
      facts,
    );
    expect(text).toContain("stack local");
    expect(text).toContain("the variable PULUMI_CONFIG_PASSPHRASE");
  });

  it("says how a lock is removed", () => {
    const text = explainFailure("error: the stack is currently locked by 1 lock(s). Either wait …", facts);
    expect(text).toContain("npm run pulumi -- cancel --yes local");
  });

  it("says where a full disk can be emptied", () => {
    expect(explainFailure("error: write /x: no space left on device", facts)).toContain("/checkout/.posttraining");
  });

  it("says how a missing stack is made", () => {
    expect(explainFailure("error: no stack named 'local' found", facts)).toContain(
      "npm run pulumi -- stack init local",
    );
  });

  it("says that the network is missing", () => {
    expect(
      explainFailure("error: could not download plugin: dial tcp: lookup get.pulumi.com: no such host", facts),
    ).toContain("HTTPS_PROXY");
  });

  it("leaves other errors as they are", () => {
    expect(explainFailure("error: update failed", facts)).toBeUndefined();
  });
});
