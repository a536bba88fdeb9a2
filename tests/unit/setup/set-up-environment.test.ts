import { describe, expect, it } from "vitest";
import { setUpEnvironment } from "../../../setup/set-up-environment.mjs";

const folders = { isUsable: (folder: string) => folder === "/home/ada" || folder === "/big", home: "/home/other" };

describe("setUpEnvironment", () => {
  it("keeps what says where things come from", () => {
    const own = {
      PATH: "/bin",
      HOME: "/home/ada",
      TMPDIR: "/big",
      HTTPS_PROXY: "http://proxy",
      SSL_CERT_FILE: "/certificates",
      UV_INDEX_URL: "https://mirror.example",
      UV_CACHE_DIR: "/big/uv",
      UV_PYTHON: "3.12",
      PIP_INDEX_URL: "https://mirror.example",
      npm_config_registry: "https://mirror.example",
      npm_config_cache: "/big/npm",
      GOPROXY: "https://mirror.example",
    };
    expect(setUpEnvironment(own, folders)).toEqual({ ...own, PYTHONUTF8: "1" });
  });

  it.each([
    "PYTHONPATH",
    "PYTHONHOME",
    "PYTHONSTARTUP",
    "PYTHONDONTWRITEBYTECODE",
    "VIRTUAL_ENV",
    "NODE_ENV",
    "npm_config_omit",
    "NPM_CONFIG_OMIT",
    "npm_config_dry-run",
    "npm_config_production",
    "UV_PROJECT_ENVIRONMENT",
    "UV_LOCKED",
    "PIP_USER",
    "PIP_TARGET",
  ])("drops %s", (name) => {
    expect(setUpEnvironment({ HOME: "/home/ada", [name]: "x" }, folders)).toEqual({
      HOME: "/home/ada",
      PYTHONUTF8: "1",
    });
  });

  it("has the system's folder for temporary files where TMPDIR is not there", () => {
    expect(setUpEnvironment({ HOME: "/home/ada", TMPDIR: "/gone" }, folders)).not.toHaveProperty("TMPDIR");
  });

  it.each([{}, { HOME: "" }, { HOME: "/gone" }])("has another home in place of %j", (own) => {
    expect(setUpEnvironment(own, folders).HOME).toBe("/home/other");
  });
});
