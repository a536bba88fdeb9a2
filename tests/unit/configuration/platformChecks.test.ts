import { readFileSync } from "node:fs";
import * as path from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { ConfigurationError } from "../../../validation/configurationError";
import { parsePlatform } from "../../../configuration/platformChecks";
import { existing, onAws } from "./platforms";

function refusalOf(document: unknown): string {
  try {
    parsePlatform(document);
  } catch (error) {
    if (error instanceof ConfigurationError) return error.message;
    throw error;
  }
  throw new Error("the configuration was accepted");
}

describe("the configuration of a platform", () => {
  it("is private, protected and small unless it says otherwise", () => {
    const { ephemeral, compute, store, backend } = parsePlatform(onAws);
    if (compute.kind !== "aws" || backend.kind !== "self-hosted") throw new Error("wrong kind");
    expect(ephemeral).toBe(false);
    expect(compute.cluster.endpoint).toEqual({ kind: "private" });
    expect(compute.network).toMatchObject({ kind: "managed", natGateways: "one", interfaceEndpoints: "one-zone" });
    expect(store.kind).toBe("managed");
    expect(backend.database).toMatchObject({ kind: "rds", multiZone: false });
  });

  it("of the committed stack is valid", () => {
    const file = path.join(__dirname, "..", "..", "..", "stacks", "Pulumi.platform.yaml");
    const { config } = parse(readFileSync(file, "utf8")) as { config: Record<string, unknown> };
    expect(parsePlatform(config["posttraining:stack"]).kind).toBe("platform");
  });

  it("takes an existing cluster with a bucket and a database that are there", () => {
    expect(parsePlatform(existing).compute).toEqual({ kind: "existing", context: "lab" });
  });

  it("names every wrong field at once", () => {
    const text = refusalOf({
      ...onAws,
      owner: "two words",
      compute: {
        ...onAws.compute,
        region: "us-esat-1",
        accountId: "123",
        network: { kind: "managed", natGateways: "two" },
        cluster: { administrators: [], version: "1" },
      },
      backend: { kind: "self-hosted", charts: { argoWorkflows: "latest" } },
    });
    expect(text).toContain('owner: got "two words"');
    expect(text).toMatch(/compute\.region: got "us-esat-1"; allowed: us-east-1.*did you mean us-east-1\?/);
    expect(text).toContain('compute.accountId: got "123"');
    expect(text).toContain('compute.network.natGateways: got "two"; allowed: one, per-zone');
    expect(text).toContain("compute.cluster.administrators");
    expect(text).toContain('compute.cluster.version: got "1"; must be a version of EKS such as "1.35"');
    expect(text).toContain('backend.charts.argoWorkflows: got "latest"; must be a version such as "0.45.2"');
  });

  it("refuses an existing cluster together with settings for a new one", () => {
    const text = refusalOf({ ...existing, compute: { kind: "existing", context: "lab", region: "us-east-1" } });
    expect(text).toContain('compute.region: belongs to compute of kind "aws", and kind is "existing"');
  });

  it("refuses parts that only AWS can hold beside an existing cluster, all at once", () => {
    const text = refusalOf({
      ...existing,
      store: { kind: "managed" },
      backend: { kind: "self-hosted" },
      observability: { budget: { usdPerMonth: 100, emails: ["team@example.com"] } },
    });
    expect(text).toContain("store.kind: ");
    expect(text).toContain("backend.database.kind: ");
    expect(text).toContain("observability.budget: ");
  });

  it("refuses what cannot work together before anything is made: addresses, zones, node type, namespaces, charts, teams", () => {
    const text = refusalOf({
      ...onAws,
      compute: {
        ...onAws.compute,
        network: { kind: "managed", cidr: "10.0.0.0/20", availabilityZones: ["us-east-1a", "eu-west-1a"] },
        cluster: {
          ...onAws.compute.cluster,
          endpoint: { kind: "public", allowedCidrs: ["0.0.0.0/0"] },
          systemNodes: { instanceType: "p5.48xlarge" },
        },
      },
      backend: { kind: "self-hosted", jobsNamespace: "default", charts: { argoWorkflows: "1.0.18" } },
      addons: {
        charts: { jobSet: "0.5.2" },
        teams: [
          { name: "a", gpus: 8 },
          { name: "a", gpus: 8 },
        ],
      },
      observability: { charts: { kubePrometheusStack: "1.0" } },
    });
    const paths = [...text.matchAll(/^ {2}- ([\w.[\]]+):/gm)].map((match) => match[1]);
    for (const path of [
      "compute.network.cidr",
      "compute.network.availabilityZones[1]",
      "compute.cluster.endpoint.allowedCidrs[0]",
      "compute.cluster.systemNodes.instanceType",
      "backend.jobsNamespace",
      "backend.charts.argoWorkflows",
      "addons.charts.jobSet",
      "addons.teams[1].name",
      "observability.charts.kubePrometheusStack",
    ])
      expect(paths).toContain(path);
  });

  it("names in one message what is misspelt and what is too small or does not work together", () => {
    const text = refusalOf({
      ...onAws,
      compute: {
        ...onAws.compute,
        region: "us-esat-1",
        network: { kind: "managed", cidr: "10.0.0.0/22" },
        cluster: { ...onAws.compute.cluster, systemNodes: { instanceType: "q9.large" } },
      },
      backend: { kind: "self-hosted", charts: { argoWorkflows: "1.0.18" } },
    });
    for (const path of [
      "compute.region",
      "compute.network.cidr",
      "compute.cluster.systemNodes.instanceType",
      "backend.charts.argoWorkflows",
    ])
      expect(text).toContain(`  - ${path}: `);
  });

  it("refuses a system node of an unknown family", () => {
    const cluster = { ...onAws.compute.cluster, systemNodes: { instanceType: "q9.large" } };
    expect(refusalOf({ ...onAws, compute: { ...onAws.compute, cluster } })).toContain(
      "compute.cluster.systemNodes.instanceType",
    );
  });

  it("refuses a misspelt key with the one that was meant", () => {
    expect(refusalOf({ ...onAws, observabilty: {} })).toContain(
      "observabilty: is not a known key; did you mean observability?",
    );
  });
});
