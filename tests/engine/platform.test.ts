import { beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { resourceTypes } from "../../provider/resourceTypes";
import { type Document, documents, type StackName } from "../golden/documents";
import { account } from "./doubles/awsDouble";
import type { Operation } from "./doubles/journal";
import { bringerOf, chartName } from "./doubles/kubernetesDouble";
import type { Rule } from "./doubles/scenario";
import { isTree, strings, type Tree } from "./doubles/properties";
import { DependencyGraph } from "./dependencyGraph";
import { PlatformStack, type StateResource } from "./platformStack";

/**
 * The platform's program on the real engine. Providers are doubles (doubles/README.md says what they do not check), so what is
 * asserted is what engine and program decide between them: order, replacement, protection, secrets, what is left.
 * The steps of each stack build on each other.
 */

const clusterType = "aws:eks/cluster:Cluster";
const nodeGroupType = "aws:eks/nodeGroup:NodeGroup";
const addonType = "aws:eks/addon:Addon";
const subnetType = "aws:ec2/subnet:Subnet";
const vpcType = "aws:ec2/vpc:Vpc";
const bucketType = "aws:s3/bucket:Bucket";
const databaseType = "aws:rds/instance:Instance";
const accessType = "aws:eks/accessPolicyAssociation:AccessPolicyAssociation";
const gatewayType = "aws:ec2/natGateway:NatGateway";
const routeType = "aws:ec2/route:Route";
const namespaceType = "kubernetes:core/v1:Namespace";
const releaseType = "kubernetes:helm.sh/v3:Release";

type Test = (operation: Operation) => boolean;

const ofType =
  (...types: string[]): Test =>
  ({ type }) =>
    types.includes(type);
const isAddon =
  (name: string): Test =>
  ({ type, inputs }) =>
    type === addonType && inputs.addonName === name;
/** Of a kind that a chart brings. */
const isCustom: Test = ({ type }) => bringerOf(type) !== undefined;
const inCluster: Test = ({ type }) => type.startsWith("kubernetes:");

const succeeded = (operations: readonly Operation[], operation: Operation["operation"]): Operation[] =>
  operations.filter((each) => each.operation === operation && each.failure === undefined);

/** Every operation of the first kind ends before any of the second begins, and there are some of both. */
function expectOrder(operations: readonly Operation[], first: Test, second: Test): void {
  const [earlier, later] = [operations.filter(first), operations.filter(second)];
  expect(earlier.length).toBeGreaterThan(0);
  expect(later.length).toBeGreaterThan(0);
  const end = Math.max(...earlier.map(({ ended }) => ended));
  const late = later.filter(({ began }) => began < end).map(({ type, name }) => `${type} ${name}`);
  expect(late).toEqual([]);
}

/** What others must wait for takes its time. */
const slow = (operation: Rule["operation"], ...types: string[]): Rule[] =>
  types.map((type) => ({ operation, type, milliseconds: 500 }));

/** Secret values of a state that was exported in plain: whole ones, and of objects those whose name says so. */
function secretsOf(state: unknown): string[] {
  if (Array.isArray(state)) return state.flatMap(secretsOf);
  if (!isTree(state)) return [];
  if (typeof state.plaintext !== "string") return Object.values(state).flatMap(secretsOf);
  const value = JSON.parse(state.plaintext) as unknown;
  return strings(value)
    .filter(({ path }) => path === "" || /password|secret|token|credential/i.test(path))
    .map(({ text }) => text);
}

/** The document with some of it changed. */
function changed(document: Document, change: Document): Document {
  const merge = (under: unknown, over: unknown): unknown =>
    isTree(under) && isTree(over)
      ? Object.fromEntries(
          [...new Set([...Object.keys(under), ...Object.keys(over)])].map((key) => [
            key,
            key in over ? merge(under[key], over[key]) : under[key],
          ]),
        )
      : over;
  return merge(document, change) as Document;
}

function stackOf(name: StackName): PlatformStack {
  const stack = new PlatformStack(`test-${name}`);
  stack.initialize();
  return stack;
}

/** Operations that did something, by what and to whom. */
const summary = (operations: readonly Operation[]): string[] =>
  operations.map(
    ({ operation, type, name, failure }) =>
      `${operation} ${type} ${name}${failure === undefined ? "" : `: ${failure}`}`,
  );

const failures = (operations: readonly Operation[]): string[] =>
  summary(operations.filter(({ failure }) => failure !== undefined));

describe("the platform on AWS with a Metaflow of its own", () => {
  const document = documents["platform-aws-self-hosted"];
  const durable = changed(document, { store: { kind: "managed", checkpointDays: 30 } });
  const larger = changed(durable, { compute: { cluster: { systemNodes: { instanceType: "m6i.large" } } } });
  const ephemeral = changed(larger, { ephemeral: true });
  const stack = stackOf("platform-aws-self-hosted");
  let planned: string[];
  let creations: Operation[];

  beforeAll(() => {
    stack.configure(document);
  });

  it("previews a stack that does not exist yet, and touches nothing", async () => {
    const steps = await stack.previewSteps();
    expect(new Set(steps.map(({ op }) => op))).toEqual(new Set(["create"]));
    planned = steps.map(({ urn }) => urn);
    expect(planned.length).toBeGreaterThan(100);
    expect(stack.journal.operations()).toEqual([]);
  });

  it("keeps what was made when it fails half-way", async () => {
    const operations = await stack.during(async () => {
      const { status, output } = await stack.run("up");
      expect(status).not.toBe(0);
      expect(output).toContain("NodeCreationFailure: instances failed to join");
    }, [
      { operation: "create", type: nodeGroupType, failure: "NodeCreationFailure: instances failed to join" },
      ...slow("create", clusterType),
    ]);
    expect(failures(operations)).toEqual([expect.stringMatching(/^create aws:eks\/nodeGroup:NodeGroup /)]);
    expect(operations.some(inCluster)).toBe(false);
    creations = succeeded(operations, "create");
    expect(creations.length).toBeGreaterThan(10);
  });

  it("makes the rest with the next `up`, in an order that AWS and Kubernetes accept", async () => {
    const operations = await stack.during(() => stack.ok("up"), slow("create", nodeGroupType, accessType));
    expect(failures(operations)).toEqual([]);
    expect(new Set(operations.map(({ operation }) => operation))).toEqual(new Set(["create"]));
    creations.push(...operations);
    const made = creations.map(({ urn }) => urn);
    expect(made.filter((urn, index) => made.indexOf(urn) !== index)).toEqual([]);
    const isPlanned = (urn: string): boolean => !/pulumi:pulumi:Stack|pulumi:providers:posttraining/.test(urn);
    const inState = (await stack.resources()).map(({ urn }) => urn);
    expect(inState.filter(isPlanned).toSorted()).toEqual(planned.filter(isPlanned).toSorted());
    expectCreation(creations, await stack.resources());
  });

  it("changes nothing when nothing changed", async () => {
    const operations = await stack.during(async () => {
      expect(await stack.ok("up", "--expect-no-changes")).toMatch(/Resources:\s+\d+ unchanged/);
    });
    expect(operations).toEqual([]);
  });

  it("keeps secrets encrypted, and has none where none need be", async () => {
    const shown = await stack.ok("stack export", "--show-secrets");
    const password = (await stack.resources()).find(({ type }) => type === resourceTypes.password);
    expect(password).toBeDefined();
    const secrets = new Set(secretsOf(JSON.parse(shown)));
    // The password, and the places to which it is copied.
    expect(secrets.size).toBeGreaterThan(0);
    const state = stack.stateText();
    for (const secret of secrets) expect(state.includes(secret), `a secret of ${secret.length} characters`).toBe(false);

    const { cluster } = (await stack.outputs()) as { cluster: { kubeconfig: string } };
    const kubeconfig = parse(cluster.kubeconfig) as { users: { user: Tree }[] };
    expect(kubeconfig.users.map(({ user }) => Object.keys(user))).toEqual([["exec"]]);
    expect(cluster.kubeconfig).not.toMatch(/token"?:|password|client-key/);
  });

  it("updates in place what can be", async () => {
    stack.configure(durable);
    const operations = await stack.during(() => stack.ok("up"));
    expect(summary(operations)).toEqual([
      expect.stringMatching(/^update aws:s3\/bucketLifecycleConfiguration:BucketLifecycleConfiguration /),
    ]);
  });

  it("makes the new nodes before the old ones go", async () => {
    stack.configure(larger);
    const operations = await stack.during(() => stack.ok("up"), slow("create", nodeGroupType));
    const groups = operations.filter(ofType(nodeGroupType));
    expect(groups.map(({ operation }) => operation)).toEqual(["create", "delete"]);
    expect(groups[0]?.name).toBe(groups[1]?.name);
    expect(operations.filter((operation) => inCluster(operation) || operation.type === clusterType)).toEqual([]);
    expect(failures(operations)).toEqual([]);
  });

  it("refuses to be destroyed while it is not ephemeral, before anything is deleted", async () => {
    const operations = await stack.during(async () => {
      const { status, output } = await stack.run("destroy", "--skip-preview=false");
      expect(status).not.toBe(0);
      expect(output).toContain("cannot be deleted");
    });
    expect(operations).toEqual([]);
    const kept = (await stack.resources()).filter(({ protect }) => protect === true).map(({ type }) => type);
    for (const type of [bucketType, databaseType, clusterType]) expect(kept).toContain(type);
  });

  it("becomes ephemeral without a replacement", async () => {
    stack.configure(ephemeral);
    const operations = await stack.during(() => stack.ok("up"));
    // Metrics move from their volume to the nodes' disks.
    expect(summary(operations.filter(({ operation }) => operation !== "update"))).toEqual([
      "delete kubernetes:storage.k8s.io/v1:StorageClass observability-metrics",
    ]);
    const updated = operations.map(({ type }) => type);
    for (const type of [bucketType, databaseType, clusterType]) expect(updated).toContain(type);
    expect((await stack.resources()).filter(({ protect }) => protect === true)).toEqual([]);
  });

  it("goes in an order that leaves nothing behind, and nothing remains", async () => {
    const custom = new Set(creations.filter(isCustom).map(({ type }) => type));
    const operations = await stack.during(
      () => stack.ok("destroy"),
      slow("delete", ...custom, namespaceType, nodeGroupType, clusterType, releaseType, databaseType),
    );
    expect(failures(operations)).toEqual([]);
    expectTeardown(operations);
    expectOrder(operations, ofType(databaseType), ofType("aws:rds/subnetGroup:SubnetGroup"));
    expectOrder(operations, ofType(databaseType), ofType(subnetType));
    await expectNothing(stack);
  });
});

/** Permissions of the nodes' role. */
function isOfNodeRole(operations: readonly Operation[]): Test {
  const groups = operations.filter(ofType(nodeGroupType));
  return ({ type, inputs }) =>
    type.startsWith("aws:iam/rolePolicy") &&
    groups.some((group) => String(group.inputs.nodeRoleArn).endsWith(`/${String(inputs.role)}`));
}

/**
 * The order in which a platform on AWS comes: as it was this time, and as the engine will have it every time, the other way round at
 * its end.
 */
function expectCreation(operations: readonly Operation[], resources: readonly StateResource[]): void {
  const graph = new DependencyGraph(resources);
  const expectAlways = (first: Test, second: Test): void => {
    expectOrder(operations, first, second);
    const earlier = operations.filter(first);
    for (const { urn } of operations.filter(second)) {
      const missing = earlier.filter((operation) => !graph.dependsOn(urn, operation.urn));
      expect(missing.map(({ name }) => `${urn} does not depend on ${name}`)).toEqual([]);
    }
  };
  expectAlways(ofType(vpcType), ofType(subnetType));
  expectAlways((operation) => subnetType === operation.type && isPrivate(operation), ofType(clusterType));
  expectAlways(ofType(gatewayType, routeType), ofType(nodeGroupType));
  expectAlways(isOfNodeRole(operations), ofType(nodeGroupType));
  for (const addon of ["vpc-cni", "kube-proxy"]) expectAlways(isAddon(addon), ofType(nodeGroupType));
  for (const addon of ["coredns", "aws-ebs-csi-driver"]) expectAlways(ofType(nodeGroupType), isAddon(addon));
  expectAlways(ofType(nodeGroupType), inCluster);
  expectAlways(ofType(accessType), inCluster);
  for (const { type } of operations.filter(isCustom)) expectAlways(isBringerOf(type), ofType(type));
}

const isPrivate: Test = ({ name }) => name.includes("private");

/** The chart without which the kind is not there. */
const isBringerOf =
  (kind: string): Test =>
  ({ type, inputs }) =>
    type === releaseType && chartName(inputs) === bringerOf(kind);

/** The order in which a platform on AWS goes. */
function expectTeardown(operations: readonly Operation[]): void {
  const asked: Test = (operation) => operation.with === undefined;
  expectOrder(operations, (operation) => inCluster(operation) && asked(operation), ofType(nodeGroupType));
  for (const custom of operations.filter((operation) => isCustom(operation) && asked(operation))) {
    expectOrder(operations, (operation) => operation === custom, isBringerOf(custom.type));
  }
  expectOrder(operations, ofType(nodeGroupType), isAddon("vpc-cni"));
  expectOrder(operations, ofType(nodeGroupType), isOfNodeRole(operations));
  expectOrder(operations, (operation) => inCluster(operation) && asked(operation), ofType(accessType));
  expectOrder(operations, ofType(nodeGroupType), ofType(gatewayType, routeType));
  expectOrder(operations, ofType(clusterType), ofType(subnetType));
  expectOrder(operations, ofType(subnetType), ofType(vpcType));
  // What nobody deletes before the cluster goes must own nothing outside of it: no volume, no load balancer.
  const left = operations.filter((operation) => inCluster(operation) && operation.with?.includes(clusterType) === true);
  expect(new Set(left.map(({ type }) => type))).toEqual(new Set(["kubernetes:storage.k8s.io/v1:StorageClass"]));
}

async function expectNothing(stack: PlatformStack): Promise<void> {
  expect(stack.journal.existing().map(({ type, name }) => `${type} ${name}`)).toEqual([]);
  expect(await stack.resources()).toEqual([]);
}

describe("the platform on AWS with an existing Outerbounds platform", () => {
  const stack = stackOf("platform-aws-outerbounds");

  beforeAll(() => {
    stack.configure(changed(documents["platform-aws-outerbounds"], { ephemeral: true }));
  });

  it("is made, without a database or a Metaflow of its own, and then stays as it is", async () => {
    const operations = await stack.during(
      () => stack.ok("up"),
      slow("create", addonType, routeType, nodeGroupType, accessType),
    );
    expect(failures(operations)).toEqual([]);
    expectCreation(operations, await stack.resources());
    expect(operations.filter(ofType(databaseType))).toEqual([]);
    expect(operations.filter(({ name }) => name.startsWith("metaflow"))).toEqual([]);
    expect(await stack.during(() => stack.ok("up", "--expect-no-changes"))).toEqual([]);
  });

  it("goes on where a failed `destroy` has stopped", async () => {
    const failure = "DependencyViolation: the subnet has dependencies and cannot be deleted";
    const first = await stack.during(async () => {
      expect((await stack.run("destroy")).status).not.toBe(0);
    }, [
      { operation: "delete", type: subnetType, nth: 1, failure },
      ...slow("delete", namespaceType, nodeGroupType, clusterType),
    ]);
    expect(failures(first)).toEqual([expect.stringContaining(failure)]);
    const second = await stack.during(() => stack.ok("destroy"));
    expectTeardown([...succeeded(first, "delete"), ...second]);
    expect(second.filter(inCluster)).toEqual([]);
    await expectNothing(stack);
  });
});

describe("the platform on a cluster that was there", () => {
  const stack = stackOf("platform-existing-cluster");

  it("previews, is made without anything of AWS, stays as it is, and goes", async () => {
    stack.configure(documents["platform-existing-cluster"]);
    const planned = (await stack.previewSteps()).map(({ urn }) => urn);
    const made = await stack.during(() => stack.ok("up"));
    expect(failures(made)).toEqual([]);
    expect(made.every(inCluster)).toBe(true);
    const customMade = planned.filter((urn) => /\$?kubernetes:[^$]*$/.test(urn.split("::")[2] ?? ""));
    expect(made.map(({ urn }) => urn).toSorted()).toEqual(customMade.toSorted());
    expect(await stack.during(() => stack.ok("up", "--expect-no-changes"))).toEqual([]);
    const gone = await stack.during(() => stack.ok("destroy"), slow("delete", releaseType));
    expect(failures(gone)).toEqual([]);
    await expectNothing(stack);
  });
});

describe("a configuration that is wrong", () => {
  const stack = new PlatformStack("test-platform-refusals");
  const good = documents["platform-aws-self-hosted"];

  beforeAll(() => {
    stack.initialize();
  });

  it.each<[string, Document, RegExp[]]>([
    [
      "names what is not allowed at all, and what was misspelt",
      changed(good, { compute: { region: "us-east-7" }, addon: { teams: [] } }),
      [/compute\.region: got "us-east-7"; allowed: us-east-1/, /addon: is not a known key; did you mean addons\?/],
    ],
    [
      "names what does not fit together: network, nodes, chart",
      changed(good, {
        compute: {
          network: { kind: "managed", cidr: "10.64.0.0/28" },
          cluster: { systemNodes: { instanceType: "t9.large" } },
        },
        backend: { charts: { argoWorkflows: "1.0.0" } },
      }),
      [
        /compute\.network\.cidr: got "10\.64\.0\.0\/28"; it is too small/,
        /compute\.cluster\.systemNodes\.instanceType: got "t9\.large", which is not a known type/,
        /backend\.charts\.argoWorkflows: got "1\.0\.0"/,
      ],
    ],
    [
      "knows that two ways to a cluster were mixed",
      changed(good, { compute: { kind: "existing", context: "lab" } }),
      [/compute\.region: belongs to compute of kind "aws"/, /compute\.cluster: belongs to compute of kind "aws"/],
    ],
    [
      "knows what an existing cluster cannot have",
      { ...good, compute: { kind: "existing", context: "lab" } },
      [/store\.kind: got "managed", which is made on AWS/, /backend\.database\.kind: got "rds", which is made on AWS/],
    ],
  ])("%s: one message, nothing registered", async (_, document, expected) => {
    stack.configure(document);
    const { status, output } = await stack.run("up");
    expect(status).not.toBe(0);
    for (const text of expected) expect(output).toMatch(text);
    expect(output).not.toMatch(/^\s+at .*\.ts:/m);
    expect(stack.journal.operations()).toEqual([]);
    expect(await stack.resources()).toEqual([]);
  });

  it("an account that is not the configured one is refused before anything is made", async () => {
    stack.configure(changed(good, { compute: { accountId: "999999999999" } }));
    const { status, output } = await stack.run("up");
    expect(status).not.toBe(0);
    expect(output).toContain(`AWS account ID not allowed: ${account}`);
    expect(stack.journal.operations()).toEqual([]);
  });
});
