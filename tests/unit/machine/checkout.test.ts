import * as path from "node:path";
import { describe, expect, it } from "vitest";
import { cacheDirectory, layout } from "../../../machine/checkout.mjs";

describe("cacheDirectory", () => {
  const machine = (folders: readonly string[], passwordHome?: string, readOnly: readonly string[] = []) => ({
    isFolder: (folder: string) => folders.includes(folder),
    isWritable: (folder: string) => !readOnly.some((each) => folder.startsWith(each)),
    passwordHome: () => passwordHome,
  });
  const homes = machine(["/home/ada", "/Users/ada"], "/home/ada");

  it.each([
    [{ HOME: "/home/ada" }, "linux", "/home/ada/.cache/posttraining"],
    [{ HOME: "/home/ada", XDG_CACHE_HOME: "/big" }, "linux", "/big/posttraining"],
    [{ HOME: "/Users/ada" }, "darwin", "/Users/ada/Library/Caches/posttraining"],
    [{ HOME: "/home/ada", XDG_CACHE_HOME: "/big", POSTTRAINING_CACHE: "/mine" }, "linux", "/mine"],
    [{ HOME: "/home/ada", XDG_CACHE_HOME: "relative" }, "linux", "/home/ada/.cache/posttraining"],
    [{}, "linux", "/home/ada/.cache/posttraining"],
    [{ HOME: "" }, "linux", "/home/ada/.cache/posttraining"],
    [{ HOME: "/gone" }, "linux", "/home/ada/.cache/posttraining"],
    [{ HOME: "~" }, "linux", "/home/ada/.cache/posttraining"],
  ] as const)("%j on %s", (environment, platform, expected) => {
    expect(cacheDirectory({ ...environment }, platform, homes)).toBe(expected);
  });

  it.each([
    ["nobody's home is not there", machine([], "/nonexistent")],
    ["the user id has no entry", machine([])],
    ["the only home cannot be written to", machine(["/"], undefined, ["/"])],
  ])("lies in the checkout when %s", (_what, here) => {
    expect(cacheDirectory({ HOME: "/" }, "linux", here)).toBe(path.join(layout.state, "cache"));
  });
});
