import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { TemporaryCheckout } from "../../unit/setup/temporaryCheckout";

type Environment = typeof import("../../../setup/environment.mjs");

let checkout: TemporaryCheckout;
let environment: Environment;

beforeEach(async () => {
  checkout = new TemporaryCheckout();
  environment = await checkout.load<Environment>("setup/environment.mjs");
});

afterEach(() => {
  checkout.remove();
});

describe("pulumiEnvironment", () => {
  it("keeps home and state in the checkout, whose path may hold spaces", () => {
    const made = environment.pulumiEnvironment({ PATH: "/usr/bin", HOME: "/home/ada" });
    expect(made.PULUMI_HOME).toBe(checkout.file(".posttraining", "pulumi", "home"));
    expect(made.PULUMI_BACKEND_URL).not.toContain(" ");
    expect(fileURLToPath(made.PULUMI_BACKEND_URL ?? "")).toBe(checkout.file(".posttraining", "pulumi", "state"));
    expect(fs.existsSync(made.PULUMI_HOME ?? "")).toBe(true);
  });

  it("does not lead to the user's own account, state or configuration", () => {
    const made = environment.pulumiEnvironment({
      PULUMI_ACCESS_TOKEN: "token",
      PULUMI_API: "https://pulumi.example",
      PULUMI_BACKEND_URL: "s3://company-state",
      PULUMI_HOME: "/home/ada/.pulumi",
      PULUMI_OPTION_CONFIG_FILE: "/home/ada/other.yaml",
      // The state would be kept under another name, or not at all; every command would have another flag.
      PULUMI_DIY_BACKEND_GZIP: "true",
      PULUMI_SKIP_CHECKPOINTS: "true",
      PULUMI_OPTION_TARGET: "urn:pulumi:a::b::c::d",
      PULUMI_STACK: "local",
    });
    expect(made).not.toHaveProperty("PULUMI_DIY_BACKEND_GZIP");
    expect(made).not.toHaveProperty("PULUMI_SKIP_CHECKPOINTS");
    expect(made).not.toHaveProperty("PULUMI_OPTION_TARGET");
    expect(made).toHaveProperty("PULUMI_STACK", "local");
    expect(made).not.toHaveProperty("PULUMI_ACCESS_TOKEN");
    expect(made).not.toHaveProperty("PULUMI_API");
    expect(made).not.toHaveProperty("PULUMI_OPTION_CONFIG_FILE");
    expect(JSON.stringify(made)).not.toContain("company-state");
    expect(JSON.stringify(made)).not.toContain("/home/ada");
  });

  it("makes a passphrase once, for this user's eyes only", () => {
    const file = environment.pulumiEnvironment({}).PULUMI_CONFIG_PASSPHRASE_FILE ?? "";
    const passphrase = fs.readFileSync(file, "utf8");
    expect(passphrase.trim().length).toBeGreaterThanOrEqual(32);
    expect(fs.statSync(file).mode & 0o777).toBe(0o600);
    environment.pulumiEnvironment({});
    expect(fs.readFileSync(file, "utf8")).toBe(passphrase);
  });

  it.each([{ PULUMI_CONFIG_PASSPHRASE: "" }, { PULUMI_CONFIG_PASSPHRASE_FILE: "/home/ada/passphrase" }])(
    "uses the user's own passphrase: %j",
    (own) => {
      expect(environment.pulumiEnvironment(own)).toMatchObject(own);
      expect(fs.existsSync(checkout.file(".posttraining", "pulumi", "passphrase"))).toBe(false);
    },
  );

  it("does not make a new passphrase while stacks need the one that was lost", () => {
    checkout.write(".posttraining/pulumi/state/.pulumi/stacks/posttraining/local.json", "{}");
    expect(() => environment.pulumiEnvironment({})).toThrow(/passphrase is gone/);
    expect(environment.pulumiEnvironment({ PULUMI_CONFIG_PASSPHRASE: "known" })).toBeDefined();
  });

  it("puts the project's own pulumi first, without repeating itself", () => {
    const once = environment.pulumiEnvironment({ PATH: "/usr/bin" }).PATH;
    expect(once?.split(path.delimiter)[0]).toBe(checkout.file("cli", "bin"));
    expect(environment.pulumiEnvironment({ PATH: once }).PATH).toBe(once);
  });
});

describe("passphraseSource", () => {
  it.each([
    [{ PULUMI_CONFIG_PASSPHRASE: "x" }, "the variable PULUMI_CONFIG_PASSPHRASE"],
    [{ PULUMI_CONFIG_PASSPHRASE_FILE: "/p" }, "/p (named by PULUMI_CONFIG_PASSPHRASE_FILE)"],
  ])("%j", (variables, expected) => {
    expect(environment.passphraseSource(variables)).toBe(expected);
  });
});

describe("withPython", () => {
  it("puts the training environment first", () => {
    const made = environment.withPython({ PATH: "/usr/bin" });
    expect(made.PATH).toBe([checkout.file(".posttraining", "python", "train", "bin"), "/usr/bin"].join(path.delimiter));
  });
});

describe("a machine with nothing but Node", () => {
  it("is told about each thing that it lacks, and how to get it", async () => {
    const bin = checkout.file("only-node");
    fs.mkdirSync(bin);
    fs.symlinkSync(process.execPath, path.join(bin, "node"));
    const { status, output } = await checkout.run(["setup/bootstrap.mjs", "--only", "infrastructure"], {
      PATH: bin,
      HOME: checkout.root,
    });
    expect(status).toBe(1);
    expect(output).toContain("npm is not on PATH.");
    expect(output).toContain("uv cannot be installed");
    expect(output).toContain("Go is not installed");
    expect(output).toMatch(/Python \(train\)\s+not done: it needs "uv"/);
    expect(output).toContain("Not set up: npm packages, uv, Python (train), Pulumi engine");
    expect(fs.readdirSync(checkout.file(".cache", "posttraining"))).toEqual([]);
  });
});

describe("an unknown option", () => {
  it("is refused with what there is", async () => {
    const { status, output } = await checkout.run(["setup/bootstrap.mjs", "--only", "everthing"], { ...execPath() });
    expect(status).toBe(1);
    expect(output).toContain("Choose everything, infrastructure or packages.");
  });
});

function execPath(): Record<string, string> {
  return { PATH: execFileSync("sh", ["-c", 'printf %s "$PATH"'], { encoding: "utf8" }) };
}
