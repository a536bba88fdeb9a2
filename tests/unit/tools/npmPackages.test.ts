import { describe, expect, it } from "vitest";
import { matchesLock } from "../../../tools/npm-packages.mjs";

const wanted = {
  packages: {
    "": {},
    "node_modules/a": { version: "1.0.0", integrity: "sha512-a" },
    "node_modules/native-mac": { version: "1.0.0", integrity: "sha512-m", optional: true },
  },
};
const a = { version: "1.0.0", integrity: "sha512-a" };

describe("matchesLock", () => {
  it("accepts an installation that lacks only packages for other systems", () => {
    expect(matchesLock(wanted, { packages: { "node_modules/a": a } })).toBe(true);
  });

  it.each([
    ["nothing is installed", undefined],
    ["an installation was interrupted", {}],
    ["a package is missing", { packages: {} }],
    ["a version changed", { packages: { "node_modules/a": { ...a, version: "0.9.0" } } }],
    ["a package's content changed", { packages: { "node_modules/a": { ...a, integrity: "sha512-z" } } }],
    ["a package is there that the lock dropped", { packages: { "node_modules/a": a, "node_modules/b": a } }],
  ])("asks for an installation when %s", (_reason, installed) => {
    expect(matchesLock(wanted, installed)).toBe(false);
  });
});
