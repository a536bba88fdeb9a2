import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { describe, expect, it } from "vitest";
import { directLoopback, neutralEnvironment, withoutAws } from "../../../machine/environment.mjs";

const home = os.tmpdir();

describe("the environment of what is started", () => {
  it("has no settings of a person for other programs", () => {
    const hostile = {
      NODE_OPTIONS: "--require /no/such/file",
      NODE_PATH: "/elsewhere",
      PYTHONPATH: "/folder/with/a/json.py",
      PYTHONHOME: "/no/python",
      PYTHONSTARTUP: "/a/file.py",
      TS_NODE_COMPILER_OPTIONS: '{"module":"esnext"}',
      VIRTUAL_ENV: "/another/venv",
    };
    const made = neutralEnvironment({ ...hostile, HOME: home, PATH: "/bin", LANG: "xx_XX.none" }, "/unused");
    for (const name of Object.keys(hostile)) expect(made).not.toHaveProperty(name);
    expect(made).toMatchObject({ PATH: "/bin", HOME: home, PYTHONUTF8: "1" });
  });

  it.each(["/no/such/folder", "relative", "/dev/null", ""])("replaces a folder that cannot be used: %j", (folder) => {
    const instead = path.join(fs.mkdtempSync(path.join(os.tmpdir(), "home-")), "home");
    const made = neutralEnvironment({ HOME: folder, TMPDIR: folder }, instead);
    expect(made).not.toHaveProperty("TMPDIR");
    expect([os.userInfo().homedir, instead]).toContain(made.HOME);
    expect(fs.statSync(made.HOME ?? "").isDirectory()).toBe(true);
    fs.rmSync(path.dirname(instead), { recursive: true });
  });

  it("keeps folders that can be used", () => {
    expect(neutralEnvironment({ HOME: home, TMPDIR: home }, "/unused")).toMatchObject({ HOME: home, TMPDIR: home });
  });

  it("lets no traffic to this machine go through a proxy, and keeps whom a person has named", () => {
    const loopback = "127.0.0.1,localhost,::1";
    expect(directLoopback({})).toEqual({ no_proxy: loopback, NO_PROXY: loopback, no_grpc_proxy: loopback });
    const named = directLoopback({ no_proxy: "intranet.example", NO_PROXY: "localhost, other", no_grpc_proxy: "x" });
    expect(new Set(Object.values(named)).size).toBe(1);
    expect(named.no_proxy?.split(",").sort()).toEqual(
      ["127.0.0.1", "::1", "intranet.example", "localhost", "other", "x"].sort(),
    );
    expect(neutralEnvironment({ HOME: home, http_proxy: "http://proxy:3128" }, "/unused")).toMatchObject({
      http_proxy: "http://proxy:3128",
      no_proxy: loopback,
    });
  });

  it("goes through no proxy at all where a person wants that", () => {
    // Python, curl and Go's programs know it only where it stands alone; gRPC for Node knows names only.
    const made = directLoopback({ NO_PROXY: "*", no_proxy: "intranet.example" });
    expect(made).toMatchObject({ no_proxy: "*", NO_PROXY: "*" });
    expect(made.no_grpc_proxy?.split(",")).toContain("127.0.0.1");
  });

  it("of a stack with a store of its own names no account of AWS", () => {
    expect(withoutAws({ AWS_PROFILE: "production", AWS_USE_FIPS_ENDPOINT: "true", PATH: "/bin" })).toEqual({
      PATH: "/bin",
    });
  });
});
