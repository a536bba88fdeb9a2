import * as fs from "node:fs";
import * as path from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { stackTags } from "../../components/core/tags";
import { root } from "../../machine/checkout.mjs";
import { documents } from "../golden/documents";
import type { Fixture } from "./fixtures/policy";
import { PlatformStack } from "./platformStack";
import type { Outcome } from "./pulumi";

/** The policy pack as the real engine runs it: a plugin beside the providers, asked about every resource before it is touched. */

/** What cli/policies.ts adds to a command line. */
const packOf = (kind: "platform" | "experiment"): string[] => [
  "--policy-pack",
  path.join(root, "policy", "pulumi-analyzer-posttraining"),
  "--policy-pack-config",
  path.join(root, "policy", `${kind}.json`),
];

const stack = new PlatformStack("test-policy", path.join(root, "tests", "engine", "fixtures", "policy"));
const clean: Fixture = { tags: stackTags("test-policy", "ml-platform"), ingress: "10.64.0.0/16" };

const run = (
  command: "preview" | "up",
  parts: Partial<Fixture>,
  kind: "platform" | "experiment" = "platform",
): Promise<Outcome> => {
  stack.configure({ ...clean, ...parts });
  return stack.run(command, ...packOf(kind));
};

/** Names of what the provider was asked to make. */
const created = (): string[] =>
  stack.journal
    .operations()
    .filter(({ operation }) => operation === "create")
    .map(({ type, name }) => `${type.split(":").at(-1) ?? type} ${name}`);

/** Text without colours and line breaks, in which a sentence is found wherever the engine has wrapped it. */
const flat = (text: string): string => text.replace(/\u001B\[[\d;]*m/g, "").replace(/\s+/g, " ");

beforeAll(() => {
  stack.initialize();
});

describe("a program that breaks no rule", () => {
  it("passes in preview, without a word about what a preview cannot know", async () => {
    const { status, output } = await run("preview", {});
    expect(output).toContain("✅ posttraining@v");
    expect(output).not.toMatch(/can't run policy|advisory/);
    expect(status).toBe(0);
  });
});

describe("a program that breaks rules", () => {
  it("is refused in preview with a sentence for each, and nothing is made", async () => {
    const { status, output } = await run("preview", { ingress: "0.0.0.0/0", tags: { project: "posttraining" } });
    expect(status).not.toBe(0);
    expect(flat(output)).toContain(
      "The security group lets 0.0.0.0/0 in: name another security group, or the ranges that need it.",
    );
    expect(flat(output)).toContain(
      "Tags are missing: give the AWS provider defaultTags, or the resource tags, with stack, owner.",
    );
    expect(output).toContain("❌ posttraining@v");
    expect(created()).toEqual([]);
  });

  it("is refused in preview for what only the whole stack shows", async () => {
    const { status, output } = await run("preview", { withoutAccessBlock: true });
    expect(status).not.toBe(0);
    expect(flat(output)).toContain(
      'Bucket "bucket" has no public access block: add an aws.s3.BucketPublicAccessBlock for it.',
    );
  });

  it("is refused in the update where the preview could not know, before the resource is made", async () => {
    expect((await run("preview", { wildcards: true })).status).toBe(0);
    const { status, output } = await run("up", { wildcards: true });
    expect(status).not.toBe(0);
    expect(flat(output)).toContain(
      "The policy allows ec2:* on every resource: name the actions, or the resources that they are for.",
    );
    expect(created()).toContain("Bucket bucket");
    expect(created()).not.toContain("Policy policy");
  });

  it("is let through once it is mended", async () => {
    const { status, output } = await run("up", {});
    expect(output).toContain("✅ posttraining@v");
    expect(status).toBe(0);
    expect(created()).toContain("Policy policy");
    await stack.ok("destroy");
  });
});

describe("the kind of a stack", () => {
  const expiring = { ...clean.tags, "expires-at": "2026-12-01T18:00:00Z" };

  it("platform: GPU nodes are refused, and an empty group of them is not", async () => {
    const { status, output } = await run("preview", { gpuNodes: 1 });
    expect(status).not.toBe(0);
    expect(flat(output)).toContain(
      'The group "gpu" starts instances with GPUs (g6e.xlarge), and this stack has no end',
    );
    expect((await run("preview", { gpuNodes: 0 })).status).toBe(0);
  });

  it("experiment: GPU nodes are let through, and an experiment without an end is not", async () => {
    expect((await run("preview", { gpuNodes: 1, tags: expiring }, "experiment")).status).toBe(0);
    const { status, output } = await run("preview", { gpuNodes: 1 }, "experiment");
    expect(status).not.toBe(0);
    expect(flat(output)).toContain("The tag expires-at is missing");
  });
});

describe("a team's own configuration", () => {
  it("names the GPU instances that are allowed", async () => {
    const file = path.join(stack.directory, "policies.json");
    fs.writeFileSync(file, JSON.stringify({ "gpu-instance-is-allowed": { allowed: ["p5"] } }));
    stack.configure({ ...clean, gpuNodes: 0 });
    const { status, output } = await stack.run("preview", ...packOf("platform").slice(0, 3), file);
    expect(status).not.toBe(0);
    expect(flat(output)).toContain("Instance type g6e.xlarge is not on the list of GPU instances (p5)");
  });
});

describe("the platform's own program", () => {
  it.each(Object.entries(documents))("%s breaks no rule", async (name, document) => {
    const platform = new PlatformStack(`test-policy-${name}`);
    platform.initialize();
    platform.configure(document);
    const { status, output } = await platform.run("preview", ...packOf("platform"));
    expect(flat(output).split("Policies:")[1]?.split("Diagnostics:")[0]?.trim()).toMatch(
      /^✅ posttraining@v\S+ \(local: [^)]*\)$/,
    );
    expect(output).not.toContain("can't run policy");
    expect(status).toBe(0);
  });
});
