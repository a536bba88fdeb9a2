import * as fs from "node:fs";
import * as path from "node:path";
import * as aws from "@pulumi/aws";
import { describe, expect, it } from "vitest";
import { stackTags } from "../../../components/core/tags";
import {
  experimentExpires,
  launchTemplateTagsItsInstances,
  requiredTagsArePresent,
} from "../../../policy/requiredTags";
import { unknown, violations } from "./violations";

const platformTags = stackTags("platform", "ml-platform");
const experimentTags = stackTags("run-7", "ada", "2026-12-01T18:00:00Z");

describe("required tags", () => {
  it("pass as the provider's default tags, as the resource's own, or as both together", () => {
    expect(violations(requiredTagsArePresent, aws.s3.Bucket, {}, { defaultTags: platformTags })).toEqual([]);
    expect(violations(requiredTagsArePresent, aws.s3.Bucket, { tags: platformTags })).toEqual([]);
    const { owner, ...others } = platformTags;
    expect(violations(requiredTagsArePresent, aws.s3.Bucket, { tags: { owner } }, { defaultTags: others })).toEqual([]);
  });

  it("that are missing or empty are named", () => {
    expect(violations(requiredTagsArePresent, aws.s3.Bucket, {})).toEqual([
      "Tags are missing: give the AWS provider defaultTags, or the resource tags, with project, stack, owner.",
    ]);
    expect(
      violations(requiredTagsArePresent, aws.rds.Instance, { tags: { owner: "" } }, { defaultTags: platformTags }),
    ).toEqual(["Tags are missing: give the AWS provider defaultTags, or the resource tags, with owner."]);
  });

  it("are those of the policy's configuration", () => {
    const setting = { defaultTags: platformTags, configuration: { tags: ["cost-center"] } };
    expect(violations(requiredTagsArePresent, aws.s3.Bucket, {}, setting)).toEqual([
      "Tags are missing: give the AWS provider defaultTags, or the resource tags, with cost-center.",
    ]);
  });

  it("are read from an auto scaling group's list", () => {
    const tags = Object.entries(platformTags).map(([key, value]) => ({ key, value, propagateAtLaunch: true }));
    expect(violations(requiredTagsArePresent, aws.autoscaling.Group, { tags })).toEqual([]);
    expect(violations(requiredTagsArePresent, aws.autoscaling.Group, { tags: tags.slice(1) })).toHaveLength(1);
  });

  it("that are not known yet are left to the update", () => {
    expect(violations(requiredTagsArePresent, aws.s3.Bucket, { tags: unknown })).toEqual([]);
    expect(violations(requiredTagsArePresent, aws.s3.Bucket, { tags: { ...platformTags, owner: unknown } })).toEqual(
      [],
    );
  });

  it("are not asked of what cannot have them", () => {
    expect(violations(requiredTagsArePresent, aws.iam.RolePolicy, {})).toEqual([]);
  });

  /** Classes that the project's components and stacks make, with the type definitions of their arguments. */
  const made = ["components", "stacks"].flatMap((folder) => {
    const directory = path.join(__dirname, "..", "..", "..", folder);
    return fs
      .readdirSync(directory, { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(".ts"))
      .flatMap((file) => [...fs.readFileSync(path.join(directory, file), "utf8").matchAll(/new aws\.(\w+)\.(\w+)\(/g)])
      .map(([, module = "", name = ""]) => ({ module, name }));
  });
  /** Tagged by nobody's money or data depending on them: they go with what they belong to. */
  const spared = new Set([
    "budgets.Budget",
    "ec2.DefaultSecurityGroup",
    "ec2.FlowLog",
    "ec2.InternetGateway",
    "ec2.RouteTable",
    "eks.AccessEntry",
    "eks.PodIdentityAssociation",
    "rds.ParameterGroup",
    "rds.SubnetGroup",
    "vpc.SecurityGroupEgressRule",
    "vpc.SecurityGroupIngressRule",
  ]);

  it.each(made)("are asked of aws.$module.$name, if it can have them", ({ module, name }) => {
    const file = path.join(
      path.dirname(require.resolve("@pulumi/aws/package.json")),
      module,
      `${name.charAt(0).toLowerCase()}${name.slice(1)}.d.ts`,
    );
    const args = fs.readFileSync(file, "utf8").split(`export interface ${name}Args`)[1] ?? "";
    const modules = aws as unknown as Record<
      string,
      Record<string, new (...args: never[]) => aws.s3.Bucket> | undefined
    >;
    const resourceClass = modules[module]?.[name];
    if (resourceClass === undefined) throw new Error(`aws.${module}.${name} does not exist`);
    const isAsked = violations(requiredTagsArePresent, resourceClass, {}).length > 0;
    const isTaggable = /^ {4}tags\?:/m.test(args);
    expect(isAsked || spared.has(`${module}.${name}`)).toBe(isTaggable);
  });
});

describe("a launch template", () => {
  const check = (tagSpecifications: unknown): string[] =>
    violations(
      launchTemplateTagsItsInstances,
      aws.ec2.LaunchTemplate,
      { tagSpecifications },
      { defaultTags: platformTags },
    );

  it("passes when it tags instances and volumes", () => {
    expect(check(["instance", "volume"].map((resourceType) => ({ resourceType, tags: platformTags })))).toEqual([]);
  });

  it("is refused when it does not: default tags end at the template", () => {
    const sentence = (kind: string, keys: string): string =>
      `Each ${kind} of the launch template lacks tags: add a tagSpecifications entry of type ${kind} with ${keys}.`;
    expect(check(undefined)).toEqual(["instance", "volume"].map((kind) => sentence(kind, "project, stack, owner")));
    expect(
      check([
        { resourceType: "instance", tags: platformTags },
        { resourceType: "volume", tags: { project: "posttraining", stack: "platform" } },
      ]),
    ).toEqual([sentence("volume", "owner")]);
  });
});

describe("an experiment's end", () => {
  it("passes as a default tag or as the resource's own", () => {
    expect(violations(experimentExpires, aws.eks.NodeGroup, {}, { defaultTags: experimentTags })).toEqual([]);
    expect(violations(experimentExpires, aws.eks.NodeGroup, { tags: experimentTags })).toEqual([]);
  });

  it("that is missing is refused", () => {
    expect(violations(experimentExpires, aws.eks.NodeGroup, {}, { defaultTags: platformTags })).toEqual([
      "The tag expires-at is missing: give the AWS provider a default tag with the time of the experiment's end.",
    ]);
  });

  it("that is no time is refused", () => {
    expect(violations(experimentExpires, aws.eks.NodeGroup, { tags: { "expires-at": "tomorrow" } })).toEqual([
      'The tag expires-at is "tomorrow": it must be a time such as "2026-12-01T18:00:00Z".',
    ]);
  });

  it("is not asked of what cannot have tags, or whose tags are not known yet", () => {
    expect(violations(experimentExpires, aws.iam.RolePolicy, {})).toEqual([]);
    expect(violations(experimentExpires, aws.eks.NodeGroup, { tags: unknown })).toEqual([]);
  });
});
