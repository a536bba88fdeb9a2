import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { PlatformConfiguration } from "../../../configuration/platform";
import { parsePlatform } from "../../../configuration/platformChecks";
import { readStackFile } from "../../../configuration/stackFile";
import { idleLogsGb, platformCost } from "../../../pricing/platformCost";
import { newestPricesDate } from "../../../pricing/platformPrices";
import { regionNames, zonesOf } from "../../../catalog/regions";

type Document = Record<string, unknown>;

const administrators = ["arn:aws:iam::111122223333:role/platform-administrator"];

/** A platform on AWS as short as it can be written, with parts of `compute` and of the document laid over it. */
function platform(compute: Document = {}, document: Document = {}): PlatformConfiguration {
  return parsePlatform({
    kind: "platform",
    owner: "ml-platform",
    compute: { kind: "aws", region: "us-east-1", cluster: { administrators }, ...compute },
    backend: { kind: "self-hosted" },
    ...document,
  });
}

const outerbounds = {
  backend: {
    kind: "outerbounds",
    domain: "acme.obp.outerbounds.com",
    servicePrincipal: { name: "pulumi" },
    computePools: ["gpu"],
  },
};
const existingNetwork = {
  kind: "existing",
  vpcId: "vpc-0123456789abcdef0",
  privateSubnetIds: ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"],
};

/** USD a month of one item; undefined if the platform does not have it. */
const costOf = (configuration: PlatformConfiguration, item: string): number | undefined =>
  platformCost(configuration).items.find((line) => line.item === item)?.usdPerMonth;

describe("the default platform in us-east-1", () => {
  it("costs exactly this, item by item", () => {
    const { items, usdPerMonth, unknown } = platformCost(platform());
    expect(items.map(({ item, usdPerMonth: usd }) => [item, usd])).toEqual([
      ["EKS control plane", 73],
      ["System nodes", 121.47],
      ["Disks of the system nodes", 8],
      ["NAT gateways", 32.85],
      ["Public addresses", 3.65],
      ["Interface endpoints", 36.5],
      ["Database", 11.68],
      ["Database storage", 2.3],
      ["Database password", 0.4],
      ["Encryption keys", 3],
      ["Disk of metrics", 2.4],
      ["Logs", 5],
    ]);
    expect(usdPerMonth).toBe(300.25);
    expect(unknown).toEqual([]);
  });

  it("stays under 320 USD a month, as the committed stack does", () => {
    expect(platformCost(platform()).usdPerMonth).toBeLessThan(320);
    expect(platformCost(parsePlatform(readStackFile("platform"))).usdPerMonth).toBeLessThan(320);
  });

  it("says how each item comes about, and since when its prices are known", () => {
    const { items, pricesDate, region } = platformCost(platform());
    expect(items.find(({ item }) => item === "System nodes")?.basis).toBe("2 x t3.large at $0.0832 an hour");
    expect(items.find(({ item }) => item === "Interface endpoints")?.basis).toBe("5 in 1 of 3 zones at $0.01 an hour");
    expect({ pricesDate, region }).toEqual({ pricesDate: "2026-07-20", region: "us-east-1" });
  });
});

describe("what the configuration changes", () => {
  it("a NAT gateway in each zone costs one per zone, its address too", () => {
    const network = { kind: "managed", natGateways: "per-zone" };
    expect(costOf(platform({ network }), "NAT gateways")).toBe(98.55);
    expect(costOf(platform({ network }), "Public addresses")).toBe(10.95);
    const twoZones = { ...network, availabilityZones: ["us-east-1a", "us-east-1b"] };
    expect(costOf(platform({ network: twoZones }), "NAT gateways")).toBe(65.7);
  });

  it("interface endpoints cost per zone that has them", () => {
    const endpoints = (where: string): number | undefined =>
      costOf(platform({ network: { kind: "managed", interfaceEndpoints: where } }), "Interface endpoints");
    expect(endpoints("per-zone")).toBe(109.5);
    expect(endpoints("one-zone")).toBe(36.5);
    expect(endpoints("none")).toBeUndefined();
  });

  it("interface endpoints are counted in the zones that a region has", () => {
    const perZone = { kind: "managed", interfaceEndpoints: "per-zone" };
    const basis = platformCost(platform({ region: "us-west-1", network: perZone })).items.find(
      ({ item }) => item === "Interface endpoints",
    )?.basis;
    expect(zonesOf("us-west-1")).toHaveLength(2);
    expect(basis).toContain("5 in 2 of 2 zones");
  });

  it("a standby of the database is billed like the database, storage included", () => {
    const database = { kind: "rds", multiZone: true, storageGib: 100, instanceClass: "db.m7g.large" };
    const configuration = platform({}, { backend: { kind: "self-hosted", database } });
    expect(costOf(configuration, "Database")).toBe(245.28);
    expect(costOf(configuration, "Database storage")).toBe(23);
  });

  it("more and other system nodes cost what they cost, and so do their disks", () => {
    const configuration = platform({
      cluster: { administrators, systemNodes: { instanceType: "m6i.xlarge", count: 3 } },
    });
    expect(costOf(configuration, "System nodes")).toBe(420.48);
    expect(costOf(configuration, "Disks of the system nodes")).toBe(12);
  });

  it("a Kubernetes version is shown with the end of its standard support, if that is known", () => {
    const basis = (version: string): string | undefined =>
      platformCost(platform({ cluster: { administrators, version } })).items[0]?.basis;
    expect(basis("1.35")).toBe(
      "Kubernetes 1.35 at $0.10 an hour; in standard support until 2027-03-27, when EKS upgrades it by itself",
    );
    expect(basis("1.37")).toBe("Kubernetes 1.37 at $0.10 an hour");
  });

  it("an ephemeral platform has its metrics on a node's disk", () => {
    expect(costOf(platform({}, { ephemeral: true }), "Disk of metrics")).toBeUndefined();
    expect(costOf(platform(), "Disk of metrics")).toBe(2.4);
  });

  it("a Prometheus that was there has no disk of this platform", () => {
    const observability = { prometheus: { kind: "existing" } };
    expect(costOf(platform({}, { observability }), "Disk of metrics")).toBeUndefined();
  });
});

describe("what was there before the platform", () => {
  it("a network costs nothing here", () => {
    const items = platformCost(platform({ network: existingNetwork })).items.map(({ item }) => item);
    expect(items).toContain("EKS control plane");
    for (const part of ["NAT gateways", "Public addresses", "Interface endpoints"]) expect(items).not.toContain(part);
  });

  it("a database elsewhere, and Outerbounds, cost nothing here", () => {
    const external = { kind: "external", host: "db.example.com", passwordSecret: "metaflow-db" };
    for (const document of [{ backend: { kind: "self-hosted", database: external } }, outerbounds]) {
      const items = platformCost(platform({}, document)).items.map(({ item }) => item);
      for (const part of ["Database", "Database storage", "Database password"]) expect(items).not.toContain(part);
    }
  });

  it("a bucket needs no key of the platform's own", () => {
    const store = { kind: "existing", bucket: "acme-models", region: "us-east-1" };
    expect(costOf(platform({}, { store }), "Encryption keys")).toBe(2);
    expect(platformCost(platform({}, { store })).notCounted.join()).not.toContain("what the store holds");
  });

  it("a cluster leaves nothing to pay for", () => {
    const configuration = parsePlatform({
      kind: "platform",
      owner: "ml-platform",
      compute: { kind: "existing", context: "team" },
      store: { kind: "existing", bucket: "acme-models", region: "us-east-1" },
      ...outerbounds,
    });
    const cost = platformCost(configuration);
    expect(cost).toMatchObject({ items: [], usdPerMonth: 0, unknown: [], region: "none" });
  });
});

describe("a price that no source gives", () => {
  const configuration = platform({
    region: "eu-south-2",
    cluster: { administrators, systemNodes: { instanceType: "m5.4xlarge" } },
  });

  it("is named, and not in the sum", () => {
    const cost = platformCost(configuration);
    expect(cost.unknown).toEqual([
      { item: "System nodes", basis: "2 x m5.4xlarge at $? an hour" },
      {
        item: "Logs",
        basis: `${idleLogsGb} GB at $? a GB; an assumption, it grows with use`,
      },
    ]);
    expect(cost.items.map(({ item }) => item)).not.toContain("System nodes");
    expect(cost.notCounted).toContain("what the store holds: $? a GiB and month");
  });
});

/** Platforms on AWS: every choice that has a price, in every region. */
const platforms = fc
  .record({
    region: fc.constantFrom(...regionNames),
    natGateways: fc.constantFrom("one", "per-zone"),
    interfaceEndpoints: fc.constantFrom("none", "one-zone", "per-zone"),
    instanceType: fc.constantFrom("t3.large", "m6i.xlarge", "m5.4xlarge"),
    count: fc.integer({ min: 2, max: 9 }),
    multiZone: fc.boolean(),
    storageGib: fc.integer({ min: 20, max: 16384 }),
  })
  .map((choice) => ({
    choice,
    configuration: platform(
      {
        region: choice.region,
        network: { kind: "managed", natGateways: choice.natGateways, interfaceEndpoints: choice.interfaceEndpoints },
        cluster: { administrators, systemNodes: { instanceType: choice.instanceType, count: choice.count } },
      },
      {
        backend: {
          kind: "self-hosted",
          database: { kind: "rds", multiZone: choice.multiZone, storageGib: choice.storageGib },
        },
      },
    ),
  }));

describe("every platform", () => {
  it("has a sum of its items, to the cent, and no item for nothing", () => {
    fc.assert(
      fc.property(platforms, ({ configuration }) => {
        const { items, usdPerMonth } = platformCost(configuration);
        expect(Math.round(items.reduce((sum, line) => sum + line.usdPerMonth * 100, 0))).toBe(
          Math.round(usdPerMonth * 100),
        );
        for (const line of items) expect(line.usdPerMonth).toBeGreaterThan(0);
      }),
    );
  });

  it("names each part once, priced or not", () => {
    fc.assert(
      fc.property(platforms, ({ configuration, choice }) => {
        const { items, unknown } = platformCost(configuration);
        const names = [...items, ...unknown].map(({ item }) => item);
        expect(new Set(names).size).toBe(names.length);
        expect(names).toHaveLength(choice.interfaceEndpoints === "none" ? 11 : 12);
      }),
    );
  });

  it("costs more with a NAT gateway per zone, and more with another system node", () => {
    fc.assert(
      fc.property(platforms, ({ choice: { region } }) => {
        const cost = (compute: Document): number => platformCost(platform({ region, ...compute })).usdPerMonth;
        const systemNodes = { count: 3 };
        expect(cost({ network: { kind: "managed", natGateways: "per-zone" } })).toBeGreaterThan(cost({}));
        expect(cost({ cluster: { administrators, systemNodes } })).toBeGreaterThan(cost({}));
      }),
    );
  });

  it("is dated by its oldest price", () => {
    expect(platformCost(platform({ region: "eu-west-1" })).pricesDate).toBe("2025-05-28");
    fc.assert(
      fc.property(platforms, ({ configuration }) => {
        expect(platformCost(configuration).pricesDate <= newestPricesDate).toBe(true);
      }),
    );
  });
});
