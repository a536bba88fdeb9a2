import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { goProblem, requiredVersion } from "../../../setup/go.mjs";
import { nodeVersionProblem } from "../../../setup/node-version.mjs";
import { versionObjection } from "../../../setup/object-store-server.mjs";
import { engineObjection } from "../../../setup/pulumi-engine.mjs";

describe("Node", () => {
  const range = (JSON.parse(readFileSync("package.json", "utf8")) as { engines: { node: string } }).engines.node;

  it.each(["20.19.0", "20.20.2", "22.13.0", "22.22.1", "24.1.0", "26.0.0"])("%s will do", (version) => {
    expect(nodeVersionProblem(version, range)).toBeUndefined();
  });

  // Those between load no ECMAScript module by `require`, or not every package of the lock.
  it.each(["18.20.4", "20.18.3", "21.7.3", "22.11.0", "23.1.0"])("%s is refused, with what will do", (version) => {
    const problem = nodeVersionProblem(version, range);
    expect(problem).toContain(
      `Node ${version} cannot be used. What can: 20.19.0 or a newer 20; 22.13.0 or a newer 22; 24.0.0 or newer.`,
    );
    expect(problem).toContain("https://nodejs.org");
  });
});

describe("Go", () => {
  it("is not needed to be new where its tool chain may fetch a newer one", () => {
    expect(goProblem("1.22.4", "1.25.11", "auto")).toBeUndefined();
    expect(goProblem("1.26.0", "1.25.11", "local")).toBeUndefined();
  });

  it.each([
    ["1.22.4", "local"],
    ["1.20.14", "auto"],
  ])("%s with GOTOOLCHAIN=%s is refused, with the version that is needed", (version, toolchain) => {
    expect(goProblem(version, "1.25.11", toolchain)?.message).toContain(
      `Go ${version} is too old: 1.25.11 or newer is needed`,
    );
  });

  it("that is missing is said, with where to get it and what to install instead", () => {
    const message = goProblem(undefined, "1.25.11", "auto")?.message;
    expect(message).toContain("Go is not installed");
    expect(message).toContain("https://go.dev/dl");
    expect(message).toContain("https://www.pulumi.com/docs/install");
  });

  it("builds the version that go.mod requires, in either form of the line", () => {
    expect(requiredVersion("module x\n\nrequire example.com/a/v3 v3.258.0\n", "example.com/a/v3")).toBe("3.258.0");
    expect(
      requiredVersion("require (\n\texample.com/b v1.0.0\n\texample.com/a v1.2.3 // indirect\n)", "example.com/a"),
    ).toBe("1.2.3");
    expect(() => requiredVersion("module x\n", "example.com/a")).toThrow("does not require example.com/a");
  });
});

describe("a Pulumi engine on PATH", () => {
  it("is used from the SDK's version on", () => {
    expect(engineObjection("v3.248.0", "3.248.0", true)).toBeUndefined();
    expect(engineObjection("v3.260.1-alpha.x", "3.248.0", true)).toBeUndefined();
  });

  it.each([
    ["v3.190.0", true, "it is version 3.190.0, and 3.248.0 or newer is needed"],
    ["v4.0.0", true, "it is version 4.0.0, and 3.x is needed"],
    ["v3.258.0", false, "pulumi-language-nodejs is missing beside it"],
    ["", true, "its version is unknown"],
  ])("%s is not", (version, hasLanguageHost, reason) => {
    expect(engineObjection(version, "3.248.0", hasLanguageHost)).toBe(reason);
  });
});

describe("the object store's server", () => {
  it("on PATH is used when it is new enough", () => {
    expect(versionObjection("Version  : v1.8.0\nBuild    : x\n", "1.8.0")).toBeUndefined();
    expect(versionObjection("Version  : 1.0.14\n", "1.8.0")).toBe("it is version 1.0.14, and 1.8.0 or newer is needed");
    expect(versionObjection("Version  : git\n", "1.8.0")).toBe("its version is unknown");
  });
});
