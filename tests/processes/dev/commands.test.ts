import * as fs from "node:fs";
import * as path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TemporaryCheckout } from "../../unit/setup/temporaryCheckout";

const original = path.join(__dirname, "..", "..", "..");
const { scripts } = JSON.parse(fs.readFileSync(path.join(original, "package.json"), "utf8")) as {
  scripts: Readonly<Record<string, string>>;
};

/** The commands in TypeScript. Pulumi reads its own arguments. */
const commands = Object.entries(scripts)
  .filter(([name, line]) => line.startsWith("node setup/run.mjs ") && name !== "pulumi")
  .map(([name, line]) => ({ name, parameters: line.split(" ").slice(1) }));

// A command that were not refused would write and set up: here it finds a checkout of its own, and neither npm nor Python.
const checkout = new TemporaryCheckout();
beforeAll(() => {
  const sources = [
    ...[
      "bench",
      "catalog",
      "components",
      "configuration",
      "docs",
      "flows",
      "machine",
      "methods",
      "observability",
      "policy",
    ],
    ...[
      "preflight",
      "pricing",
      "provider",
      "recipe",
      "rehearsal",
      "sizing",
      "stacks",
      "tests",
      "validation",
      "README.md",
    ],
  ];
  const isSource = (file: string) => !/(?:\/node_modules|\/\.[^/]+|\/__pycache__)$/.test(file);
  for (const name of sources)
    fs.cpSync(path.join(original, name), checkout.file(name), { recursive: true, filter: isSource });
  checkout.linkPackages();
});
afterAll(() => {
  checkout.remove();
});

/** When each file below the checkout was written last, but for what reading TypeScript keeps. */
const written = () =>
  fs
    .readdirSync(checkout.root, { recursive: true, encoding: "utf8" })
    .filter((file) => !/^(?:node_modules|\.posttraining)/.test(file))
    .map((file) => `${file} ${String(fs.statSync(checkout.file(file)).mtimeMs)}`);

describe.each(commands)("npm run $name", ({ name, parameters }) => {
  it("refuses an option that it does not know, and writes nothing", async () => {
    const before = written();
    const { status, output } = await checkout.run([...parameters, "--no-such-option"], {});
    expect(status).not.toBe(0);
    expect(output).toMatch(new RegExp(`npm (?:run (?:-s )?)?${name.replace(/:(?:aws|faults|rehearsals)$/, "")}\\b`));
    expect(output).not.toMatch(/^ +at .*:\d+:\d+/m);
    expect(written()).toEqual(before);
  });

  it("says how it is used", async () => {
    const { status, output } = await checkout.run([...parameters, "--help"], {});
    expect(output).toMatch(
      new RegExp(`^(?:Usage: )?npm (?:run (?:-s )?)?${name.replace(/:(?:aws|faults|rehearsals)$/, "")}\\b`),
    );
    expect(status).toBe(0);
  });
});
