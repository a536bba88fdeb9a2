import { execFileSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { exportLines, stackVariables } from "../../../cli/shellEnvironment";

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
  it("prefers the environment with the store's credentials", () => {
    const outputs = {
      metaflowConfig: { METAFLOW_USER: "a" },
      metaflowEnvironment: { METAFLOW_USER: "a", AWS_REGION: "r" },
    };
    expect(stackVariables(outputs)).toEqual({ METAFLOW_USER: "a", AWS_REGION: "r" });
  });

  it("has nothing for a stack that is not up", () => {
    expect(stackVariables({})).toEqual({});
  });

  it("takes no name that a shell would not", () => {
    expect(stackVariables({ metaflowConfig: { "x; rm": "1", METAFLOW_USER: "a" } })).toEqual({ METAFLOW_USER: "a" });
  });
});
