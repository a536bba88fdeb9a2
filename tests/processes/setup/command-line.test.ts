import { afterAll, expect, it } from "vitest";
import { TemporaryCheckout } from "../../unit/setup/temporaryCheckout";

// A command that were not refused would set up and destroy: here it finds a checkout of its own, and neither npm nor Python.
const checkout = new TemporaryCheckout();
checkout.linkPackages();
afterAll(() => {
  checkout.remove();
});

const scripts: Readonly<Record<string, readonly string[]>> = {
  bootstrap: ["setup/bootstrap.mjs"],
  quickstart: ["setup/run.mjs", "cli/quickstart.ts"],
  teardown: ["setup/run.mjs", "cli/teardown.ts"],
  test: ["setup/run.mjs", "dev/test.ts"],
};
const scriptOf = (command: string) => scripts[command] ?? [];

it.each([
  ["quickstart", ["--fast"], "Unknown option '--fast'.", "npm run quickstart"],
  ["quickstart", ["platform"], "Unexpected argument 'platform'.", "npm run quickstart"],
  ["bootstrap", ["packages"], "Unexpected argument 'packages'.", "npm run bootstrap [-- --only "],
  [
    "teardown",
    ["local", "platform"],
    "Unexpected argument 'platform'.",
    "npm run teardown -- <stack> [--without-state]",
  ],
  ["teardown", ["--yes"], "Unknown option '--yes'.", "npm run teardown -- <stack> [--without-state]"],
  ["test", ["--allow-missing"], "Option '--allow-missing <value>' argument missing.", "npm test [-- <tier>..."],
])("`%s` with %j does nothing and says how it is used", async (command, parameters, what, usage) => {
  const { status, output } = await checkout.run([...scriptOf(command), ...parameters], {});
  expect(status).toBe(1);
  const lines = output.trim().split("\n");
  expect(lines).toEqual([what, expect.stringContaining(`Usage: ${usage}`)]);
});

it.each(["quickstart", "bootstrap", "teardown"])("`%s --help` does nothing but say how it is used", async (command) => {
  const { status, output } = await checkout.run([...scriptOf(command), "--help"], {});
  expect(status).toBe(0);
  expect(output.trim()).toMatch(new RegExp(`^Usage: npm run ${command}.*$`));
});
