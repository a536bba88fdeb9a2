import { describe, expect, it } from "vitest";
import { destroyParameters, readPulumiArguments, withPolicyPack } from "../../../cli/pulumiArguments";

describe("readPulumiArguments", () => {
  it.each([
    [["up", "-s", "local", "--yes"], ["up"], "local"],
    [["up", "-slocal"], ["up"], "local"],
    [["--stack", "local", "preview"], ["preview"], "local"],
    [["preview", "--stack=local"], ["preview"], "local"],
    [["--color", "never", "-v", "3", "stack", "init", "mine"], ["stack", "init", "mine"], undefined],
    // What follows is what the command works on: `stack rm -- mine` removes `mine`.
    [["up", "--", "-s", "other"], ["up", "-s", "other"], undefined],
    [["stack", "rm", "--", "../mine"], ["stack", "rm", "../mine"], undefined],
    // Short flags may stand together, with the last one's value behind them or in the next word.
    [["up", "-ys", "local"], ["up"], "local"],
    [["up", "-fys", "local"], ["up"], "local"],
    [["up", "-yslocal"], ["up"], "local"],
    [["up", "-ys=local"], ["up"], "local"],
    [["up", "-r=true", "-s", "local"], ["up"], "local"],
    // A flag's value is no word, and no stack.
    [["up", "-m", "-s", "-s", "local"], ["up"], "local"],
    [["up", "-c", "a=b", "-p", "4", "-s", "local"], ["up"], "local"],
    [["preview", "-x", "-s", "-s", "local"], ["preview"], "local"],
    [["destroy", "-x**store", "-s", "local"], ["destroy"], "local"],
    [["stack", "init", "--secrets-provider", "passphrase", "mine"], ["stack", "init", "mine"], undefined],
    [["stack", "init", "--copy-config-from", "local", "mine"], ["stack", "init", "mine"], undefined],
    // Here it stands alone: it makes the stack if there is none.
    [["stack", "select", "-c", "mine"], ["stack", "select", "mine"], undefined],
  ])("reads %j", (parameters, words, stack) => {
    expect(readPulumiArguments(parameters)).toMatchObject({ words, stack });
  });

  it.each([
    [["up", "-t", "urn:a"], ["-t"]],
    [["up", "-turn:a"], ["-t"]],
    [
      ["up", "-yt", "urn:a"],
      ["-y", "-t"],
    ],
    [["up", "--target", "urn:a"], ["--target"]],
    [["up", "--target=urn:a"], ["--target"]],
    [
      ["up", "-yh"],
      ["-y", "-h"],
    ],
    [["--color", "never", "up", "-v=3", "--help"], ["--help"]],
  ])("knows what %j is told beside the stack", (parameters, flags) => {
    expect(readPulumiArguments(parameters).flags).toEqual(flags);
  });

  it("reads another directory", () => {
    expect(readPulumiArguments(["-C", "policy", "about"])).toMatchObject({ directory: "policy", words: ["about"] });
    expect(readPulumiArguments(["--cwd=policy", "about"])).toMatchObject({ directory: "policy", words: ["about"] });
  });

  it("takes the last stack and the last directory", () => {
    expect(readPulumiArguments(["up", "--stack=a", "-C", "x", "-s", "b", "-C=y"])).toEqual({
      words: ["up"],
      stack: "b",
      directory: "y",
      flags: [],
    });
  });

  it("reads a flag whose value is missing", () => {
    const nothing = { stack: undefined, directory: undefined };
    expect(readPulumiArguments(["up", "-s"])).toEqual({ words: ["up"], ...nothing, flags: [] });
    expect(readPulumiArguments(["up", "-m"])).toEqual({ words: ["up"], ...nothing, flags: ["-m"] });
    expect(readPulumiArguments(["up", "-s", "--", "local"])).toMatchObject({ words: ["up", "local"], stack: "--" });
    expect(readPulumiArguments(["up", "--stack="])).toMatchObject({ words: ["up"], stack: "" });
    expect(readPulumiArguments(["-", ""])).toEqual({ words: ["-", ""], ...nothing, flags: [] });
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
