import { describe, expect, it } from "vitest";
import { groupsOf, isCovered, machineProblem, syncProblem } from "../../../tools/python-environments.mjs";

describe("groupsOf", () => {
  it("leaves torch out of what only deploys", () => {
    expect(groupsOf("train", "infrastructure", "linux")).toEqual(["flows", "lint"]);
    expect(groupsOf("train", "everything", "linux")).toEqual(
      expect.arrayContaining(["flows", "lint", "train", "evaluate"]),
    );
  });

  it("serves with vLLM where it has a build for the processor", () => {
    expect(groupsOf("serve", "everything", "linux")).toEqual(["serve-cpu"]);
    expect(groupsOf("serve", "everything", "darwin")).toEqual(["serve-transformers"]);
  });
});

describe("isCovered", () => {
  const installed = { lock: "x", groups: ["flows", "lint", "train", "evaluate"] };

  it("leaves a larger environment alone", () => {
    expect(isCovered({ lock: "x", groups: ["flows", "lint"] }, installed)).toBe(true);
  });

  it.each([
    ["the lock changed", { lock: "y", groups: ["flows"] }, installed],
    ["a group is missing", { lock: "x", groups: ["flows", "train"] }, { lock: "x", groups: ["flows"] }],
    ["nothing is installed", { lock: "x", groups: ["flows"] }, undefined],
  ])("asks for packages when %s", (_reason, wanted, found) => {
    expect(isCovered(wanted, found)).toBe(false);
  });
});

describe("machineProblem", () => {
  it.each([
    ["linux", "x64"],
    ["linux", "arm64"],
    ["darwin", "arm64"],
  ])("%s on %s can train", (platform, architecture) => {
    expect(machineProblem(platform, architecture)).toBeUndefined();
  });

  it("says what an Intel Mac can still do", () => {
    const message = machineProblem("darwin", "x64")?.message;
    expect(message).toContain("PyTorch has no packages for darwin on x64");
    expect(message).toContain("npm run bootstrap -- --only infrastructure");
  });
});

describe("syncProblem", () => {
  it.each([
    ["error: No interpreter found for Python >=3.11, <3.13 in search path", "darwin", "brew install python@3.12"],
    ["error: No interpreter found for Python >=3.11, <3.13 in search path", "linux", "apt-get install python3.11"],
    ["error: failed to write to file: No space left on device (os error 28)", "linux", "The disk is full"],
    [
      "error: Failed to fetch: error sending request for url (https://index/simple/torch/)",
      "linux",
      "cannot be reached",
    ],
  ])("explains %s on %s", (output, platform, expected) => {
    expect(syncProblem(output, platform)?.message).toContain(expected);
  });

  it("leaves what it does not know to the log", () => {
    expect(syncProblem("error: hash mismatch for torch", "linux")).toBeUndefined();
  });
});
