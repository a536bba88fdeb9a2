import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  chartVersionProblem,
  compareVersions,
  installableVersionProblem,
} from "../../../../components/core/chartVersion";

const version = fc.tuple(fc.nat(3), fc.nat(60), fc.nat(40)).map((parts) => parts.join("."));

describe("compareVersions", () => {
  it("orders by number, not by letter, with or without a v", () => {
    expect(compareVersions("0.45.9", "0.45.21")).toBeLessThan(0);
    expect(compareVersions("v0.10.1", "0.9.0")).toBeGreaterThan(0);
    expect(compareVersions("0.46", "v0.46.0")).toBe(0);
  });

  it("compares nothing that is no version", () => {
    expect(() => compareVersions("latest", "1.0")).toThrow("cannot be compared");
  });

  it("is an order", () => {
    fc.assert(
      fc.property(version, version, (a, b) => Math.sign(compareVersions(a, b)) === -Math.sign(compareVersions(b, a))),
    );
  });
});

describe("chartVersionProblem", () => {
  it.each(["0.45.2", "v0.8.2", "1.2"])("takes %s", (text) => {
    expect(chartVersionProblem(text)).toBeUndefined();
  });

  it.each(["latest", "1", "1.2.3.4", "1.x", ""])("refuses %j", (text) => {
    expect(chartVersionProblem(text)).toContain("must be a version");
  });
});

describe("installableVersionProblem", () => {
  const oldest = { version: "0.15.0", because: "it is the first that works" };

  it("refuses what is no version and what is too old, and takes the oldest itself", () => {
    expect(installableVersionProblem("latest", oldest)).toContain("must be a version");
    expect(installableVersionProblem("0.14.9", oldest)).toBe("needs 0.15.0 or newer: it is the first that works");
    expect(installableVersionProblem("0.15.0", oldest)).toBeUndefined();
    expect(installableVersionProblem("0.1.0", undefined)).toBeUndefined();
  });
});
