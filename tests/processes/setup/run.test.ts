import * as fs from "node:fs";
import * as path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { command } from "../../unit/setup/setUpParts";
import { TemporaryCheckout } from "../../unit/setup/temporaryCheckout";

const packages = path.join(__dirname, "..", "..", "..", "node_modules");

/** Says how it was started, and whether it has the modules that Node has. */
const probe = `
import { Problem } from "../setup/problem.mjs";

void import("../setup/problem.mjs").then((found) => {
  const said: Readonly<Record<string, unknown>> = {
    parameters: process.argv.slice(2),
    folder: process.env.TMPDIR ?? null,
    isSame: found.Problem === Problem,
  };
  console.log(JSON.stringify(said));
  process.exitCode = 3;
});
`;

let checkout: TemporaryCheckout;

/** A checkout without packages, and an npm that installs what reads TypeScript. */
beforeEach(() => {
  checkout = new TemporaryCheckout();
  checkout.write("cli/probe.ts", probe);
  command(
    checkout.file("bin"),
    "npm",
    `cd '${checkout.root}'
     echo "$*" >> npm-calls
     rm -rf node_modules
     mkdir node_modules
     ln -s '${path.join(packages, "tsx")}' node_modules/tsx
     cp package-lock.json node_modules/.package-lock.json`,
  );
});

afterEach(() => {
  checkout.remove();
});

const run = (name: string, parameters: readonly string[] = [], environment: Readonly<Record<string, string>> = {}) =>
  checkout.run(["setup/run.mjs", name, ...parameters], {
    PATH: [checkout.file("bin"), "/usr/bin", "/bin"].join(path.delimiter),
    ...environment,
  });

const npmCalls = () =>
  fs.existsSync(checkout.file("npm-calls"))
    ? fs.readFileSync(checkout.file("npm-calls"), "utf8").split("\n").length - 1
    : 0;

describe("a command in TypeScript", () => {
  it("has its packages installed first in a bare checkout, and not again", async () => {
    const first = await run("cli/probe.ts");
    expect(first.output).toMatch(/start +npm packages[^]*done +npm packages/);
    expect(first.status).toBe(3);
    const second = await run("cli/probe.ts");
    expect(second.output).not.toContain("npm packages");
    expect(second.status).toBe(3);
    expect(npmCalls()).toBe(1);
  });

  it("gets its parameters, the folder for short-lived files as it is, and the modules that Node has", async () => {
    checkout.linkPackages();
    const { status, output } = await run("cli/probe.ts", ["--stack", "local"], { TMPDIR: "/nowhere" });
    expect(JSON.parse(output)).toEqual({ parameters: ["--stack", "local"], folder: "/nowhere", isSame: true });
    expect(status).toBe(3);
  });

  it("is kept, as JavaScript, where only its user can write", async () => {
    checkout.linkPackages();
    await run("cli/probe.ts");
    const compiled = checkout.file(".posttraining", "compiled");
    expect(fs.statSync(compiled).mode & 0o777).toBe(0o700);
    const files = fs.readdirSync(compiled, { recursive: true, encoding: "utf8" });
    expect(files.some((file) => fs.statSync(path.join(compiled, file)).isFile())).toBe(true);
  });

  it("runs where nothing can be kept", async () => {
    checkout.linkPackages();
    // A file is in the place of the folder: this user may be root, whom no mode stops.
    checkout.write(".posttraining/compiled", "");
    expect((await run("cli/probe.ts")).status).toBe(3);
  });

  it("runs where the folder is there and takes no file", async () => {
    checkout.linkPackages();
    fs.mkdirSync(checkout.file(".posttraining"));
    fs.symlinkSync("/proc", checkout.file(".posttraining", "compiled"));
    expect((await run("cli/probe.ts")).status).toBe(3);
  });

  it.each(["--no-experimental-require-module", "--experimental-default-type=module"])(
    "runs whatever module format NODE_OPTIONS asks for: %s",
    async (options) => {
      checkout.linkPackages();
      checkout.write(
        "cli/asking.ts",
        'import { packageOf } from "../setup/npm-packages.mjs";\nconsole.log(packageOf("zod/index.js"));\n',
      );
      const { status, output } = await run("cli/asking.ts", [], { NODE_OPTIONS: options });
      expect(output).toContain("zod\n");
      expect(status).toBe(0);
    },
  );

  it.each([
    ["the folder that it is started in", {}],
    ["the environment", { TSX_TSCONFIG_PATH: "/nowhere/tsconfig.json" }],
  ])("does not follow the tsconfig.json of %s", async (_, environment) => {
    checkout.linkPackages();
    checkout.write("cli/asking.ts", 'import { z } from "zod";\nconsole.log(typeof z.object);\n');
    checkout.write(
      "elsewhere/tsconfig.json",
      JSON.stringify({ compilerOptions: { baseUrl: ".", paths: { zod: ["./other.ts"] } } }),
    );
    checkout.write("elsewhere/other.ts", "export const z = {};\n");
    const parameters = [checkout.file("setup", "run.mjs"), "cli/asking.ts"];
    const { status, output } = await checkout.run(parameters, environment, checkout.file("elsewhere"));
    expect(output).toBe("function\n");
    expect(status).toBe(0);
  });

  it("has a package repaired that cannot be loaded", async () => {
    await run("cli/probe.ts");
    fs.rmSync(checkout.file("node_modules", "tsx"));
    const { status, output } = await run("cli/probe.ts");
    expect(output).toMatch(/npm packages[^]*done +npm packages/);
    expect(status).toBe(3);
    expect(npmCalls()).toBe(2);
  });

  it("that cannot be loaded itself says why, and nothing is installed", async () => {
    checkout.linkPackages();
    checkout.write("cli/broken.ts", 'import "./missing";\n');
    const { status, output } = await run("cli/broken.ts");
    expect(output).toContain("Cannot find module './missing'");
    expect(status).toBe(1);
    expect(npmCalls()).toBe(0);
  });

  it("shows its own lines in a stack trace", async () => {
    checkout.linkPackages();
    checkout.write(
      "cli/failing.ts",
      "interface A {\n  readonly b: string;\n}\nexport const a: A = (null as unknown as { a: A }).a;\n",
    );
    const { status, output } = await run("cli/failing.ts");
    expect(output).toMatch(/cli\/failing\.ts:4:/);
    expect(status).toBe(1);
  });
});
