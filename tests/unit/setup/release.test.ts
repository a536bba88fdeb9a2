import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { awsPluginRelease } from "../../../dev/awsProvider";
import { versitygwRelease } from "../../../setup/object-store-server.mjs";
import { pulumiRelease } from "../../../setup/pulumi-engine.mjs";
import { type Checksum, checksumOf, fetchRelease } from "../../../setup/release.mjs";
import { pinnedUv, uvRelease } from "../../../setup/uv.mjs";

const tools = path.join(__dirname, "..", "..", "..", "setup");

describe("checksumOf", () => {
  it("gives the sum of exactly the file that is asked for, in each form of list", () => {
    const list = "aa11  tool_Linux.tar.gz.sbom\nbb22  tool_Linux.tar.gz\nCC33 *uv.tar.gz\ndd44  ./plugin.tar.gz\n";
    expect(checksumOf(list, "tool_Linux.tar.gz")).toBe("bb22");
    expect(checksumOf(list, "uv.tar.gz")).toBe("cc33");
    expect(checksumOf(list, "plugin.tar.gz")).toBe("dd44");
    expect(checksumOf(list, "tool_Darwin.tar.gz")).toBeUndefined();
  });
});

describe("fetchRelease", () => {
  let web: string;
  let into: string;
  let archive: string;

  beforeAll(() => {
    web = fs.mkdtempSync(path.join(os.tmpdir(), "web-"));
    archive = path.join(web, "tool-v1.tar.gz");
    fs.mkdirSync(path.join(web, "tool-v1"));
    // What it must not do unless its archive is right.
    fs.writeFileSync(path.join(web, "tool-v1", "tool"), `#!/bin/sh\ntouch '${web}/was run'\n`, { mode: 0o755 });
    fs.writeFileSync(path.join(web, "tool-v1", "README"), "");
    execFileSync("tar", ["-czf", archive, "-C", web, "tool-v1"]);
  });

  afterAll(() => {
    fs.rmSync(web, { recursive: true, force: true });
  });

  beforeEach(() => {
    into = fs.mkdtempSync(path.join(os.tmpdir(), "into "));
  });

  afterEach(() => {
    fs.rmSync(into, { recursive: true, force: true });
  });

  const digest = (algorithm: "sha256" | "sha1") => createHash(algorithm).update(fs.readFileSync(archive)).digest("hex");

  /** Address of a list that gives the archive this sum. */
  function listed(sum: string): string {
    const list = path.join(web, "checksums.txt");
    fs.writeFileSync(list, `${sum}  ./tool-v1.tar.gz\n`);
    return pathToFileURL(list).href;
  }

  const release = (checksum: Checksum, commands = ["tool"]) => ({
    url: pathToFileURL(archive).href,
    checksum,
    folder: "tool-v1",
    commands,
  });

  it.each([
    ["a known sum", (): Checksum => ({ sha256: digest("sha256") })],
    ["the release's list", (): Checksum => ({ algorithm: "sha256", list: listed(digest("sha256")) })],
    ["a list of SHA-1", (): Checksum => ({ algorithm: "sha1", list: listed(digest("sha1")) })],
  ])("keeps the commands of an archive that is right by %s", async (_what, checksum) => {
    expect(await fetchRelease(release(checksum()), into, process.env)).toBeUndefined();
    expect(fs.readdirSync(into)).toEqual(["tool"]);
    fs.accessSync(path.join(into, "tool"), fs.constants.X_OK);
  });

  it("keeps all of the folder where that is asked for", async () => {
    const whole = { ...release({ sha256: digest("sha256") }), whole: true };
    expect(await fetchRelease(whole, into, process.env)).toBeUndefined();
    expect(fs.readdirSync(into).sort()).toEqual(["README", "tool"]);
  });

  it.each([
    ["a known sum", (): Checksum => ({ sha256: "0".repeat(64) }), "is known here for this release"],
    [
      "the release's list",
      (): Checksum => ({ algorithm: "sha256", list: listed("0".repeat(64)) }),
      "is in the release's list",
    ],
  ])("refuses an archive that is wrong by %s: nothing is run, nothing is left", async (_what, checksum, known) => {
    const reason = await fetchRelease(release(checksum()), into, process.env);
    expect(reason).toBe(`tool-v1.tar.gz is refused: its SHA256 is ${digest("sha256")}, and ${"0".repeat(64)} ${known}`);
    expect(fs.readdirSync(into)).toEqual([]);
    expect(fs.existsSync(path.join(web, "was run"))).toBe(false);
  });

  it.each([
    [
      "a list cannot be had",
      (): Checksum => ({ algorithm: "sha256", list: `${pathToFileURL(web).href}/none` }),
      /list of checksums: curl/,
    ],
    [
      "the list lacks the archive",
      (): Checksum => {
        fs.writeFileSync(path.join(web, "empty"), "");
        return { algorithm: "sha256", list: pathToFileURL(path.join(web, "empty")).href };
      },
      /empty has no checksum for tool-v1\.tar\.gz/,
    ],
  ])("refuses an archive when %s", async (_what, checksum, reason) => {
    expect(await fetchRelease(release(checksum()), into, process.env)).toMatch(reason);
    expect(fs.readdirSync(into)).toEqual([]);
  });

  it("says why an archive cannot be had, or is not what it should be", async () => {
    const sum = { sha256: digest("sha256") };
    const gone = { ...release(sum), url: `${pathToFileURL(web).href}/gone.tar.gz` };
    expect(await fetchRelease(gone, into, process.env)).toMatch(/curl/);
    expect(await fetchRelease(release(sum, ["other"]), into, process.env)).toBe(
      "tool-v1.tar.gz holds no command other",
    );
    fs.writeFileSync(path.join(web, "not packed.tar.gz"), "x");
    const text = {
      ...release({ sha256: createHash("sha256").update("x").digest("hex") }),
      url: pathToFileURL(path.join(web, "not packed.tar.gz")).href,
    };
    expect(await fetchRelease(text, into, process.env)).toMatch(/tar|gzip/i);
    expect(fs.readdirSync(into)).toEqual([]);
  });
});

describe("the releases", () => {
  it("are named as their projects name them", () => {
    expect(pulumiRelease("3.258.0", "linux", "x64")?.url).toBe(
      "https://github.com/pulumi/pulumi/releases/download/v3.258.0/pulumi-v3.258.0-linux-x64.tar.gz",
    );
    expect(versitygwRelease("1.8.0", "linux", "x64")).toMatchObject({
      url: "https://github.com/versity/versitygw/releases/download/v1.8.0/versitygw_v1.8.0_Linux_x86_64.tar.gz",
      folder: "versitygw_v1.8.0_Linux_x86_64",
    });
    expect(versitygwRelease("1.8.0", "darwin", "arm64")?.folder).toBe("versitygw_v1.8.0_Darwin_arm64");
    expect(uvRelease("0.13.9", "linux", "arm64", true)).toMatchObject({
      url: "https://github.com/astral-sh/uv/releases/download/0.13.9/uv-aarch64-unknown-linux-gnu.tar.gz",
      folder: "uv-aarch64-unknown-linux-gnu",
    });
    expect(uvRelease("0.13.9", "linux", "x64", false)?.folder).toBe("uv-x86_64-unknown-linux-musl");
    expect(uvRelease("0.13.9", "darwin", "arm64", false)?.folder).toBe("uv-aarch64-apple-darwin");
    expect(awsPluginRelease("7.48.0", "linux", "x64")).toMatchObject({
      url: "https://github.com/pulumi/pulumi-aws/releases/download/v7.48.0/pulumi-resource-aws-v7.48.0-linux-amd64.tar.gz",
      checksum: {
        list: "https://github.com/pulumi/pulumi-aws/releases/download/v7.48.0/pulumi-aws_7.48.0_checksums.txt",
      },
    });
  });

  it.each([pulumiRelease, versitygwRelease, awsPluginRelease, uvRelease])(
    "are none for a machine that has none: %o",
    (releaseOf) => {
      expect(releaseOf("1.8.0", "linux", "riscv64", true)).toBeUndefined();
      expect(releaseOf("1.8.0", "sunos", "x64", true)).toBeUndefined();
    },
  );
});

describe("the Python package of uv", () => {
  it("is the pinned version, with the sums of its wheels", () => {
    const requirements = fs.readFileSync(path.join(tools, "uv-requirements.txt"), "utf8");
    expect(requirements).toMatch(new RegExp(`^uv==${pinnedUv.replaceAll(".", "\\.")} `, "m"));
    const sums = requirements.match(/--hash=sha256:[0-9a-f]{64}\b/g) ?? [];
    expect(new Set(sums).size).toBe(6);
  });
});
