import * as fs from "node:fs";
import * as path from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { matchesLock, packageOf } from "../../../setup/npm-packages.mjs";
import type { Part } from "../../../setup/progress.mjs";
import { command, runPart } from "./setUpParts";
import { TemporaryCheckout } from "./temporaryCheckout";

const a = { version: "1.0.0", integrity: "sha512-a" };
const mac = { version: "1.0.0", integrity: "sha512-m", optional: true, os: ["darwin"], cpu: ["arm64"] };
const wanted = { packages: { "": {}, "node_modules/a": a, "node_modules/native-mac": mac } };
const linux = { platform: "linux", architecture: "x64" };

describe("matchesLock", () => {
  it("accepts an installation that lacks only packages for other systems", () => {
    expect(matchesLock(wanted, { packages: { "node_modules/a": a } }, linux)).toBe(true);
  });

  it.each([
    ["nothing is installed", undefined],
    ["an installation was interrupted", {}],
    ["a package is missing", { packages: {} }],
    ["a version changed", { packages: { "node_modules/a": { ...a, version: "0.9.0" } } }],
    ["a package's content changed", { packages: { "node_modules/a": { ...a, integrity: "sha512-z" } } }],
    ["a package is there that the lock dropped", { packages: { "node_modules/a": a, "node_modules/b": a } }],
  ])("asks for an installation when %s", (_reason, installed) => {
    expect(matchesLock(wanted, installed, linux)).toBe(false);
  });

  it("asks for an installation that has left out what is optional and for this system", () => {
    const installed = { packages: { "node_modules/a": a } };
    expect(matchesLock(wanted, installed, { platform: "darwin", architecture: "arm64" })).toBe(false);
    expect(matchesLock(wanted, installed, { platform: "darwin", architecture: "x64" })).toBe(true);
    const except = { packages: { "node_modules/a": { ...a, optional: true, os: ["!win32"] } } };
    expect(matchesLock(except, { packages: {} }, linux)).toBe(false);
    expect(matchesLock(except, { packages: {} }, { platform: "win32", architecture: "x64" })).toBe(true);
  });
});

describe("packageOf", () => {
  it.each([
    ["zod/index.js", "zod"],
    ["@pulumi/aws/s3/bucket.js", "@pulumi/aws"],
    ["a/node_modules/@b/c/lib/index.js", "@b/c"],
    [".bin/tsc", ".bin"],
    [".package-lock.json", ".package-lock.json"],
  ])("%s belongs to %s", (file, owner) => {
    expect(packageOf(file)).toBe(owner);
  });
});

/*
 * The part itself, with an npm that installs two packages. Like the real one, it writes the lock of what it installed last.
 */
describe("the npm packages", () => {
  const lock = JSON.stringify({ packages: { "": {}, "node_modules/a": a, "node_modules/@b/c": a } });
  let checkout: TemporaryCheckout;
  let part: Part;

  beforeAll(async () => {
    checkout = new TemporaryCheckout();
    ({ npmPackages: part } =
      await checkout.load<typeof import("../../../setup/npm-packages.mjs")>("setup/npm-packages.mjs"));
    for (const name of ["a", "@b/c"]) {
      checkout.write(`index/${name}/package.json`, "{}");
      checkout.write(`index/${name}/index.js`, `the code of ${name}`);
    }
    checkout.write("package-lock.json", lock);
    const npm = `
      cd '${checkout.root}'
      echo "$*" >> log
      env >> environment
      [ -e failing ] && { echo "npm error code E404"; echo "usage"; exit 1; }
      rm -rf node_modules
      [ -e idle ] && exit
      cp -R index node_modules
      cp package-lock.json node_modules/.package-lock.json`;
    command(checkout.file("bin"), "npm", npm);
  });

  afterAll(() => {
    checkout.remove();
  });

  beforeEach(() => {
    vi.stubEnv("PATH", [checkout.file("bin"), process.env.PATH].join(path.delimiter));
  });

  afterEach(() => {
    vi.unstubAllEnvs();
    checkout.write("package-lock.json", lock);
    for (const name of ["node_modules", "log", "environment", "failing", "idle"]) {
      fs.rmSync(checkout.file(name), { recursive: true, force: true });
    }
  });

  const run = () => runPart(part, checkout.file(".posttraining", "logs", "npm.log"));
  const inModules = (...parts: string[]) => checkout.file("node_modules", ...parts);
  const log = () => (fs.existsSync(checkout.file("log")) ? fs.readFileSync(checkout.file("log"), "utf8") : "");

  async function installed(): Promise<void> {
    await run();
    fs.rmSync(checkout.file("log"), { force: true });
  }

  it("are installed, and then found whole", async () => {
    expect(await part.isDone()).toBe(false);
    expect((await run()).said).toBe("");
    expect(await part.isDone()).toBe(true);
  });

  it("are all installed, whatever NODE_ENV and npm's settings leave out", async () => {
    const own = {
      NODE_ENV: "production",
      npm_config_omit: "dev",
      NPM_CONFIG_DRY_RUN: "true",
      npm_config_registry: "r",
    };
    for (const [name, value] of Object.entries(own)) vi.stubEnv(name, value);
    await run();
    expect(log()).toContain("ci --include=dev --include=optional --include=peer");
    const environment = fs.readFileSync(checkout.file("environment"), "utf8");
    expect(environment).not.toMatch(/^(NODE_ENV|npm_config_omit|NPM_CONFIG_DRY_RUN)=/m);
    expect(environment).toContain("npm_config_registry=r");
    expect(await part.isDone()).toBe(true);
  });

  it.each([
    [
      "a folder of a package",
      () => {
        fs.rmSync(inModules("@b"), { recursive: true });
      },
      "2 files of @b/c are missing",
    ],
    [
      "a file",
      () => {
        fs.rmSync(inModules("a", "index.js"));
      },
      "1 file of a is missing",
    ],
    [
      "the end of a file",
      () => {
        fs.truncateSync(inModules("a", "index.js"), 1);
      },
      "1 file of a is missing or has",
    ],
  ])("are installed again when %s is missing", async (_what, harm, said) => {
    await installed();
    harm();
    expect(await part.isDone()).toBe(false);
    expect((await run()).said).toContain(said);
    expect(log()).toContain("ci ");
    expect(await part.isDone()).toBe(true);
  });

  it("are installed again when the lock changes", async () => {
    await installed();
    checkout.write("package-lock.json", lock.replaceAll("1.0.0", "1.0.1"));
    expect(await part.isDone()).toBe(false);
    await run();
    expect(log()).toContain("ci ");
    expect(await part.isDone()).toBe(true);
  });

  it("do not mind what programs keep beside them", async () => {
    await installed();
    checkout.write("node_modules/.vite/results.json", "{}");
    checkout.write("node_modules/.cache/x", "");
    expect(await part.isDone()).toBe(true);
    fs.rmSync(inModules(".installed-files"));
    await run();
    fs.rmSync(inModules(".vite"), { recursive: true });
    expect(log()).toBe("");
    expect(await part.isDone()).toBe(true);
  });

  it("that npm itself has installed are looked through, not installed again", async () => {
    await installed();
    fs.rmSync(inModules(".installed-files"));
    expect(await part.isDone()).toBe(false);
    expect((await run()).remark).toBe("installed already, and looked through");
    expect(log()).toBe("");
    expect(await part.isDone()).toBe(true);
  });

  it.each([
    [
      "was removed from",
      () => {
        fs.rmSync(inModules("a", "index.js"));
      },
    ],
    [
      "was cut off in",
      () => {
        fs.truncateSync(inModules("a", "index.js"), 1);
      },
    ],
  ])("without a list are installed again when something %s them since npm was done", async (_what, harm) => {
    await installed();
    fs.rmSync(inModules(".installed-files"));
    // npm was done a minute ago.
    const before = new Date(Date.now() - 60_000);
    for (const file of fs.readdirSync(inModules(), { recursive: true, encoding: "utf8" })) {
      fs.utimesSync(inModules(file), before, before);
    }
    harm();
    await run();
    expect(log()).toContain("ci ");
    expect(await part.isDone()).toBe(true);
  });

  it("fail with what npm says is wrong", async () => {
    fs.writeFileSync(checkout.file("failing"), "");
    await expect(run()).rejects.toThrow(/npm ci failed \(exit status 1\):\s+npm error code E404$/);
  });

  it("fail when npm ends well without an installation, as it does on a dry run", async () => {
    fs.writeFileSync(checkout.file("idle"), "");
    await expect(run()).rejects.toThrow("npm ci has ended well, but installed nothing");
  });

  it("are not installed through a link: npm would empty another checkout's", async () => {
    checkout.write("other/a/index.js", "kept");
    fs.symlinkSync(checkout.file("other"), checkout.file("node_modules"));
    await expect(run()).rejects.toThrow(/is a link[^]*Run npm ci in the checkout that it leads to, or remove the link/);
    expect(log()).toBe("");
    expect(fs.readFileSync(checkout.file("other/a/index.js"), "utf8")).toBe("kept");
  });
});
