import * as fs from "node:fs";
import * as path from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { command } from "../setup/setUpParts";
import { TemporaryCheckout } from "../setup/temporaryCheckout";

type Tiers = typeof import("../../../dev/testTiers");

let checkout: TemporaryCheckout;
let tiers: Tiers["tiers"];

beforeAll(async () => {
  checkout = new TemporaryCheckout();
  ({ tiers } = await checkout.load<Tiers>("dev/testTiers.ts"));
});

afterAll(() => {
  checkout.remove();
});

afterEach(() => {
  vi.unstubAllEnvs();
});

const run = (name: string, print: (line: string) => void, doing: (activity: string) => void) =>
  tiers.find((tier) => tier.name === name)?.run(print, doing);

describe("the tier python", () => {
  it("runs pytest without what a person has set for other Pythons", async () => {
    vi.stubEnv("PYTHONPATH", "/other");
    vi.stubEnv("PYTHONHOME", "/other");
    const report = '<testsuites><testsuite errors="0" failures="0" skipped="0" tests="2"/></testsuites>';
    command(
      checkout.file(".posttraining", "python", "train", "bin"),
      "python",
      `env > environment
       mkdir -p .posttraining/logs
       echo '${report}' > .posttraining/logs/test-python.xml
       echo "2 passed"`,
    );
    const lines: string[] = [];
    const counts = await run(
      "python",
      (line) => lines.push(line),
      () => undefined,
    );
    expect(counts).toEqual({ passed: 2, failed: 0, skipped: 0 });
    expect(lines).toEqual(["2 passed"]);
    const environment = fs.readFileSync(checkout.file("environment"), "utf8");
    expect(environment).not.toMatch(/^(PYTHONPATH|PYTHONHOME)=/m);
    expect(environment).toContain("PYTHONUTF8=1");
  });
});

describe("the tier checks", () => {
  it("says which check is under way, for the reminders", async () => {
    for (const name of ["npm", "uv"]) command(checkout.file("bin"), name, 'echo "uv 0.13.9"');
    for (const tool of [
      "eslint/bin/eslint.js",
      "prettier/bin/prettier.cjs",
      "dependency-cruiser/bin/dependency-cruise.mjs",
      "typescript/bin/tsc",
    ]) {
      checkout.write(path.join("node_modules", tool), "");
    }
    vi.stubEnv("PATH", [checkout.file("bin"), "/usr/bin", "/bin"].join(path.delimiter));
    const steps: string[] = [];
    await run(
      "checks",
      (line) => steps.push(line),
      (activity) => steps.push(activity),
    );
    expect(steps.slice(0, 4)).toEqual(["eslint", "passed  eslint", "prettier", "passed  prettier"]);
    expect(steps.at(-2)).toBe("npm lock");
  });
});
