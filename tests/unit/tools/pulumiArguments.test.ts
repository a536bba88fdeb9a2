import { describe, expect, it } from "vitest";
import { destroyParameters, readPulumiArguments, withPolicyPack } from "../../../tools/pulumi-arguments.mjs";

describe("readPulumiArguments", () => {
  it.each([
    [["up", "-s", "local", "--yes"], ["up"], "local"],
    [["up", "-slocal"], ["up"], "local"],
    [["--stack", "local", "preview"], ["preview"], "local"],
    [["preview", "--stack=local"], ["preview"], "local"],
    [["--color", "never", "-v", "3", "stack", "init", "mine"], ["stack", "init", "mine"], undefined],
    [["up", "--", "-s", "other"], ["up"], undefined],
  ])("reads %j", (parameters, words, stack) => {
    expect(readPulumiArguments(parameters)).toMatchObject({ words, stack });
  });

  it("reads another directory", () => {
    expect(readPulumiArguments(["-C", "policy", "about"])).toMatchObject({ directory: "policy", words: ["about"] });
    expect(readPulumiArguments(["--cwd=policy", "about"])).toMatchObject({ directory: "policy", words: ["about"] });
  });

  it("keeps other flags", () => {
    expect(readPulumiArguments(["destroy", "--remove", "--yes"]).flags).toEqual(["--remove", "--yes"]);
  });
});

describe("withPolicyPack", () => {
  const policies = { pack: "/here/pack", configuration: "/here/platform.json" };
  const flags = ["--policy-pack", "/here/pack", "--policy-pack-config", "/here/platform.json"];

  it.each([
    [
      ["preview", "-s", "platform"],
      ["preview", "-s", "platform", ...flags],
    ],
    [
      ["-C", ".", "up", "--yes"],
      ["-C", ".", "up", "--yes", ...flags],
    ],
    [
      ["up", "--", "-s", "other"],
      ["up", ...flags, "--", "-s", "other"],
    ],
    // A team's own pack stays, and so does the pairing with its configuration.
    [
      ["up", "--policy-pack", "mine", "--policy-pack-config", "mine.json"],
      ["up", "--policy-pack", "mine", "--policy-pack-config", "mine.json", ...flags],
    ],
  ])("%j", (parameters, expected) => {
    expect(withPolicyPack(parameters, policies)).toEqual(expected);
  });
});

describe("destroyParameters", () => {
  it("lets a stack in a cloud be refused by its preview before anything is deleted", () => {
    expect(destroyParameters("platform", false)).toEqual(["destroy", "--stack", "platform", "--yes"]);
    expect(destroyParameters("local", true)).toContain("--skip-preview");
  });
});
