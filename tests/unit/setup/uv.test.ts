import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import type { Part } from "../../../setup/progress.mjs";
import { command, runPart } from "./setUpParts";
import { TemporaryCheckout } from "./temporaryCheckout";

/* uv as a part of the set-up, with a curl that brings an archive, and a Python whose pip installs the package. */

type Uv = typeof import("../../../setup/uv.mjs");

let checkout: TemporaryCheckout;
let uv: Uv;
let part: Part;
/** What the archive holds is not to be run unless its checksum is right. */
const runs = (name: string) => `echo ran >> '${checkout.file(name)}'; echo "uv 0.13.9"`;

beforeAll(() => {
  checkout = new TemporaryCheckout();
});

afterAll(() => {
  checkout.remove();
});

/** The module as another process would load it: it remembers the uv that it has found. */
let processes = 0;
const load = () => checkout.load<Uv>(`setup/uv.mjs?${(processes += 1)}`);

beforeEach(async () => {
  uv = await load();
  part = uv.uvTool;
  command(checkout.file("bin"), "tar", 'PATH=/usr/bin:/bin exec tar "$@"');
  vi.stubEnv("PATH", checkout.file("bin"));
});

afterEach(() => {
  vi.unstubAllEnvs();
  for (const name of ["bin", "web", ".posttraining", "release ran", "pip log", "pip environment"]) {
    fs.rmSync(checkout.file(name), { recursive: true, force: true });
  }
});

/** Puts a curl on PATH that knows the release's archive, and a list that gives it this sum (or the right one). */
function withRelease(sum?: string): void {
  const release = uv.uvRelease(uv.pinnedUv, process.platform, process.arch, true);
  const folder = release?.folder.replace(/-(gnu|musl)$/, "") ?? "";
  for (const libc of process.platform === "linux" ? ["-gnu", "-musl"] : [""]) {
    command(checkout.file("web", folder + libc), "uv", runs("release ran"));
    command(checkout.file("web", folder + libc), "uvx", "");
    execFileSync(
      "tar",
      ["-czf", checkout.file("web", `${folder}${libc}.tar.gz`), "-C", checkout.file("web"), folder + libc],
      {
        env: { PATH: "/usr/bin:/bin" },
      },
    );
  }
  const curl = `
    PATH=/usr/bin:/bin
    while [ $# -gt 2 ]; do [ "$1" = -o ] && file="$2"; shift; done
    name="\${2##*/}"
    cd '${checkout.file("web")}'
    case "$name" in
      *.sha256) archive="\${name%.sha256}"; sum='${sum ?? ""}'
        [ -n "$sum" ] || sum=$( (sha256sum "$archive" 2>/dev/null || shasum -a 256 "$archive") | cut -d' ' -f1)
        echo "$sum *$archive" > "$file" ;;
      *) cp "$name" "$file" ;;
    esac`;
  command(checkout.file("bin"), "curl", curl);
}

function withPip(script = ""): void {
  const python = `
    PATH=/usr/bin:/bin
    echo "$*" >> '${checkout.file("pip log")}'
    env >> '${checkout.file("pip environment")}'
    ${script}
    while [ $# -gt 0 ]; do [ "$1" = --target ] && target="$2"; shift; done
    mkdir -p "$target/bin"
    printf '#!/bin/sh\\necho "uv 0.13.9"\\n' > "$target/bin/uv"
    chmod +x "$target/bin/uv"`;
  command(checkout.file("bin"), "python3", python);
}

const run = () => runPart(part, checkout.file(".posttraining", "logs", "uv.log"));
const inTools = (...parts: string[]) => checkout.file(".posttraining", "tools", ...parts);

describe("uv", () => {
  it("is its release when the archive has the right checksum, and lies on the project's PATH", async () => {
    withRelease();
    expect(await part.isDone()).toBe(false);
    expect((await run()).said).toBe("");
    expect(await uv.findUv()).toBe(inTools("uv-release", "uv"));
    expect(execFileSync(inTools("uv"), { encoding: "utf8" })).toContain("uv 0.13.9");
  });

  it("is not its release when the checksum is wrong: nothing of that is run or left", async () => {
    withRelease("0".repeat(64));
    withPip();
    expect((await run()).said).toMatch(/^the release is not to be had \(uv-.*\.tar\.gz is refused: its SHA256 is /);
    expect(fs.existsSync(checkout.file("release ran"))).toBe(false);
    expect(fs.readdirSync(inTools()).sort()).toEqual(["uv", "uv-package"]);
  });

  it("is the Python package where there is no release, but only one whose checksum is known", async () => {
    vi.stubEnv("PYTHONHOME", "/other");
    vi.stubEnv("PIP_USER", "1");
    withPip();
    await run();
    expect(fs.readFileSync(checkout.file("pip log"), "utf8")).toMatch(
      /-m pip install .*--only-binary :all: --require-hashes --target .* --requirement .*uv-requirements\.txt/,
    );
    expect(fs.readFileSync(checkout.file("pip environment"), "utf8")).not.toMatch(/^(PYTHONHOME|PIP_USER)=/m);
    expect(await uv.findUv()).toBe(inTools("uv-package", "bin", "uv"));
  });

  it("says what neither gave", async () => {
    withPip('echo "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES"; exit 1');
    await expect(run()).rejects.toThrow(/Its release: curl is not installed\. Its Python package: ERROR: THESE/);
    expect(fs.readdirSync(inTools())).toEqual([]);
  });

  it("is installed again when its file was cut off, though it may still start", async () => {
    withRelease();
    await run();
    const binary = inTools("uv-release", "uv");
    fs.writeFileSync(binary, '#!/bin/sh\necho "uv 0.13.9"\n');
    const again = await load();
    expect(await again.uvTool.isDone()).toBe(false);
    expect((await runPart(again.uvTool, checkout.file("log"))).said).toContain(
      "1 file of uv-release is missing or has another size: installing it again",
    );
    expect(fs.readFileSync(binary, "utf8")).toContain("release ran");
  });

  it("is put on the project's PATH again when the link is missing", async () => {
    withRelease();
    await run();
    fs.rmSync(inTools("uv"));
    const again = await load();
    expect(await again.uvTool.isDone()).toBe(false);
    await runPart(again.uvTool, checkout.file("log"));
    expect(fs.realpathSync(inTools("uv"))).toBe(inTools("uv-release", "uv"));
    expect(await again.uvTool.isDone()).toBe(true);
  });

  it("that an earlier version of the project installed is used", async () => {
    command(inTools(), "uv", 'echo "uv 0.12.0"');
    expect(await part.isDone()).toBe(true);
    expect(await uv.findUv()).toBe(inTools("uv"));
  });
});
