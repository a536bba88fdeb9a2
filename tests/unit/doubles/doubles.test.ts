import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { AwsDouble } from "../../engine/doubles/awsDouble";
import type { Double, Resource } from "../../engine/doubles/double";
import { Journal, type Operation } from "../../engine/doubles/journal";
import { KubernetesDouble } from "../../engine/doubles/kubernetesDouble";
import { differences, isWithin, overlay, type Tree } from "../../engine/doubles/properties";
import { Scenario } from "../../engine/doubles/scenario";
import { signatureKey } from "../../../provider/wire";

/** The doubles of tests/engine are believed by other tests: each refusal is seen to refuse here, and to let pass. */

describe("properties", () => {
  it("differ by path, null being the same as absent", () => {
    const before = { a: { b: [1, 2], "c.d": null }, gone: "x" };
    expect([...differences(before, { a: { b: [1, 3, 4], "c.d": "new" } })]).toEqual([
      ["a.b[1]", "update"],
      ["a.b[2]", "add"],
      ['a["c.d"]', "add"],
      ["gone", "delete"],
    ]);
    expect(differences(before, { ...before, more: null }).size).toBe(0);
  });

  it("belong to a pattern at or below it, not beside it", () => {
    expect(isWithin("launchTemplate.id", "launchTemplate.id")).toBe(true);
    expect(isWithin("subnetIds[1]", "subnetIds")).toBe(true);
    expect(isWithin("vpcConfig[0].subnetIds[1]", "vpcConfig.subnetIds")).toBe(true);
    expect(isWithin("launchTemplate.version", "launchTemplate.id")).toBe(false);
    expect(isWithin("nameServers", "name")).toBe(false);
  });

  it("lie over each other key by key, a secret as a whole", () => {
    const secret = { [signatureKey]: "any", value: { b: 2 } };
    expect(overlay({ a: { b: 1, c: 1 } }, { a: { b: 2 } })).toEqual({ a: { b: 2, c: 1 } });
    expect(overlay({ a: { b: 1 } }, { a: secret })).toEqual({ a: secret });
  });
});

describe("the doubles", () => {
  let journal: Journal;
  const aws = new AwsDouble();
  const kubernetes = new KubernetesDouble();

  beforeEach(() => {
    journal = new Journal(path.join(fs.mkdtempSync(path.join(os.tmpdir(), "doubles-")), "journal.jsonl"));
    aws.configure({ region: "us-east-1" });
  });

  const resource = (type: string, name: string, inputs: Tree): Resource => ({
    urn: `urn:pulumi:s::p::${type}::${name}`,
    type,
    name,
    inputs,
  });

  function record(double: Double, operation: Operation["operation"], made: Resource): string {
    const id = double.idOf(made, "0123456789abcdef0123456789abcdef");
    const cluster = double.cluster();
    const outputs = double.outputs(made, id);
    journal.append({
      ...made,
      operation,
      id,
      outputs,
      began: 0,
      ended: 0,
      ...(cluster === undefined ? {} : { cluster }),
    });
    return id;
  }

  const create = (double: Double, type: string, name: string, inputs: Tree): string => {
    const made = resource(type, name, inputs);
    double.beforeCreate(made, journal);
    return record(double, "create", made);
  };

  function remove(double: Double, type: string, id: string): void {
    const existing = journal.find(type, id, double.cluster());
    if (existing === undefined) throw new Error(`${id} does not exist`);
    double.beforeDelete(existing, journal);
    journal.append({ ...existing, operation: "delete" });
  }

  const types = {
    cluster: "aws:eks/cluster:Cluster",
    nodes: "aws:eks/nodeGroup:NodeGroup",
    addon: "aws:eks/addon:Addon",
    access: "aws:eks/accessPolicyAssociation:AccessPolicyAssociation",
    database: "aws:rds/instance:Instance",
    namespace: "kubernetes:core/v1:Namespace",
    configMap: "kubernetes:core/v1:ConfigMap",
    release: "kubernetes:helm.sh/v3:Release",
    queue: "kubernetes:kueue.x-k8s.io/v1beta1:ClusterQueue",
  };

  const clusterInputs = {
    name: "c-1",
    bootstrapSelfManagedAddons: false,
    accessConfig: { bootstrapClusterCreatorAdminPermissions: false },
  };

  /** A cluster with everything that its objects need. */
  function readyCluster(): void {
    create(aws, types.cluster, "cluster", clusterInputs);
    kubernetes.configure({
      kubeconfig: JSON.stringify({ clusters: [{ cluster: { server: clusterEndpoint() } }] }),
    });
    create(aws, types.addon, "cni", { clusterName: "c-1", addonName: "vpc-cni" });
    create(aws, types.nodes, "nodes", { clusterName: "c-1", nodeGroupName: "n" });
    create(aws, types.access, "access", { clusterName: "c-1", principalArn: "p", policyArn: "a" });
  }

  const clusterEndpoint = (): unknown => journal.find(types.cluster, "c-1")?.outputs.endpoint;

  it("refuse a type that they do not know, a name that is too long and a foreign account", () => {
    expect(() => aws.check(resource("aws:ec2/other:Other", "o", {}), undefined, "")).toThrow(/no type/);
    const long = aws.check(resource("aws:iam/role:Role", "r", { name: "r".repeat(65) }), undefined, "");
    expect(long.refusals).toEqual([expect.stringMatching(/65 characters; AWS takes 64/)]);
    expect(() => {
      aws.configure({ allowedAccountIds: '["999999999999"]' });
    }).toThrow(/not allowed/);
  });

  it("generate a name, keep it, and know it from a given one", () => {
    const role = resource("aws:iam/role:Role", "role", {});
    const { generated } = aws.check(role, undefined, "abcdef0123");
    expect(generated).toEqual({ name: "role-abcdef0" });
    expect(aws.check(role, generated, "ffffffffff").generated).toEqual(generated);
    expect(aws.hasOwnName({ ...role, inputs: generated }, generated)).toBe(false);
    expect(aws.hasOwnName({ ...role, inputs: { name: "mine" } }, { name: "mine" })).toBe(true);
  });

  it("want the network add-on before nodes, and nodes before pods", () => {
    create(aws, types.cluster, "cluster", clusterInputs);
    const nodes = { clusterName: "c-1", nodeGroupName: "n" };
    expect(() => create(aws, types.nodes, "nodes", nodes)).toThrow(/NodeCreationFailure/);
    const dns = { clusterName: "c-1", addonName: "coredns" };
    create(aws, types.addon, "cni", { clusterName: "c-1", addonName: "vpc-cni" });
    expect(() => create(aws, types.addon, "dns", dns)).toThrow(/DEGRADED/);
    create(aws, types.nodes, "nodes", nodes);
    create(aws, types.addon, "dns", dns);
  });

  it("let nothing go that something else needs", () => {
    readyCluster();
    expect(() => {
      remove(aws, types.cluster, "c-1");
    }).toThrow(/nodegroups attached/);
    expect(() => {
      remove(aws, types.addon, "c-1:vpc-cni");
    }).toThrow(/network interfaces/);
    remove(aws, types.nodes, "c-1:n");
    remove(aws, types.addon, "c-1:vpc-cni");
    create(aws, "aws:rds/subnetGroup:SubnetGroup", "group", { name: "g", clusterOfGroup: "c-1" });
    expect(() => {
      remove(aws, types.cluster, "c-1");
    }).toThrow(/still used by .*SubnetGroup group/);
    remove(aws, "aws:rds/subnetGroup:SubnetGroup", "g");
    // Access entries go with the cluster, as on EKS.
    remove(aws, types.cluster, "c-1");
    expect(journal.existing()).toEqual([]);
    const last = journal.operations().at(-1);
    expect(last).toMatchObject({ type: types.access, operation: "delete" });
    expect(last?.with).toMatch(/::cluster$/);
  });

  it("guard a database as RDS does", () => {
    const id = create(aws, types.database, "database", { identifier: "d", deletionProtection: true });
    expect(() => {
      remove(aws, types.database, id);
    }).toThrow(/protected/);
    record(aws, "update", resource(types.database, "database", { identifier: "d", skipFinalSnapshot: false }));
    expect(() => {
      remove(aws, types.database, id);
    }).toThrow(/FinalSnapshotIdentifier/);
  });

  it("reach a cluster that is there and that lets the deployer in", () => {
    readyCluster();
    create(kubernetes, types.namespace, "a", { metadata: { name: "a" } });
    remove(aws, types.access, "c-1#p#a");
    expect(() => create(kubernetes, types.namespace, "b", { metadata: { name: "b" } })).toThrow(/credentials/);
    kubernetes.configure({ kubeconfig: JSON.stringify({ clusters: [{ cluster: { server: "https://gone" } }] }) });
    expect(() => create(kubernetes, types.namespace, "b", { metadata: { name: "b" } })).toThrow(/unreachable/);
  });

  it("want a namespace, a chart and nodes for what needs them", () => {
    readyCluster();
    const queue = { metadata: { name: "q" } };
    const chart = { name: "kueue", namespace: "kueue", chart: "oci://registry/charts/kueue", version: "1" };
    expect(() => create(kubernetes, types.queue, "q", queue)).toThrow(/no matches for kind "ClusterQueue"/);
    expect(() => create(kubernetes, types.release, "kueue", chart)).toThrow(/namespaces "kueue" not found/);
    create(kubernetes, types.release, "kueue", { ...chart, createNamespace: true });
    create(kubernetes, types.queue, "q", queue);
    expect(() => {
      remove(kubernetes, types.release, "kueue/kueue");
    }).toThrow(/finalizers would wait/);
    remove(aws, types.nodes, "c-1:n");
    expect(() => {
      remove(kubernetes, types.queue, "q");
    }).toThrow(/no nodes/);
  });

  it("count what was in a namespace or a cluster as gone with it", () => {
    readyCluster();
    create(kubernetes, types.namespace, "a", { metadata: { name: "a" } });
    create(kubernetes, types.configMap, "m", { metadata: { name: "m", namespace: "a" } });
    const other = create(kubernetes, types.configMap, "o", { metadata: { name: "o", namespace: "default" } });
    remove(kubernetes, types.namespace, "a");
    const objects = () => journal.existing().filter(({ cluster }) => cluster !== undefined);
    expect(objects().map(({ id }) => id)).toEqual([other]);
    remove(aws, types.nodes, "c-1:n");
    remove(aws, types.addon, "c-1:vpc-cni");
    remove(aws, types.cluster, "c-1");
    expect(objects()).toEqual([]);
  });

  it("replace the provider of a cluster only when the cluster is another one", () => {
    const before = { kubeconfig: "a", clusterIdentifier: "arn" };
    expect(kubernetes.providerReplacements(before, { ...before, kubeconfig: "b" })).toEqual([]);
    expect(kubernetes.providerReplacements(before, { ...before, clusterIdentifier: "other" })).toHaveLength(1);
    expect(kubernetes.providerReplacements({ kubeconfig: "a" }, { kubeconfig: "b" })).toEqual(["kubeconfig"]);
  });
});

describe("a scenario", () => {
  it("fails the operation that it names and no other", async () => {
    const scenario = new Scenario([{ operation: "create", type: "t", nth: 2, failure: "no capacity" }]);
    await scenario.play("create", "t", "a");
    await scenario.play("delete", "t", "a");
    await expect(scenario.play("create", "t", "b")).rejects.toThrow("no capacity");
    await scenario.play("create", "t", "c");
  });
});
