import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { cacheDirectory } from "../../../tools/checkout.mjs";
import { cachedTool, diskSpaceProblem, makeCachedTool } from "../../../tools/tool-cache.mjs";

const tool = { name: "thing", version: "1.2.3" };
let cache: string;

beforeEach(() => {
  cache = fs.mkdtempSync(path.join(os.tmpdir(), "cache "));
  vi.stubEnv("POSTTRAINING_CACHE", cache);
});

afterEach(() => {
  vi.unstubAllEnvs();
  fs.rmSync(cache, { recursive: true, force: true });
});

const ignore = () => undefined;

describe("makeCachedTool", () => {
  it("makes the tool, ready to be run", async () => {
    const make = (staging: string) => {
      fs.writeFileSync(path.join(staging, "thing"), "#!/bin/sh\n", { mode: 0o644 });
      return Promise.resolve("built");
    };
    expect(await makeCachedTool({ ...tool, make }, ignore)).toBe("built");
    expect(fs.statSync(path.join(cachedTool(tool), "thing")).mode & 0o111).toBe(0o111);
    expect(fs.readdirSync(cache)).toEqual([path.basename(cachedTool(tool))]);
  });

  it("leaves nothing behind when making it fails", async () => {
    const make = (staging: string) => {
      fs.writeFileSync(path.join(staging, "half"), "");
      return Promise.reject(new Error("no compiler"));
    };
    await expect(makeCachedTool({ ...tool, make }, ignore)).rejects.toThrow("no compiler");
    expect(fs.readdirSync(cache)).toEqual([]);
  });

  it("starts from an empty folder after an interruption", async () => {
    const partial = `${cachedTool(tool)}.partial`;
    fs.mkdirSync(partial, { recursive: true });
    fs.writeFileSync(path.join(partial, "half"), "");
    const make = (staging: string) => {
      expect(fs.readdirSync(staging)).toEqual([]);
      fs.writeFileSync(path.join(staging, "thing"), "");
      return Promise.resolve(undefined);
    };
    await makeCachedTool({ ...tool, make }, ignore);
    expect(fs.readdirSync(cachedTool(tool))).toEqual(["thing"]);
  });

  it("makes it once when two ask for it", async () => {
    let times = 0;
    const make = async (staging: string) => {
      times += 1;
      await new Promise((resolve) => setTimeout(resolve, 50));
      fs.writeFileSync(path.join(staging, "thing"), "");
      return "built";
    };
    const remarks = await Promise.all([
      makeCachedTool({ ...tool, make }, ignore),
      makeCachedTool({ ...tool, make }, ignore),
    ]);
    expect(times).toBe(1);
    expect(remarks.sort()).toEqual(["built", "done by another process"]);
  });
});

describe("cacheDirectory", () => {
  it.each([
    [{ HOME: "/home/ada" }, "linux", "/home/ada/.cache/posttraining"],
    [{ HOME: "/home/ada", XDG_CACHE_HOME: "/big" }, "linux", "/big/posttraining"],
    [{ HOME: "/Users/ada" }, "darwin", "/Users/ada/Library/Caches/posttraining"],
    [{ HOME: "/home/ada", XDG_CACHE_HOME: "/big", POSTTRAINING_CACHE: "/mine" }, "linux", "/mine"],
  ] as const)("%j on %s", (environment, platform, expected) => {
    expect(cacheDirectory({ ...environment }, platform)).toBe(expected);
  });
});

describe("diskSpaceProblem", () => {
  it("says what is free, what is needed and how to use another disk", () => {
    const message = diskSpaceProblem("/home/ada", 1.2e9, 5e9, "building from Go modules")?.message;
    expect(message).toContain("/home/ada has 1.2 GB free; building from Go modules needs about 5.0 GB");
    expect(message).toContain("POSTTRAINING_CACHE");
  });

  it("is silent with enough", () => {
    expect(diskSpaceProblem("/home/ada", 5e9, 5e9, "it")).toBeUndefined();
  });
});
