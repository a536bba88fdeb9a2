import * as fs from "node:fs";
import * as path from "node:path";
import { describe, expect, it } from "vitest";
import { root } from "../../../machine/checkout.mjs";
import { cacheVersion, memoryProblem } from "../../../dev/awsProvider";
import { groupsOf } from "../../../setup/python-environments.mjs";
import { defaultTiers, tiers } from "../../../dev/testTiers";

const folder = path.join(root, "dev", "aws-provider");
const types = path.join(root, "node_modules", "@pulumi", "aws");

describe("cacheVersion", () => {
  const of = (changed = "") => cacheVersion("7.48.0", (file) => (file === changed ? "other" : `text of ${file}`));

  it("names the version of @pulumi/aws and its own sources", () => {
    expect(of()).toMatch(/^7\.48\.0-[0-9a-f]{12}$/);
    expect(cacheVersion("7.49.0", (file) => `text of ${file}`)).not.toBe(of());
  });

  it("is another for each source that changes", () => {
    const sources = fs.readdirSync(folder);
    expect(new Set(sources.map(of)).size).toBe(sources.length);
    expect(sources.map(of)).not.toContain(of());
  });
});

describe("memoryProblem", () => {
  it("is silent with enough", () => {
    expect(memoryProblem(16e9)).toBeUndefined();
  });

  it("says what there is, what is needed and what else can be done", () => {
    const message = memoryProblem(8e9)?.message;
    expect(message).toContain("8.0 GB of memory; building the AWS plugin needs about 9.5 GB");
    expect(message).toContain("one that can reach github.com");
  });
});

describe("the plugin's resources", () => {
  const tokens = JSON.parse(fs.readFileSync(path.join(folder, "resources.json"), "utf8")) as Record<string, string>;

  it("are all in the installed @pulumi/aws", () => {
    const missing = Object.values(tokens).filter((token) => {
      const [, module = ""] = token.split(":");
      return !fs.readFileSync(path.join(types, `${module}.js`), "utf8").includes(`'${token}'`);
    });
    expect(missing).toEqual([]);
  });

  it("hold all that the platform's stacks register", () => {
    const dumps = path.join(root, "tests", "golden", "expected");
    const registered = fs
      .readdirSync(dumps)
      .flatMap((file) => fs.readFileSync(path.join(dumps, file), "utf8").match(/aws:\w+\/\w+:\w+/g) ?? []);
    expect(registered.length).toBeGreaterThan(0);
    expect([...new Set(registered)].filter((token) => !Object.values(tokens).includes(token))).toEqual([]);
  });

  it("are each under one token", () => {
    expect(new Set(Object.values(tokens)).size).toBe(Object.keys(tokens).length);
  });
});

describe("the tier aws", () => {
  it("runs only when it is asked for", () => {
    expect(tiers.map(({ name }) => name)).toContain("aws");
    expect(defaultTiers).not.toContain("aws");
  });

  it("needs neither torch nor the object store", () => {
    expect(groupsOf("aws", "infrastructure", "linux")).toEqual(["aws"]);
    expect(tiers.find(({ name }) => name === "aws")?.extent).toBe("infrastructure");
  });
});
