import * as fs from "node:fs";
import * as path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { root } from "../../machine/checkout.mjs";
import { journalVariable } from "../engine/doubles/scenario";
import { type PreviewStep, TestStack } from "../engine/pulumi";
import { nameOf, typeOf } from "../engine/urns";
import { added, type Contents, StandIn } from "./standIn";

/**
 * The platform stack, made, changed and destroyed by the real engine and the AWS plugin's real code. README.md says what stands in for
 * AWS and for Kubernetes, and what that leaves unseen.
 */

const region = "us-east-1";
const plugin = path.join(root, ".posttraining", "tools", "aws-provider");
const logFile = path.join(root, ".posttraining", "logs", "aws-stand-in.log");

interface Choices {
  readonly accountId?: string;
  readonly logDays?: number;
  readonly checkpointDays?: number;
  readonly instanceType?: string;
}

function platform(choices: Choices = {}): unknown {
  const { accountId = "123456789012", logDays = 30, checkpointDays = 14, instanceType = "t3.large" } = choices;
  return {
    kind: "platform",
    owner: "tests",
    ephemeral: true,
    compute: {
      kind: "aws",
      region,
      accountId,
      cluster: {
        administrators: ["arn:aws:iam::123456789012:role/platform-administrator"],
        logDays,
        systemNodes: { instanceType },
      },
    },
    store: { kind: "managed", checkpointDays },
    backend: { kind: "self-hosted" },
    observability: { budget: { usdPerMonth: 1000, emails: ["platform@example.com"] } },
  };
}

/** `update aws:cloudwatch/logGroup:LogGroup cluster-logs: retentionInDays` */
function describeStep({ op, urn, detailedDiff }: PreviewStep): string {
  const changed = Object.keys(detailedDiff ?? {});
  return `${op} ${typeOf(urn)} ${nameOf(urn)}${changed.length > 0 ? `: ${changed.join(", ")}` : ""}`;
}

let standIn: StandIn;
let stack: TestStack;
let before: Contents;
let gaps: readonly string[];

/** What a preview would do with AWS resources, other than leave them as they are. */
async function changes(): Promise<string[]> {
  return (await stack.previewSteps())
    .filter(({ op, urn }) => op !== "same" && typeOf(urn).startsWith("aws:"))
    .map(describeStep)
    .sort();
}

/** What the account holds now that it did not hold before the stack. */
const made = async (): Promise<Contents> => added(before, await standIn.contents(region));

beforeAll(async () => {
  const origin = fs.readFileSync(path.join(plugin, "origin"), "utf8").trim();
  console.log(`AWS plugin: ${origin === "built" ? "built from Go modules (dev/aws-provider)" : "the official one"}`);
  standIn = await StandIn.start(logFile);
  gaps = await standIn.gaps();
  console.log(gaps.join("\n"));
  before = await standIn.contents(region);
  stack = new TestStack("aws", { projectDirectory: path.join(__dirname, "program") });
  Object.assign(stack.environment, {
    ...standIn.environment(region),
    PATH: [plugin, path.join(__dirname, "bin"), stack.environment.PATH].join(path.delimiter),
    PULUMI_NODEJS_TSCONFIG_PATH: path.join(root, "tsconfig.json"),
    [journalVariable]: path.join(stack.directory, "journal"),
  });
  stack.initialize();
});

afterAll(async () => {
  await standIn.stop();
});

describe.sequential("the platform stack, by the AWS plugin's code", () => {
  it("is refused in an account that it may not be deployed to", async () => {
    stack.configure(platform({ accountId: "111122223333" }));
    const { status, output } = await stack.run("preview");
    expect(output).toContain("AWS account ID not allowed: 123456789012");
    expect(status).not.toBe(0);
  });

  it("is previewed before anything is there", async () => {
    stack.configure(platform());
    const steps = await changes();
    expect(steps.length).toBeGreaterThan(70);
    expect(steps.filter((step) => !step.startsWith("create "))).toEqual([]);
    expect(await made()).toEqual({});
  });

  it("is made", async () => {
    await stack.ok("up");
    const kinds = Object.keys(await made());
    expect(kinds).toEqual(
      expect.arrayContaining(["Vpcs", "Subnets", "NatGateways", "VpcEndpoints", "SecurityGroups", "LaunchTemplates"]),
    );
    expect(kinds).toEqual(
      expect.arrayContaining([
        "Clusters",
        "Roles",
        "DBInstances",
        "Buckets",
        "Keys",
        "Secrets",
        "LogGroups",
        "Budgets",
      ]),
    );
    expect(kinds).toContain("tagged");
  });

  it("does not change when nothing changed", async () => {
    expect(await changes()).toEqual([]);
    await stack.ok("up", "--expect-no-changes");
  });

  it("reads back from AWS what it wrote", async () => {
    await stack.ok("refresh", "--expect-no-changes");
  });

  it("updates in place what can be changed", async () => {
    stack.configure(platform({ logDays: 90, checkpointDays: 21 }));
    expect(await changes()).toEqual([
      "update aws:cloudwatch/logGroup:LogGroup cluster-logs: retentionInDays",
      "update aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration store-lifecycle: rules[0].expiration.days",
    ]);
    await stack.ok("up");
    expect(await changes()).toEqual([]);
  });

  it("replaces what cannot, the new one first", async () => {
    const group = async () => (await made()).NodeGroups ?? [];
    const [old] = await group();
    stack.configure(platform({ logDays: 90, checkpointDays: 21, instanceType: "t3.xlarge" }));
    expect(await changes()).toEqual(["replace aws:eks/nodeGroup:NodeGroup cluster-system: instanceTypes[0]"]);
    const output = await stack.ok("up");
    expect(output).toMatch(/cluster-system created replacement[^]+cluster-system deleted original/);
    const [replacement, ...more] = await group();
    expect(replacement).not.toBe(old);
    expect(more).toEqual([]);
    expect(await changes()).toEqual([]);
  });

  it("is destroyed, and the account holds what it held before", async () => {
    await stack.ok("destroy");
    const { KeysPendingDeletion = [], tagged = [], ...left } = await made();
    expect(left).toEqual({});
    // AWS deletes a key after a waiting period of 7 to 30 days, lists it until then, and takes nothing for it.
    expect(KeysPendingDeletion.length).toBeGreaterThan(0);
    expect(tagged.filter((arn) => !KeysPendingDeletion.some((key) => arn.endsWith(`:key/${key}`)))).toEqual([]);
  });

  it("was helped out by this project's own code where moto lacks something, and says where", () => {
    expect(gaps.join("\n")).toMatch(/EKS has no .*create_addon.*create_pod_identity_association/);
  });

  it("has asked for nothing that the stand-in does not have", () => {
    expect(standIn.missing()).toEqual([]);
  });
});
