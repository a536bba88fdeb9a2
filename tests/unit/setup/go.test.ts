import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { buildEnvironment, goBuild, goProblem, requiredVersion } from "../../../setup/go.mjs";
import { command } from "./setUpParts";

describe("buildEnvironment", () => {
  const settings = { GOHOSTOS: "linux", GOHOSTARCH: "amd64", GOPROXY: "https://mirror.example", GOPRIVATE: "" };

  it("builds for this machine, whatever the user's variables say", () => {
    const own = {
      GOFLAGS: "-tags=x",
      GOOS: "windows",
      GOARCH: "386",
      GOEXPERIMENT: "x",
      GO111MODULE: "off",
      CGO_CFLAGS: "x",
    };
    expect(buildEnvironment({ PATH: "/bin", ...own }, settings)).toEqual({
      PATH: "/bin",
      GOOS: "linux",
      GOARCH: "amd64",
      GOPROXY: "https://mirror.example",
      // What `go env -w` wrote counts no more.
      GOENV: "off",
      GOWORK: "off",
      CGO_ENABLED: "0",
    });
  });

  it("keeps where modules come from", () => {
    const made = buildEnvironment({ HTTPS_PROXY: "http://proxy", GOPROXY: "a", GODEBUG: "netdns=go" }, settings);
    expect(made).toMatchObject({
      HTTPS_PROXY: "http://proxy",
      GOPROXY: "https://mirror.example",
      GODEBUG: "netdns=go",
    });
  });
});

describe("goBuild", () => {
  let folder: string;

  beforeEach(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), "go-"));
    vi.stubEnv("PATH", [folder, process.env.PATH].join(path.delimiter));
  });

  afterEach(() => {
    vi.unstubAllEnvs();
    fs.rmSync(folder, { recursive: true, force: true });
  });

  const build = (environment: Record<string, string>) =>
    goBuild({
      folder: "setup/object-store",
      package: "example.com/tool",
      output: path.join(folder, "tool"),
      logFile: path.join(folder, "log"),
      environment: { PATH: process.env.PATH ?? "", ...environment },
      neededBytes: 1,
    });

  it("asks Go for its settings without the user's flags, and builds without them", async () => {
    command(
      folder,
      "go",
      `case "$1" in
         env) echo "go: a warning" >&2; echo '{"GOVERSION":"go1.99.0","GOHOSTOS":"linux","GOHOSTARCH":"arm64"}' ;;
         build) echo "$*"; ;;
       esac
       env >> '${folder}/environment'`,
    );
    await build({ GOFLAGS: "-bogus", GOEXPERIMENT: "bogus", GOOS: "plan9" });
    const environment = fs.readFileSync(path.join(folder, "environment"), "utf8");
    expect(environment).not.toMatch(/bogus|plan9/);
    expect(environment).toContain("GOARCH=arm64");
    expect(fs.readFileSync(path.join(folder, "log"), "utf8")).toContain("build -mod=readonly -trimpath");
  });

  it("says what Go says when it does not work", async () => {
    command(folder, "go", 'echo "go: unknown GOEXPERIMENT x" >&2; exit 2');
    await expect(build({})).rejects.toThrow(/go does not work: go: unknown GOEXPERIMENT x/);
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
