import { describe, expect, it } from "vitest";
import { formatSummary, table } from "../../../tools/summary.mjs";

const outputs = {
  stages: [
    {
      name: "sft",
      method: "sft",
      status: "succeeded",
      metric: "tiny_sums/exact_match",
      before: 0.0125,
      after: 0.83333,
      minutes: 1.3,
      modelUri: "s3://posttraining/models/sft/17",
      cards: ["/checkout/.posttraining/stacks/local/runs/sft-1/cards/train.html"],
    },
    {
      name: "grpo",
      method: "grpo",
      status: "running",
      metric: null,
      before: null,
      after: null,
      minutes: null,
      modelUri: null,
      cards: [],
    },
  ],
  endpoint: {
    url: "http://127.0.0.1:4000/v1",
    model: "grpo",
    curl: "curl -s http://127.0.0.1:4000/v1/chat/completions",
  },
  metaflowConfig: { METAFLOW_DATASTORE_SYSROOT_S3: "s3://posttraining/metaflow" },
  metaflowEnvironment: "[secret]",
};

describe("formatSummary", () => {
  const text = formatSummary("local", outputs);

  it("has a line for each stage, with the metric before and after", () => {
    const line = text.split("\n").find((each) => each.startsWith("sft"));
    expect(line?.split(/\s{2,}/)).toEqual([
      "sft",
      "SFT",
      "succeeded",
      "tiny_sums/exact_match",
      "0.0125",
      "0.833",
      "1.3",
      "s3://posttraining/models/sft/17",
    ]);
  });

  it("shows a stage without results as such", () => {
    expect(text.split("\n").find((each) => each.startsWith("grpo"))).toMatch(/GRPO\s+running\s+-\s+-\s+-\s+-\s+-/);
  });

  it("names the cards, the endpoint and how to tear down", () => {
    expect(text).toContain("cards/train.html");
    expect(text).toContain("curl -s http://127.0.0.1:4000/v1/chat/completions");
    expect(text).toContain("npm run teardown -- local");
  });

  it("leaves out an endpoint that is not configured", () => {
    expect(formatSummary("local", { ...outputs, endpoint: null })).not.toContain("Endpoint");
  });

  it("refuses outputs of another kind of stack", () => {
    expect(() => formatSummary("local", { vpcId: "vpc-1" })).toThrow("stages");
  });
});

describe("table", () => {
  it("aligns columns", () => {
    expect(
      table([
        ["a", "long"],
        ["longer", "b"],
      ]),
    ).toEqual(["a       long", "longer  b"]);
  });
});
