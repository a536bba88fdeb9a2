import { describe, expect, it } from "vitest";
import {
  groupsOf,
  isCovered,
  machineProblem,
  modulesOf,
  remedyFor,
  syncProblem,
  together,
} from "../../../setup/python-environments.mjs";
import { environmentItself } from "../../../setup/python-records.mjs";

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

describe("modulesOf", () => {
  it("names modules for every group that is installed", () => {
    const groups = (["train", "serve", "aws"] as const).flatMap((environment) =>
      ["linux", "darwin"].flatMap((platform) => groupsOf(environment, "everything", platform)),
    );
    for (const group of groups) expect(modulesOf[group]?.length ?? 0, group).toBeGreaterThan(0);
    expect(Object.keys(modulesOf).sort()).toEqual([...new Set(groups)].sort());
  });
});

describe("together", () => {
  it("keeps the groups that were installed by the same lock, and no others", () => {
    const wanted = { lock: "x", groups: ["flows"] };
    expect(together(wanted, { lock: "x", groups: ["train", "flows"] })).toEqual({
      lock: "x",
      groups: ["flows", "train"],
    });
    expect(together(wanted, { lock: "y", groups: ["train"] })).toEqual(wanted);
    expect(together(wanted, undefined)).toEqual(wanted);
  });
});

describe("remedyFor", () => {
  const whole = { isThere: true, isListed: true, isCovered: true, damaged: new Map<string, number>() };
  const lost = { starts: false, what: "python does not start: x" };
  const searching = { starts: true, what: "python does not find torch" };

  it("leaves a whole environment alone", () => {
    expect(remedyFor(whole)).toBeUndefined();
  });

  it.each([
    ["another lock", { ...whole, isCovered: false }, { isAnew: false, packages: [] }],
    [
      "another lock, whose modules are not there yet",
      { ...whole, isCovered: false, objection: searching },
      { isAnew: false },
    ],
    ["no list", { ...whole, isListed: false }, { isAnew: false, packages: [] }],
    [
      "no list, and modules that are not there yet",
      { ...whole, isListed: false, objection: searching },
      { isAnew: false },
    ],
    ["damaged packages", { ...whole, damaged: new Map([["trl", 2]]) }, { isAnew: false, packages: ["trl"] }],
    ["modules that are not found", { ...whole, objection: searching }, { isAnew: true }],
    ["an interpreter that does not start", { ...whole, isListed: false, objection: lost }, { isAnew: true }],
    [
      "damage beside the packages",
      {
        ...whole,
        damaged: new Map([
          ["trl", 2],
          [environmentItself, 1],
        ]),
      },
      { isAnew: true, packages: [] },
    ],
  ])("knows what to do about %s", (_what, state, expected) => {
    expect(remedyFor(state)).toMatchObject(expected);
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
