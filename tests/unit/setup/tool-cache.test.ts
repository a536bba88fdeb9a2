import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { cachedTool, diskSpaceProblem, ensureCachedTool, stateOfCachedTool } from "../../../setup/tool-cache.mjs";

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

const said: string[] = [];
const context = { report: (line: string) => said.push(line), doing: () => undefined };
const file = (...parts: string[]) => path.join(cachedTool(tool), ...parts);

beforeEach(() => {
  said.length = 0;
});

/** A maker that counts how often it makes the tool. */
function maker(objection?: string) {
  const made = { times: 0 };
  return {
    made,
    ...tool,
    make(staging: string) {
      made.times += 1;
      fs.writeFileSync(path.join(staging, "thing"), "#!/bin/sh\n", { mode: 0o644 });
      fs.writeFileSync(path.join(staging, "helper"), "helps");
      return Promise.resolve("built");
    },
    objectionTo: () => Promise.resolve(objection),
  };
}

describe("ensureCachedTool", () => {
  it("makes the tool, ready to be run, once", async () => {
    const thing = maker();
    expect(await ensureCachedTool(thing, context)).toBe("built");
    expect(fs.statSync(file("thing")).mode & 0o111).toBe(0o111);
    expect(fs.readdirSync(cache)).toEqual([path.basename(cachedTool(tool))]);
    expect(stateOfCachedTool(tool)).toBe("whole");
    expect(await ensureCachedTool(thing, context)).toBe("found in the per-user cache");
    expect(thing.made.times).toBe(1);
  });

  it("takes no lock to find it: the cache may be one that can only be read", async () => {
    await ensureCachedTool(maker(), context);
    // Where no lock can be made.
    fs.mkdirSync(`${cachedTool(tool)}.lock`);
    expect(await ensureCachedTool(maker(), context)).toBe("found in the per-user cache");
  });

  it("leaves nothing behind when making it fails", async () => {
    const make = (staging: string) => {
      fs.writeFileSync(path.join(staging, "half"), "");
      return Promise.reject(new Error("no compiler"));
    };
    await expect(ensureCachedTool({ ...maker(), make }, context)).rejects.toThrow("no compiler");
    expect(fs.readdirSync(cache)).toEqual([]);
  });

  it("starts from an empty folder after an interruption", async () => {
    const partial = `${cachedTool(tool)}.partial`;
    fs.mkdirSync(partial, { recursive: true });
    fs.writeFileSync(path.join(partial, "half"), "");
    await ensureCachedTool(maker(), context);
    expect(fs.existsSync(file("half"))).toBe(false);
  });

  it("makes it once when two ask for it", async () => {
    const thing = maker();
    const remarks = await Promise.all([ensureCachedTool(thing, context), ensureCachedTool(thing, context)]);
    expect(thing.made.times).toBe(1);
    expect(remarks.sort()).toEqual(["built", "found in the per-user cache"]);
  });

  it.each([
    [
      "is missing",
      () => {
        fs.rmSync(file("helper"));
      },
    ],
    [
      "was cut off",
      () => {
        fs.truncateSync(file("helper"), 1);
      },
    ],
  ])("makes it again when a file of it %s", async (_what, harm) => {
    await ensureCachedTool(maker(), context);
    harm();
    expect(stateOfCachedTool(tool)).toEqual(new Map([["helper", 1]]));
    expect(await ensureCachedTool(maker(), context)).toBe("built");
    expect(said).toEqual([`1 file of helper is missing or has another size: making ${cachedTool(tool)} again`]);
    expect(stateOfCachedTool(tool)).toBe("whole");
    expect(fs.readdirSync(cache)).toEqual([path.basename(cachedTool(tool))]);
  });

  it("keeps a damaged one until another is made", async () => {
    await ensureCachedTool(maker(), context);
    fs.rmSync(file("helper"));
    const make = () => Promise.reject(new Error("no network"));
    await expect(ensureCachedTool({ ...maker(), make }, context)).rejects.toThrow("no network");
    expect(fs.existsSync(file("thing"))).toBe(true);
  });

  it("takes over one that has no list when it works, and makes it again when it does not", async () => {
    await ensureCachedTool(maker(), context);
    fs.rmSync(file(".installed-files"));
    expect(stateOfCachedTool(tool)).toBe("unlisted");
    const thing = maker();
    expect(await ensureCachedTool(thing, context)).toBe("found in the per-user cache");
    expect(stateOfCachedTool(tool)).toBe("whole");
    fs.truncateSync(file(".installed-files"), 10);
    expect(await ensureCachedTool(maker("it does not start"), context)).toBe("built");
    expect(said).toEqual([`${cachedTool(tool)} cannot be used (it does not start): making it again`]);
    expect(thing.made.times).toBe(0);
  });

  it("is made without what a person has set for other work", async () => {
    vi.stubEnv("PYTHONPATH", "/other");
    let environment: NodeJS.ProcessEnv = {};
    const make = (_staging: string, given: NodeJS.ProcessEnv) => {
      environment = given;
      return Promise.resolve(undefined);
    };
    await ensureCachedTool({ ...maker(), make }, context);
    expect(environment.PATH).toBe(process.env.PATH);
    expect(environment).not.toHaveProperty("PYTHONPATH");
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
