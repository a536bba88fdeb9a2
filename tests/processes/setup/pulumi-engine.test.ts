import * as fs from "node:fs";
import * as path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { TemporaryCheckout } from "../../unit/setup/temporaryCheckout";
import { engineObjection } from "../../../setup/pulumi-engine.mjs";

let checkout: TemporaryCheckout;
let bin: string;

beforeEach(() => {
  checkout = new TemporaryCheckout();
  bin = checkout.file("bin of mine");
  fs.mkdirSync(bin);
  fs.symlinkSync(process.execPath, path.join(bin, "node"));
  command("pulumi-language-nodejs", "");
});

afterEach(() => {
  checkout.remove();
});

function command(name: string, script: string): void {
  fs.writeFileSync(path.join(bin, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
}

/** Sets up with nothing on PATH but Node and the commands above: everything but the engine cannot be had. */
const bootstrap = () =>
  checkout.run(["setup/bootstrap.mjs", "--only", "infrastructure"], { PATH: bin, HOME: checkout.root });

const link = () => checkout.file(".posttraining", "tools", "pulumi-engine");

describe("a Pulumi on PATH", () => {
  it("is used when it is new enough, and not asked for again", async () => {
    command("pulumi", "echo v3.300.0");
    expect((await bootstrap()).output).toContain(`${path.join(bin, "pulumi")} is used`);
    expect(fs.realpathSync(link())).toBe(bin);
    expect((await bootstrap()).output).not.toContain("Pulumi engine");
  });

  it("is given up when it was replaced by one that is too old", async () => {
    command("pulumi", "echo v3.300.0");
    await bootstrap();
    command("pulumi", "echo v3.100.0");
    const { output } = await bootstrap();
    expect(output).toContain(`${path.join(bin, "pulumi")} is not used: it is version 3.100.0`);
    expect(output).toContain("Go is not installed");
  });

  it("is not used when it is as new as the SDK, but takes no program as a policy pack", async () => {
    command("pulumi", "echo v3.254.0");
    const { output } = await bootstrap();
    expect(output).toContain("is not used: it is version 3.254.0, and 3.255.0 or newer is needed");
  });

  it("is not used when it does not run", async () => {
    command("pulumi", "exit 1");
    expect((await bootstrap()).output).toContain("is not used: `pulumi version` fails");
  });

  it("that is this project's own command is not taken for an engine", async () => {
    const { output } = await checkout.run(["setup/bootstrap.mjs", "--only", "infrastructure"], {
      PATH: [checkout.file("cli", "bin"), bin].join(path.delimiter),
      HOME: checkout.root,
    });
    expect(output).toContain("Go is not installed");
    expect(output).not.toContain("is used");
  });
});

describe("a Pulumi engine on PATH", () => {
  it("is used from the SDK's version on", () => {
    expect(engineObjection("v3.248.0", "3.248.0", true)).toBeUndefined();
    expect(engineObjection("v3.260.1-alpha.x", "3.248.0", true)).toBeUndefined();
  });

  it.each([
    ["v3.190.0", true, "it is version 3.190.0, and 3.248.0 or newer is needed"],
    ["v4.0.0", true, "it is version 4.0.0, and 3.x is needed"],
    ["v3.258.0", false, "pulumi-language-nodejs is missing beside it"],
    ["", true, "its version is unknown"],
  ])("%s is not", (version, hasLanguageHost, reason) => {
    expect(engineObjection(version, "3.248.0", hasLanguageHost)).toBe(reason);
  });
});
