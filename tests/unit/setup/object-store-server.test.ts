import { describe, expect, it } from "vitest";
import { versionObjection } from "../../../setup/object-store-server.mjs";

describe("the object store's server", () => {
  it("on PATH is used when it is new enough", () => {
    expect(versionObjection("Version  : v1.8.0\nBuild    : x\n", "1.8.0")).toBeUndefined();
    expect(versionObjection("Version  : 1.0.14\n", "1.8.0")).toBe("it is version 1.0.14, and 1.8.0 or newer is needed");
    expect(versionObjection("Version  : git\n", "1.8.0")).toBe("its version is unknown");
  });
});
