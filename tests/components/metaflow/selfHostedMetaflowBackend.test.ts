import { spawn } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type AwsArtifactStore, storeRoots } from "../../../components/store/artifactStore";
import type { KubernetesCluster } from "../../../components/core/kubernetesCluster";
import {
  deployerRules,
  deployersGroup,
  portForwardRules,
  taskRules,
} from "../../../components/metaflow/metaflowAccess";
import { portForwards, selfHostedConfiguration } from "../../../components/metaflow/metaflowConfiguration";
import type { DatabaseConnection } from "../../../components/metaflow/metaflowDatabase";
import { selfHostedMetaflowBackendArgumentErrors } from "../../../components/metaflow/selfHostedMetaflowBackendArguments";
import { migrationScript } from "../../../components/metaflow/metaflowPods";
import {
  SelfHostedMetaflowBackend,
  type SelfHostedMetaflowBackendArgs,
  usesRoles,
} from "../../../components/metaflow/selfHostedMetaflowBackend";
import { systemPlacement } from "../../../components/core/systemPlacement";
import { collect, type Collected, type Registration, secretValue, valueOf } from "../collect";
import { deletionOrder } from "../deletionOrder";

const awsStore = (): AwsArtifactStore => {
  const uri = pulumi.output("s3://models-bucket");
  return {
    ...storeRoots(uri),
    uri,
    bucket: pulumi.output("models-bucket"),
    region: pulumi.output("eu-central-1"),
    environment: pulumi.output<Record<string, string>>({ AWS_REGION: "eu-central-1" }),
    statements: (access) => [
      {
        Effect: "Allow",
        Action: access === "read" ? ["s3:GetObject"] : ["s3:GetObject", "s3:PutObject"],
        Resource: ["arn:aws:s3:::models-bucket/*"],
      },
    ],
  };
};

const otherStore = (): AwsArtifactStore => ({
  ...awsStore(),
  endpoint: pulumi.output("https://s3.example.com"),
  credentialsSecret: pulumi.output("store-keys"),
  environment: pulumi.output<Record<string, string>>({
    AWS_REGION: "eu-central-1",
    AWS_ENDPOINT_URL_S3: "https://s3.example.com",
  }),
  statements: () => [],
});

const rds = (): DatabaseConnection => ({
  host: "db.example.com",
  port: pulumi.output(5432),
  name: "metaflow",
  user: "metaflow",
  password: { kind: "value", value: pulumi.secret("correct-horse") },
  tls: "verify-full",
  certificateAuthority: "-----BEGIN CERTIFICATE-----",
});

const external = (): DatabaseConnection => ({
  host: "postgres.internal",
  port: 6432,
  name: "flows",
  user: "flows",
  password: { kind: "kubernetes-secret", name: "flows-password" },
  tls: "require",
});

interface Made {
  readonly backend: SelfHostedMetaflowBackend;
  readonly cluster: KubernetesCluster;
}

function build(kind: "aws" | "existing", change: Partial<SelfHostedMetaflowBackendArgs> = {}): Made {
  const provider = new kubernetes.Provider("cluster", { kubeconfig: "{}" });
  const node = new kubernetes.core.v1.ConfigMap("nodes", {});
  const cluster: KubernetesCluster = {
    provider,
    name: pulumi.output("platform"),
    podPermissions: kind === "aws" ? "pod-identity" : "owner",
    ready: [node],
  };
  const backend = new SelfHostedMetaflowBackend("metaflow", {
    cluster,
    store: kind === "aws" ? awsStore() : otherStore(),
    database: kind === "aws" ? rds() : external(),
    systemNamespace: "metaflow",
    jobsNamespace: "metaflow-jobs",
    charts: { argoWorkflows: "0.45.2", argoEvents: "2.4.8" },
    images: { metadataService: "metadata:v2.5.1", userInterface: "ui:v1.3.14" },
    ...change,
  });
  return { backend, cluster };
}

/** Names that Kubernetes' provider would make up. */
const named = ({ name, inputs }: { name: string; inputs: Readonly<Record<string, unknown>> }) => ({
  id: `${name}-id`,
  state: { ...inputs, metadata: { name: `${name}-a1b2c3`, ...(inputs.metadata as object | undefined) } },
});

const collectBackend = (kind: "aws" | "existing", change: Partial<SelfHostedMetaflowBackendArgs> = {}) =>
  collect(() => build(kind, change), named);

function find(collected: Collected<unknown>, type: string, name: string): Registration {
  const found = collected.registrations.find((one) => one.type.endsWith(`:${type}`) && one.name === name);
  if (found === undefined) throw new Error(`no ${type} ${name}`);
  return found;
}

function inputsOf(collected: Collected<unknown>, type: string, name: string): Readonly<Record<string, unknown>> {
  const found = collected.resources.find((one) => one.type.endsWith(`:${type}`) && one.name === name);
  if (found === undefined) throw new Error(`no ${type} ${name}`);
  return found.inputs;
}

interface Container {
  readonly name: string;
  readonly image: string;
  readonly command?: readonly string[];
  readonly env: readonly { name: string; value?: string; valueFrom?: unknown }[];
  readonly envFrom?: readonly { secretRef: { name: string; optional: boolean } }[];
  readonly securityContext: Readonly<Record<string, unknown>>;
  readonly volumeMounts: readonly { name: string; mountPath: string }[];
  readonly resources: { requests: Record<string, string>; limits: Record<string, string> };
  readonly readinessProbe?: { httpGet: { path: string; port: string } };
  readonly livenessProbe?: { httpGet: { path: string; port: string } };
  readonly ports: readonly { name: string; containerPort: number }[];
}

interface Pod {
  readonly containers: readonly Container[];
  readonly initContainers?: readonly Container[];
  readonly volumes: readonly { name: string; configMap?: { name: string } }[];
  readonly nodeSelector: object;
  readonly tolerations: readonly object[];
  readonly serviceAccountName?: string;
  readonly automountServiceAccountToken?: boolean;
  readonly topologySpreadConstraints?: readonly { topologyKey: string; whenUnsatisfiable: string }[];
}

interface DeploymentSpec {
  readonly replicas: number;
  readonly selector: { matchLabels: Record<string, string> };
  readonly template: { metadata: { labels: Record<string, string> }; spec: Pod };
}

const deployments = ["metaflow-metadata", "metaflow-ui-backend", "metaflow-ui-pages"] as const;

const specOf = (collected: Collected<unknown>, name: string) =>
  inputsOf(collected, "Deployment", name).spec as DeploymentSpec;

function only(containers: readonly Container[] | undefined): Container {
  const [container, ...others] = containers ?? [];
  if (container === undefined || others.length > 0) throw new Error("not exactly one container");
  return container;
}

const variables = ({ env }: Container): Record<string, unknown> =>
  Object.fromEntries(env.map(({ name, value, valueFrom }) => [name, value ?? valueFrom]));

describe("the metadata service", () => {
  it("is migrated on every start, under a lock, by its own image, before it serves", async () => {
    const pod = specOf(await collectBackend("aws"), "metaflow-metadata").template.spec;
    const migrations = only(pod.initContainers);
    expect(migrations.image).toBe("metadata:v2.5.1");
    expect(migrations.command).toEqual(["/opt/latest/bin/python3", "-c", migrationScript, "/root/run_goose.py"]);
    expect(migrations.command).not.toContain("--only-if-empty-db");
    expect(only(pod.containers)).toMatchObject({
      image: "metadata:v2.5.1",
      command: ["/opt/latest/bin/python3", "-m", "services.metadata_service.server"],
    });
  });

  it("verifies the database's certificate, in migrations and service, each by the variable that it reads", async () => {
    const collected = await collectBackend("aws");
    const pod = specOf(collected, "metaflow-metadata").template.spec;
    for (const container of [only(pod.initContainers), only(pod.containers)]) {
      expect(variables(container)).toMatchObject({
        MF_METADATA_DB_HOST: "db.example.com",
        MF_METADATA_DB_PORT: "5432",
        MF_METADATA_DB_NAME: "metaflow",
        MF_METADATA_DB_USER: "metaflow",
        MF_METADATA_DB_SSL_MODE: "verify-full",
        MF_METADATA_DB_SSL_ROOT_CERT_PATH: "/etc/metaflow/database/ca.pem",
        MF_METADATA_DB_SSL_ROOT_CERT: "/etc/metaflow/database/ca.pem",
      });
      const mounts = container.volumeMounts.filter(({ mountPath }) => mountPath === "/etc/metaflow/database");
      const volume = pod.volumes.find(({ name }) => name === mounts[0]?.name);
      expect(volume?.configMap?.name).toBe("metaflow-database-a1b2c3");
    }
    expect(inputsOf(collected, "ConfigMap", "metaflow-database").data).toEqual({
      "ca.pem": "-----BEGIN CERTIFICATE-----",
    });
  });

  it("takes the password from a secret whose name changes with it, so that pods follow", async () => {
    const collected = await collectBackend("aws");
    const secret = inputsOf(collected, "Secret", "metaflow-database");
    expect(secretValue(secret.stringData)).toEqual({ password: "correct-horse" });
    expect(secret.metadata).toEqual({ namespace: "metaflow" });
    const pod = specOf(collected, "metaflow-metadata").template.spec;
    expect(variables(only(pod.containers)).MF_METADATA_DB_PSWD).toEqual({
      secretKeyRef: { name: "metaflow-database-a1b2c3", key: "password" },
    });
    expect(JSON.stringify(pod)).not.toContain("correct-horse");
  });

  it("uses a password that is there, and encrypts without verification where no authority is known", async () => {
    const collected = await collectBackend("existing");
    const container = only(specOf(collected, "metaflow-metadata").template.spec.containers);
    expect(variables(container)).toMatchObject({
      MF_METADATA_DB_PORT: "6432",
      MF_METADATA_DB_SSL_MODE: "require",
      MF_METADATA_DB_PSWD: { secretKeyRef: { name: "flows-password", key: "password" } },
    });
    expect(variables(container)).not.toHaveProperty("MF_METADATA_DB_SSL_ROOT_CERT");
    expect(variables(container)).not.toHaveProperty("MF_METADATA_DB_SSL_ROOT_CERT_PATH");
    expect(collected.resources.map(({ name }) => name)).not.toContain("metaflow-database");
  });

  it("survives the loss of a node, a zone and a drain", async () => {
    const collected = await collectBackend("aws");
    const spec = specOf(collected, "metaflow-metadata");
    expect(spec.replicas).toBe(2);
    expect(spec.template.spec.topologySpreadConstraints?.map(({ topologyKey }) => topologyKey)).toEqual([
      "topology.kubernetes.io/zone",
      "kubernetes.io/hostname",
    ]);
    expect(inputsOf(collected, "PodDisruptionBudget", "metaflow-metadata").spec).toEqual({
      minAvailable: 1,
      selector: spec.selector,
    });
  });

  it("is reachable from the namespaces of runs and system only", async () => {
    const collected = await collectBackend("aws");
    const { selector } = specOf(collected, "metaflow-metadata");
    const from = (namespace: string) => ({
      namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": namespace } },
    });
    expect(inputsOf(collected, "NetworkPolicy", "metaflow-metadata").spec).toEqual({
      podSelector: selector,
      policyTypes: ["Ingress"],
      ingress: [{ from: [from("metaflow-jobs"), from("metaflow")], ports: [{ port: 8080, protocol: "TCP" }] }],
    });
  });
});

describe("the web interface", () => {
  it("waits for the migrations, whose tables it puts triggers on, and for its role", async () => {
    const collected = await collectBackend("aws");
    const { backend } = collected.result;
    const goesBefore = await deletionOrder(collected.registrations);
    const association = find(collected, "PodIdentityAssociation", "metaflow-ui-association").resource;
    for (const needed of [backend.nodes.metadataService, association])
      expect(goesBefore(backend.nodes.userInterfaceBackend, needed)).toBe(true);
  });

  it("reads the store as an account of its own that may only read", async () => {
    const collected = await collectBackend("aws");
    const pod = specOf(collected, "metaflow-ui-backend").template.spec;
    expect(pod.serviceAccountName).toBe("metaflow-ui");
    expect(inputsOf(collected, "PodIdentityAssociation", "metaflow-ui-association")).toMatchObject({
      clusterName: "platform",
      namespace: "metaflow",
      serviceAccount: "metaflow-ui",
    });
    const policy = String(inputsOf(collected, "RolePolicy", "metaflow-ui-policy").policy);
    expect(policy).toContain("s3:GetObject");
    expect(policy).not.toContain("s3:PutObject");
  });

  it("serves the interface below /api and no pages, and keeps its caches within its volume", async () => {
    const pod = specOf(await collectBackend("aws"), "metaflow-ui-backend").template.spec;
    const { image, ...container } = only(pod.containers);
    const environment = variables({ image, ...container });
    expect(image).toBe("metadata:v2.5.1");
    expect(environment).toMatchObject({
      UI_ENABLED: "0",
      PATH_PREFIX: "/api",
      METAFLOW_DEFAULT_METADATA: "service",
      METAFLOW_DATASTORE_SYSROOT_S3: "s3://models-bucket/metaflow",
    });
    const limits = ["ARTIFACT", "LOG", "DAG"].map((cache) => Number(environment[`CACHE_${cache}_STORAGE_LIMIT`]));
    const cache = (pod.volumes as { name: string; emptyDir?: { sizeLimit: string } }[]).find(
      ({ name }) => name === "cache",
    );
    expect(cache?.emptyDir?.sizeLimit).toBe("4Gi");
    expect(limits.reduce((sum, limit) => sum + limit)).toBeLessThan(4 * 1024 ** 3);
  });

  it("tells the browser where a port-forward puts the backend", async () => {
    const pages = only(specOf(await collectBackend("aws"), "metaflow-ui-pages").template.spec.containers);
    expect(variables(pages).METAFLOW_SERVICE).toBe("http://127.0.0.1:8083/api");
  });

  it("is reachable by port-forward only", async () => {
    const collected = await collectBackend("aws");
    for (const name of ["metaflow-ui-backend", "metaflow-ui-pages"])
      expect(inputsOf(collected, "NetworkPolicy", name).spec).toMatchObject({ policyTypes: ["Ingress"], ingress: [] });
  });
});

describe("SelfHostedMetaflowBackend", () => {
  it("puts every pod on the system nodes with requests, a memory limit and no privileges", async () => {
    const collected = await collectBackend("aws");
    for (const name of deployments) {
      const { spec: pod } = specOf(collected, name).template;
      expect(pod.nodeSelector).toEqual(systemPlacement.nodeSelector);
      expect(pod.tolerations).toEqual(systemPlacement.tolerations);
      for (const container of [...(pod.initContainers ?? []), ...pod.containers]) {
        expect(container.securityContext).toMatchObject({
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ["ALL"] },
        });
        expect(Object.keys(container.resources.requests)).toEqual(["cpu", "memory"]);
        expect(container.resources.limits.memory).toBeDefined();
      }
      for (const { securityContext } of pod.containers) expect(securityContext.runAsNonRoot).toBe(true);
      if (pod.serviceAccountName === undefined) expect(pod.automountServiceAccountToken).toBe(false);
    }
  });

  it.each([
    ["metaflow-metadata", "metaflow-metadata", 8080, "/ping"],
    ["metaflow-ui-backend", "metaflow-ui-backend", 8083, "/api/ping"],
    ["metaflow-ui-pages", "metaflow-ui", 3000, "/"],
  ] as const)("%s is served as %s on %d, once it answers %s", async (name, service, port, probe) => {
    const collected = await collectBackend("aws");
    const spec = specOf(collected, name);
    const container = only(spec.template.spec.containers);
    expect(container.ports).toEqual([{ name: "http", containerPort: port }]);
    for (const { httpGet } of [container.readinessProbe, container.livenessProbe].flatMap((one) => one ?? []))
      expect(httpGet).toEqual({ path: probe, port: "http" });
    expect(inputsOf(collected, "Service", name)).toMatchObject({
      metadata: { name: service, namespace: "metaflow" },
      spec: { type: "ClusterIP", ports: [{ port, targetPort: "http" }], selector: spec.template.metadata.labels },
    });
    expect(spec.selector.matchLabels).toEqual(spec.template.metadata.labels);
  });

  it("makes everything its child, in its cluster", async () => {
    const collected = await collectBackend("aws");
    const { backend, cluster } = collected.result;
    const own = collected.registrations.filter(
      ({ type, name }) =>
        type.startsWith("kubernetes:") && !["nodes"].includes(name) && !name.startsWith("metaflow-argo-"),
    );
    expect(own.length).toBeGreaterThan(15);
    for (const { opts } of own) {
      expect(opts.parent).toBe(backend);
      expect((opts as pulumi.CustomResourceOptions).provider).toBe(cluster.provider);
    }
    expect(find(collected, "ArgoWorkflows", "metaflow-argo").opts.parent).toBe(backend);
    for (const role of ["metaflow-task", "metaflow-ui"])
      expect(find(collected, "ServiceAccountRole", role).opts.parent).toBe(backend);
  });

  it("tears down runs first, then services and controllers, then the system namespace, then the cluster", async () => {
    const collected = await collectBackend("aws");
    const { nodes } = collected.result.backend;
    const goesBefore = await deletionOrder(collected.registrations);
    const { workflows, events } = nodes.argoWorkflows.nodes;
    const ready = find(collected, "ConfigMap", "nodes").resource;
    for (const controller of [workflows, events]) {
      expect(goesBefore(nodes.jobsNamespace, controller)).toBe(true);
      expect(goesBefore(controller, nodes.systemNamespace)).toBe(true);
    }
    for (const deployment of [nodes.metadataService, nodes.userInterfaceBackend, nodes.userInterface])
      expect(goesBefore(deployment, nodes.systemNamespace)).toBe(true);
    expect(goesBefore(nodes.systemNamespace, ready)).toBe(true);
  });

  it("gives tasks a role that reads and writes the store", async () => {
    const collected = await collectBackend("aws");
    expect(inputsOf(collected, "PodIdentityAssociation", "metaflow-task-association")).toMatchObject({
      clusterName: "platform",
      namespace: "metaflow-jobs",
      serviceAccount: "metaflow-task",
    });
    expect(inputsOf(collected, "RolePolicy", "metaflow-task-policy").policy).toContain("s3:PutObject");
  });

  it("makes no role in an existing cluster, and hands tasks and web interface the store's secrets instead", async () => {
    const collected = await collectBackend("existing");
    expect(collected.resources.filter(({ type }) => type.startsWith("aws:"))).toEqual([]);
    const secret = inputsOf(collected, "Secret", "metaflow-task-store");
    expect(secret.metadata).toEqual({ name: "metaflow-store", namespace: "metaflow-jobs" });
    expect(secretValue(secret.stringData)).toMatchObject({ AWS_ENDPOINT_URL_S3: "https://s3.example.com" });
    const { configuration } = collected.result.backend;
    expect((await valueOf(configuration)).METAFLOW_KUBERNETES_SECRETS).toBe("metaflow-store,store-keys");
    const backend = only(specOf(collected, "metaflow-ui-backend").template.spec.containers);
    expect(backend.envFrom).toEqual([
      { secretRef: { name: "metaflow-ui-store-a1b2c3", optional: false } },
      { secretRef: { name: "store-keys", optional: true } },
    ]);
    expect(variables(backend).METAFLOW_S3_ENDPOINT_URL).toBe("https://s3.example.com");
  });

  it("lets tasks report results and manage JobSets, and nothing else", async () => {
    const collected = await collectBackend("aws");
    expect(inputsOf(collected, "Role", "metaflow-task").rules).toEqual(taskRules);
    expect(taskRules).toEqual([
      { apiGroups: ["argoproj.io"], resources: ["workflowtaskresults"], verbs: ["create", "patch"] },
      {
        apiGroups: ["jobset.x-k8s.io"],
        resources: ["jobsets"],
        verbs: ["create", "get", "list", "watch", "patch", "delete"],
      },
    ]);
    expect(inputsOf(collected, "RoleBinding", "metaflow-task")).toMatchObject({
      metadata: { namespace: "metaflow-jobs" },
      subjects: [{ kind: "ServiceAccount", name: "metaflow-task", namespace: "metaflow-jobs" }],
    });
  });

  it("lets the group of deployers deploy and stop runs and forward ports, without a way to secrets", async () => {
    const collected = await collectBackend("aws");
    expect(inputsOf(collected, "Role", "metaflow-deployer")).toMatchObject({
      metadata: { namespace: "metaflow-jobs" },
      rules: [...deployerRules, ...portForwardRules],
    });
    expect(inputsOf(collected, "Role", "metaflow-port-forward")).toMatchObject({
      metadata: { namespace: "metaflow" },
      rules: portForwardRules,
    });
    for (const name of ["metaflow-deployer", "metaflow-port-forward"])
      expect(inputsOf(collected, "RoleBinding", name).subjects).toEqual([
        { kind: "Group", name: deployersGroup, apiGroup: "rbac.authorization.k8s.io" },
      ]);
    for (const { resources, verbs } of [...deployerRules, ...portForwardRules] as {
      resources: string[];
      verbs: string[];
    }[]) {
      expect(resources).not.toContain("secrets");
      expect([...resources, ...verbs]).not.toContain("*");
    }
  });

  it("grants no wildcard, and nothing cluster-wide", async () => {
    const collected = await collectBackend("aws");
    const types = collected.resources.map(({ type }) => type);
    expect(types.filter((type) => type.includes("ClusterRole"))).toEqual([]);
    for (const { inputs } of collected.resources.filter(
      ({ type }) => type.endsWith(":Role") && type.startsWith("kubernetes:"),
    ))
      expect(JSON.stringify(inputs.rules)).not.toContain('"*"');
  });

  it("tells the driver where runs go", async () => {
    const { result } = await collectBackend("aws");
    expect(await valueOf(result.backend.orchestrator)).toEqual({
      kind: "argo-workflows",
      namespace: "metaflow-jobs",
      serviceAccount: "metaflow-task",
    });
    expect(await valueOf(result.backend.uiUrl)).toBe("http://127.0.0.1:3000");
  });

  it("keeps configuration public and the environment, which may hold credentials, secret", async () => {
    const { result } = await collectBackend("existing");
    expect(await pulumi.isSecret(result.backend.configuration)).toBe(false);
    expect(await pulumi.isSecret(result.backend.environment)).toBe(true);
    expect(await valueOf(result.backend.environment)).toMatchObject({
      METAFLOW_DEFAULT_METADATA: "service",
      AWS_REGION: "eu-central-1",
    });
  });

  it("lets transforms change deployments and charts", async () => {
    const collected = await collectBackend("aws", {
      transform: {
        metadataService: (args) => ({ args: { ...args, spec: { ...(args.spec as object), replicas: 3 } as never } }),
        argoWorkflows: { events: { timeout: 900 } },
      },
    });
    expect(specOf(collected, "metaflow-metadata").replicas).toBe(3);
    expect(specOf(collected, "metaflow-ui-pages").replicas).toBe(1);
    expect(inputsOf(collected, "Release", "metaflow-argo-argo-events").timeout).toBe(900);
  });

  it("refuses all that is wrong with its arguments at once, before it registers anything", async () => {
    const { result, registrations } = await collect(() => {
      try {
        return build("aws", {
          systemNamespace: "kube-system",
          jobsNamespace: "kube-system",
          charts: { argoWorkflows: "0.42.0", argoEvents: "2.4.8" },
        });
      } catch (error) {
        return error;
      }
    });
    const message = String(result);
    for (const part of ["systemNamespace: got", "jobsNamespace: got", "charts.argoWorkflows: got"])
      expect(message).toContain(part);
    expect(registrations.map(({ name }) => name).sort()).toEqual(["cluster", "nodes"]);
  });
});

describe("selfHostedMetaflowBackendArgumentErrors", () => {
  it.each([
    ["metaflow", "metaflow-jobs", []],
    ["metaflow", "default", ["jobsNamespace"]],
    ["kube-public", "jobs", ["systemNamespace"]],
    ["one", "one", ["jobsNamespace"]],
  ])("%s and %s: %j", (system, jobs, paths) => {
    const charts = { argoWorkflows: "0.45.2", argoEvents: "2.4.8" };
    const errors = selfHostedMetaflowBackendArgumentErrors({ systemNamespace: system, jobsNamespace: jobs, charts });
    expect(errors.map(({ propertyPath }) => propertyPath)).toEqual(paths);
  });
});

describe("usesRoles", () => {
  const statement = { Effect: "Allow", Action: ["s3:GetObject"], Resource: ["*"] } as const;
  it.each([
    ["an AWS store by Pod Identity", "pod-identity", undefined, [statement], true],
    ["a store with keys of its own", "pod-identity", "keys", [statement], false],
    ["a store that is not AWS's", "pod-identity", undefined, [], false],
    ["a cluster without Pod Identity", "owner", undefined, [statement], false],
  ] as const)("%s", (_, podPermissions, credentialsSecret, statements, expected) => {
    const store = {
      statements: () => [...statements],
      ...(credentialsSecret === undefined ? {} : { credentialsSecret: pulumi.output(credentialsSecret) }),
    };
    expect(usesRoles({ podPermissions }, store)).toBe(expected);
  });
});

describe("selfHostedConfiguration", () => {
  const configuration = selfHostedConfiguration({
    datastoreRoot: "s3://b/metaflow",
    namespaces: { system: "metaflow", jobs: "metaflow-jobs" },
    taskSecrets: [],
  });

  it("is all that a client needs", () => {
    expect(configuration).toEqual({
      METAFLOW_DEFAULT_DATASTORE: "s3",
      METAFLOW_DATASTORE_SYSROOT_S3: "s3://b/metaflow",
      METAFLOW_DATATOOLS_S3ROOT: "s3://b/metaflow/data",
      METAFLOW_DEFAULT_METADATA: "service",
      METAFLOW_SERVICE_URL: "http://127.0.0.1:8080",
      METAFLOW_SERVICE_INTERNAL_URL: "http://metaflow-metadata.metaflow.svc:8080",
      METAFLOW_UI_URL: "http://127.0.0.1:3000",
      METAFLOW_KUBERNETES_NAMESPACE: "metaflow-jobs",
      METAFLOW_KUBERNETES_SERVICE_ACCOUNT: "metaflow-task",
      METAFLOW_ARGO_WORKFLOWS_UI_URL: "http://127.0.0.1:2746",
      METAFLOW_ARGO_EVENTS_EVENT_BUS: "default",
      METAFLOW_ARGO_EVENTS_EVENT_SOURCE: "argo-events-webhook",
      METAFLOW_ARGO_EVENTS_EVENT: "metaflow-event",
      METAFLOW_ARGO_EVENTS_SERVICE_ACCOUNT: "metaflow-sensor",
      METAFLOW_ARGO_EVENTS_WEBHOOK_URL: "http://127.0.0.1:12000/metaflow-event",
      METAFLOW_ARGO_EVENTS_INTERNAL_WEBHOOK_URL:
        "http://argo-events-webhook-eventsource-svc.metaflow-jobs.svc:12000/metaflow-event",
    });
  });

  it("forwards every address that it gives to a person, each on a port of its own", () => {
    const forwards = portForwards({ system: "metaflow", jobs: "metaflow-jobs" });
    const forwarded = forwards.map(({ localPort }) => localPort);
    expect(new Set(forwarded).size).toBe(forwarded.length);
    const local = Object.values(configuration).flatMap(
      (value) => /^http:\/\/127\.0\.0\.1:(\d+)/.exec(value)?.[1] ?? [],
    );
    expect(local.length).toBeGreaterThan(3);
    for (const port of local) expect(forwarded).toContain(Number(port));
    // The pages of the web interface ask its backend, which no setting names.
    expect(forwarded).toContain(8083);
  });

  it("forwards to services that there are", async () => {
    const collected = await collectBackend("aws");
    const services = collected.resources
      .filter(({ type }) => type.endsWith(":Service"))
      .map(({ inputs }) => inputs.metadata as { name: string; namespace: string });
    const forwards = await valueOf(collected.result.backend.portForwards);
    const own = forwards.filter(({ service }) => service.startsWith("metaflow-"));
    expect(own).toHaveLength(3);
    for (const { service, namespace } of own)
      expect(services).toContainEqual(expect.objectContaining({ name: service, namespace }));
  });

  it("names the address of a store that is not AWS", () => {
    const other = selfHostedConfiguration({
      datastoreRoot: "s3://b/metaflow",
      endpoint: "https://s3.example.com",
      namespaces: { system: "metaflow", jobs: "metaflow-jobs" },
      taskSecrets: ["a", "b"],
    });
    expect(other).toMatchObject({
      METAFLOW_S3_ENDPOINT_URL: "https://s3.example.com",
      METAFLOW_KUBERNETES_SECRETS: "a,b",
    });
  });
});

describe("migrationScript", () => {
  let directory: string;
  beforeEach(() => {
    directory = fs.mkdtempSync(path.join(os.tmpdir(), "migrations-"));
    const write = (name: string, text: string) => {
      fs.mkdirSync(path.dirname(path.join(directory, name)), { recursive: true });
      fs.writeFileSync(path.join(directory, name), text);
    };
    // A database whose lock somebody else holds at the first two attempts.
    write(
      "psycopg2.py",
      `import time
time.sleep = lambda seconds: None
class Cursor:
    attempts = 0
    def execute(self, statement):
        assert "pg_try_advisory_lock" in statement, statement
    def fetchone(self):
        Cursor.attempts += 1
        return [Cursor.attempts > 2]
class Connection:
    autocommit = False
    def cursor(self):
        assert self.autocommit, "a transaction would stay open"
        return Cursor()
def connect(dsn):
    assert dsn == "the connection string", dsn
    return Connection()
`,
    );
    write("services/__init__.py", "");
    write(
      "services/utils.py",
      'class DBConfiguration:\n    def get_dsn(self):\n        return "the connection string"\n',
    );
  });
  afterEach(() => {
    fs.rmSync(directory, { recursive: true, force: true });
  });

  function run(migrations: string): Promise<{ status: number | null; output: string }> {
    const program = path.join(directory, "migrations.py");
    fs.writeFileSync(program, migrations);
    // The one that bootstrap has made; a machine may have no other.
    const own = path.join(__dirname, "..", "..", "..", ".posttraining", "python", "train", "bin", "python");
    const python = fs.existsSync(own) ? own : "python3";
    return new Promise((resolve, reject) => {
      const child = spawn(python, ["-c", migrationScript, program], {
        cwd: directory,
        env: { PATH: process.env.PATH, PYTHONPATH: directory },
      });
      child.once("error", reject);
      let output = "";
      for (const stream of [child.stdout, child.stderr])
        stream.setEncoding("utf8").on("data", (text: string) => (output += text));
      child.once("close", (status) => {
        resolve({ status, output });
      });
    });
  }

  it("polls for the lock, then migrates", async () => {
    const { status, output } = await run('print("migrated")');
    expect({ status, waited: output.match(/waiting for it/g)?.length }).toEqual({ status: 0, waited: 2 });
    expect(output.trimEnd()).toMatch(/migrated$/);
  });

  it("fails with the migrations, so that the service does not start on old tables", async () => {
    expect((await run("import sys\nsys.exit(3)")).status).toBe(3);
  });
});
