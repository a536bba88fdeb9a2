import { describe, expect, it } from "vitest";
import { compareVersions, isAtLeast } from "../../../machine/version.mjs";

describe("compareVersions", () => {
  it.each([
    ["1.2", "1.2.0", 0],
    ["1.10", "1.9", 1],
    ["2.0.0", "2.0.1", -1],
    ["3.258.0-alpha", "3.258.0", 0],
  ])("%s against %s", (a, b, sign) => {
    expect(Math.sign(compareVersions(a, b))).toBe(sign);
  });

  it("has no answer for what is no version", () => {
    expect(compareVersions("git", "1.0")).toBeNaN();
  });
});

describe("isAtLeast", () => {
  it.each([
    ["20.19.0", "20.19.0", true],
    ["20.18.9", "20.19.0", false],
    ["22.0.0", "20.19.0", true],
    ["1.9", "1.21", false],
    ["1.26", "1.25.11", true],
    ["1.25", "1.25.11", false],
  ])("%s against %s", (version, oldest, expected) => {
    expect(isAtLeast(version, oldest)).toBe(expected);
  });
});
