import * as fs from "node:fs";
import * as path from "node:path";
import { describe, expect, it } from "vitest";
import { policies } from "../../../policy/policies";

const directory = path.join(__dirname, "..", "..", "..", "policy");
const names = policies.map(({ name }) => name);

const configuration = (kind: string): Record<string, unknown> =>
  JSON.parse(fs.readFileSync(path.join(directory, `${kind}.json`), "utf8")) as Record<string, unknown>;

describe("the policy pack", () => {
  it("has every rule that a file of policy/ exports, once", () => {
    const exported = fs
      .readdirSync(directory)
      .filter((file) => file.endsWith(".ts"))
      .flatMap((file) => [
        ...fs
          .readFileSync(path.join(directory, file), "utf8")
          .matchAll(/: (?:ResourceValidationPolicy|StackValidationPolicy) = \{\n {2}name: "([\w-]+)"/g),
      ])
      .map(([, name]) => name);
    expect([...names].sort()).toEqual(exported.sort());
    expect(new Set(names).size).toBe(names.length);
  });

  it.each(policies)("$name says what it is in a sentence, and how bad a breach is", ({ description, severity }) => {
    expect(description).toMatch(/^[A-Z].*\.$/);
    expect(severity).toMatch(/^(?:low|medium|high|critical)$/);
  });

  it("leaves no rule to be only advice", () => {
    expect(policies.filter(({ enforcementLevel }) => enforcementLevel !== undefined)).toEqual([]);
  });

  it("switches off in the platform only what experiments need, and the other way round", () => {
    expect(configuration("platform")).toEqual({ "experiment-expires": "disabled" });
    expect(configuration("experiment")).toEqual({
      "platform-runs-no-gpu": "disabled",
      "platform-runs-no-gpu-by-template": "disabled",
    });
  });

  it.each(["platform", "experiment"])("is configured for %s by names that it has", (kind) => {
    for (const name of Object.keys(configuration(kind))) expect(names).toContain(name);
  });
});
