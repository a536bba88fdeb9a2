import { execFileSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { exportLines, stackVariables } from "../../../cli/shellEnvironment";
import { type LocalOutputs, stackOutputsVersion } from "../../../contracts/stackOutputs";

describe("exportLines", () => {
  it("carries every value through a shell unchanged", () => {
    const value = `it's "a" $HOME \`x\` \\ and\ntwo lines`;
    const lines = exportLines({ SAME: "1" }, { SAME: "1", VALUE: value, GONE: undefined });
    expect(lines).toHaveLength(1);
    const script = `${lines.join("\n")}\nprintf %s "$VALUE"`;
    expect(execFileSync("sh", ["-c", script], { encoding: "utf8" })).toBe(value);
  });
});

describe("stackVariables", () => {
  const local: LocalOutputs = {
    kind: "local",
    version: stackOutputsVersion,
    metaflowConfig: { METAFLOW_USER: "a" },
    metaflowEnvironment: { METAFLOW_USER: "a", AWS_REGION: "r" },
    stages: [],
    endpoint: null,
    endpointEnvironment: null,
    modelsRoot: "s3://posttraining/models",
  };

  it("are those of runs, with the store's credentials, and where models lie", () => {
    expect(stackVariables(local)).toEqual({
      METAFLOW_USER: "a",
      AWS_REGION: "r",
      MODELS_ROOT: "s3://posttraining/models",
    });
  });

  it("are those of the endpoint's clients too", () => {
    const endpointEnvironment = { OPENAI_BASE_URL: "http://127.0.0.1:4000/v1" };
    expect(stackVariables({ ...local, endpointEnvironment })).toMatchObject(endpointEnvironment);
  });

  it("are none for a stack that is not up", () => {
    expect(stackVariables(undefined)).toEqual({});
  });

  it("take no name that a shell would not", () => {
    expect(
      Object.keys(stackVariables({ ...local, metaflowEnvironment: { "x; rm": "1", METAFLOW_USER: "a" } })),
    ).toEqual(["METAFLOW_USER", "MODELS_ROOT"]);
  });
});
