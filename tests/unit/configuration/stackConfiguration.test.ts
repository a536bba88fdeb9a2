import { describe, expect, it } from "vitest";
import { ConfigurationError } from "../../../validation/configurationError";
import { parseStackConfiguration } from "../../../configuration/stackConfiguration";

const local = {
  kind: "local",
  stages: [
    { name: "sft", recipe: "sft-tiny" },
    { name: "dpo", recipe: "dpo-tiny", from: "sft" },
  ],
  endpoint: { serves: "dpo" },
};

/** The refusal's text; fails when nothing was refused. */
function refusalOf(document: unknown): string {
  try {
    parseStackConfiguration(document);
  } catch (error) {
    if (error instanceof ConfigurationError) return error.message;
    throw error;
  }
  throw new Error("the configuration was accepted");
}

describe("stack configuration", () => {
  it("refuses an unknown kind with the kinds that there are", () => {
    const text = refusalOf({ kind: "locl" });
    expect(text).toContain('kind: got "locl"; allowed: local, platform, experiment (did you mean local?)');
  });

  it("refuses an empty configuration", () => {
    expect(refusalOf({})).toContain("kind: got nothing; allowed: local, platform, experiment");
  });

  it("says that experiments are not available yet", () => {
    expect(refusalOf({ kind: "experiment" })).toContain('kind: "experiment" is not available yet');
  });

  it("names a misspelt key and the right one", () => {
    expect(refusalOf({ ...local, stagess: [] })).toContain("stagess: is not a known key; did you mean stages?");
    expect(refusalOf({ ...local, endpoint: { serves: "dpo", prot: 1 } })).toContain(
      "endpoint.prot: is not a known key; did you mean port?",
    );
  });

  it("names every wrong field in one message", () => {
    const text = refusalOf({
      kind: "local",
      store: { port: 9000 },
      stages: [
        { name: "sft", recipe: "sft-tny" },
        { name: "sft", recipe: "sft-tiny", from: "nothing" },
        { name: "dpo", recipe: "dpo-tiny", set: { optimizer: { learningRate: -1, learnigRate: 2 } } },
      ],
      endpoint: { serves: "grpo", port: 9000 },
    });
    expect(text).toContain('stages[0].recipe: got "sft-tny"; allowed:');
    expect(text).toContain("did you mean sft-tiny?");
    expect(text).toContain('stages[1].name: "sft" is used twice');
    expect(text).toContain('stages[1].from: got "nothing"; must be an earlier stage: sft');
    expect(text).toContain("stages[2].recipe (dpo-tiny) optimizer.learningRate: got -1; must be greater than 0");
    expect(text).toContain(
      "stages[2].recipe (dpo-tiny) optimizer.learnigRate: is not a known key; did you mean learningRate?",
    );
    expect(text).toContain('endpoint.serves: got "grpo"; must be one of the stages: sft, sft, dpo');
    expect(text).toContain("endpoint.port: 9000 is store.port too");
  });

  it("refuses ports that need privileges or do not exist", () => {
    expect(refusalOf({ ...local, store: { port: 80 } })).toContain("store.port: got 80");
    expect(refusalOf({ ...local, store: { port: 70000 } })).toContain("store.port: got 70000");
  });
});
