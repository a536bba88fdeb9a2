import { parse } from "yaml";
import { unknownValue } from "../../../provider/wire";
import { hasNodes } from "./awsDouble";
import type { Double, Resource } from "./double";
import { clusterType, type Existing, type Journal, namespaceType } from "./journal";
import { isTree, type Tree } from "./properties";

const releaseType = "kubernetes:helm.sh/v3:Release";
const customResourceDefinitionType = "kubernetes:apiextensions.k8s.io/v1:CustomResourceDefinition";

/** Groups that an API server serves by itself. */
const builtIn = new Set([
  "core",
  "apps",
  "batch",
  "policy",
  "autoscaling",
  "networking.k8s.io",
  "rbac.authorization.k8s.io",
  "storage.k8s.io",
  "scheduling.k8s.io",
  "admissionregistration.k8s.io",
  "apiextensions.k8s.io",
]);

/** Custom resources that a chart brings: chart by `group/Kind`, or by group where it brings all of it. */
const bringers: Readonly<Record<string, string>> = {
  "jobset.x-k8s.io": "jobset",
  "kueue.x-k8s.io": "kueue",
  "monitoring.coreos.com": "kube-prometheus-stack",
  "argoproj.io/EventBus": "argo-events",
  "argoproj.io/EventSource": "argo-events",
  "argoproj.io/Sensor": "argo-events",
  "argoproj.io": "argo-workflows",
};

/** Kinds that no namespace holds. */
const clusterWide = new Set([
  "Namespace",
  "ClusterRole",
  "ClusterRoleBinding",
  "StorageClass",
  "PriorityClass",
  "PersistentVolume",
  "CustomResourceDefinition",
  "ClusterQueue",
  "ResourceFlavor",
  "Topology",
  "WorkloadPriorityClass",
  "AdmissionCheck",
]);

/** Namespaces of every cluster. */
const ownNamespaces = new Set(["default", "kube-system", "kube-public", "kube-node-lease"]);

/** Kinds whose creation waits until their pods run. */
const waitsForPods = new Set(["Deployment", "StatefulSet", "DaemonSet", "Release"]);

/** As the real plugin has it: github.com/pulumi/pulumi-kubernetes, provider/pkg/provider/diff.go (read 2026-11-24). */
const immutableOf: Readonly<Record<string, readonly string[]>> = {
  Deployment: ["spec.selector"],
  DaemonSet: ["spec.selector"],
  StatefulSet: [
    "spec.podManagementPolicy",
    "spec.revisionHistoryLimit",
    "spec.selector",
    "spec.serviceName",
    "spec.volumeClaimTemplates",
  ],
  Job: ["spec.completions", "spec.parallelism", "spec.selector", "spec.template"],
  PersistentVolumeClaim: ["spec.accessModes", "spec.selector", "spec.storageClassName", "spec.volumeName"],
  Service: ["spec.clusterIP"],
  RoleBinding: ["roleRef"],
  ClusterRoleBinding: ["roleRef"],
  StorageClass: ["parameters", "provisioner"],
  Secret: ["type"],
};

/** `kubernetes:kueue.x-k8s.io/v1beta1:ClusterQueue` */
function kindOf(type: string): { group: string; version: string; kind: string } {
  const [, module = "", kind = ""] = type.split(":");
  const [group = "", version = ""] = module.split("/");
  return { group, version, kind };
}

const metadataOf = (inputs: Tree): Tree => (isTree(inputs.metadata) ? inputs.metadata : {});

export class KubernetesDouble implements Double {
  readonly package = "kubernetes";
  private configuration: Tree = {};
  /** URL of the API server; of a cluster that was there before, the context's name. */
  private address: string | undefined;

  providerReplacements(before: Tree, after: Tree): readonly string[] {
    const identifier = "clusterIdentifier";
    if (before[identifier] !== undefined && after[identifier] !== undefined) {
      return before[identifier] === after[identifier] ? [] : [identifier];
    }
    return ["kubeconfig", "context", "cluster"].filter((key) => before[key] !== after[key]);
  }

  configure(configuration: Tree): void {
    this.configuration = configuration;
    const { kubeconfig, context } = configuration;
    const document: unknown =
      typeof kubeconfig === "string" && kubeconfig.includes("\n") ? parse(kubeconfig) : parseJson(kubeconfig);
    this.address = serverOf(document) ?? `context ${typeof context === "string" ? context : "that is current"}`;
  }

  cluster(): string | undefined {
    return this.address;
  }

  check(resource: Resource, previous: Tree | undefined, unique: string): { refusals: string[]; generated: Tree } {
    const name = `${resource.name}-${unique.slice(0, 8)}`;
    if (resource.type === releaseType) {
      const generated = resource.inputs.name === undefined ? { name: previous?.name ?? name } : {};
      const refusals =
        resource.inputs.version === undefined ? ["version: a chart without a version changes by itself"] : [];
      return { refusals, generated: { namespace: "default", ...generated } };
    }
    const { kind } = kindOf(resource.type);
    const metadata = metadataOf(resource.inputs);
    return {
      refusals: [],
      generated: {
        metadata: {
          ...(metadata.name === undefined ? { name: metadataOf(previous ?? {}).name ?? name } : {}),
          ...(clusterWide.has(kind) ? {} : { namespace: this.configuration.namespace ?? "default" }),
        },
      },
    };
  }

  immutable(resource: Resource): readonly string[] {
    if (resource.type === releaseType) return ["name", "namespace"];
    const { kind } = kindOf(resource.type);
    const always = ["metadata.name", "metadata.namespace", ...(immutableOf[kind] ?? [])];
    const fixed = resource.inputs.immutable === true;
    if (kind === "ConfigMap" && (fixed || !this.enabled("enableConfigMapMutable")))
      return [...always, "data", "binaryData"];
    if (kind === "Secret" && (fixed || !this.enabled("enableSecretMutable"))) return [...always, "data", "stringData"];
    return always;
  }

  hasOwnName(resource: Resource, previous: Tree): boolean {
    if (resource.type === releaseType) return false;
    const [now, before] = [metadataOf(resource.inputs), metadataOf(previous)];
    const generated = new RegExp(`^${resource.name}-[0-9a-f]{8}$`).test(String(now.name));
    return !generated && now.name === before.name && now.namespace === before.namespace;
  }

  idOf(resource: Resource): string {
    const metadata = resource.type === releaseType ? resource.inputs : metadataOf(resource.inputs);
    const parts = [metadata.namespace, metadata.name];
    return parts.filter((part) => typeof part === "string").join("/");
  }

  outputs(resource: Resource, id: string): Tree {
    const { inputs } = resource;
    if (resource.type === releaseType) {
      const { name, namespace, version, chart } = inputs;
      return { resourceNames: {}, status: { status: "deployed", name, namespace, version, chart, revision: 1 } };
    }
    const { kind } = kindOf(resource.type);
    const metadata = { uid: `uid of ${id}`, ...metadataOf(inputs) };
    return kind === "Service" ? { metadata, spec: { clusterIP: "172.20.0.100" } } : { metadata };
  }

  beforeCreate(resource: Resource, journal: Journal): void {
    const cluster = this.reachable(journal);
    const { group, version, kind } = kindOf(resource.type);
    const here = journal.existing().filter((other) => other.cluster === this.address);
    if (resource.type !== releaseType && !builtIn.has(group) && !serves(here, resource.type)) {
      throw new Error(`no matches for kind "${kind}" in version "${group}/${version}"`);
    }
    const namespace = resource.type === releaseType ? resource.inputs.namespace : metadataOf(resource.inputs).namespace;
    const makes = resource.type === releaseType && resource.inputs.createNamespace === true;
    if (typeof namespace === "string" && !ownNamespaces.has(namespace) && !makes && !hasNamespace(here, namespace)) {
      throw new Error(`namespaces "${namespace}" not found`);
    }
    const waits = waitsForPods.has(kind) && !skipsWaiting(resource.inputs);
    if (waits && cluster !== undefined && !hasNodes(journal, cluster)) {
      throw new Error(`timed out waiting for the pods of ${kind} ${resource.name}: there are no nodes`);
    }
    const id = this.idOf(resource);
    if (journal.find(resource.type, id, this.address) !== undefined) throw new Error(`${kind} "${id}" already exists`);
  }

  beforeDelete(existing: Existing, journal: Journal): void {
    const cluster = this.reachable(journal);
    const { kind } = kindOf(existing.type);
    if (cluster !== undefined && !hasNodes(journal, cluster)) {
      throw new Error(
        `${kind} ${existing.id}: its finalizers and volumes wait for controllers, and there are no nodes for them`,
      );
    }
    if (existing.type !== releaseType) return;
    const here = journal.existing().filter((other) => other.cluster === existing.cluster && other !== existing);
    const left = here.find((other) => {
      return !builtIn.has(kindOf(other.type).group) && other.type !== releaseType && !serves(here, other.type);
    });
    if (left !== undefined) {
      throw new Error(`${left.type} ${left.id} is there: its finalizers would wait for ever for chart ${existing.id}`);
    }
  }

  /** @throws Error if the API server is not there, or lets nobody in. */
  private reachable(journal: Journal): Existing | undefined {
    if (this.address?.startsWith("context ") === true) return undefined;
    const cluster = journal
      .existing()
      .find((other) => other.type === clusterType && other.outputs.endpoint === this.address);
    if (cluster === undefined) throw new Error(`Kubernetes cluster is unreachable: ${String(this.address)}`);
    const access = isTree(cluster.inputs.accessConfig) ? cluster.inputs.accessConfig : {};
    const entered = journal
      .existing()
      .some(
        (other) =>
          other.type === "aws:eks/accessPolicyAssociation:AccessPolicyAssociation" &&
          other.inputs.clusterName === cluster.id,
      );
    if (access.bootstrapClusterCreatorAdminPermissions === false && !entered) {
      throw new Error(
        "the server has asked for the client to provide credentials: no access entry lets the deployer in",
      );
    }
    return cluster;
  }

  private enabled(option: string): boolean {
    const value = this.configuration[option];
    return value === true || value === "true";
  }
}

function parseJson(value: unknown): unknown {
  if (typeof value !== "string" || value === unknownValue || !value.trimStart().startsWith("{")) return undefined;
  return JSON.parse(value) as unknown;
}

function serverOf(kubeconfig: unknown): string | undefined {
  if (!isTree(kubeconfig) || !Array.isArray(kubeconfig.clusters)) return undefined;
  const [first] = kubeconfig.clusters as { cluster?: { server?: string } }[];
  return first?.cluster?.server;
}

/** `oci://registry.k8s.io/kueue/charts/kueue` is the chart `kueue`. */
export const chartName = (release: Tree): string => String(release.chart).split("/").at(-1) ?? "";

/** Chart that brings the kind of custom resource; undefined for what every cluster has. */
export function bringerOf(type: string): string | undefined {
  const { group, kind } = kindOf(type);
  return type.startsWith("kubernetes:") ? (bringers[`${group}/${kind}`] ?? bringers[group]) : undefined;
}

function serves(here: readonly Existing[], type: string): boolean {
  const { group } = kindOf(type);
  const bringer = bringerOf(type);
  return here.some(
    (other) =>
      (other.type === releaseType && chartName(other.inputs) === bringer) ||
      (other.type === customResourceDefinitionType && isTree(other.inputs.spec) && other.inputs.spec.group === group),
  );
}

function hasNamespace(here: readonly Existing[], name: string): boolean {
  return here.some(
    (other) =>
      (other.type === namespaceType && other.id === name) ||
      (other.type === releaseType && other.inputs.createNamespace === true && other.inputs.namespace === name),
  );
}

function skipsWaiting(inputs: Tree): boolean {
  const annotations = metadataOf(inputs).annotations;
  return inputs.skipAwait === true || (isTree(annotations) && annotations["pulumi.com/skipAwait"] === "true");
}
