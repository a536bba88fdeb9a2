import type { AwsCompute, PlatformConfiguration } from "../configuration/platform";
import { standardSupportUntil } from "../catalog/kubernetesVersions";
import { type Region, zonesOf } from "../catalog/regions";
import { newestPricesDate, quote } from "./platformPrices";

/** One line of the bill. */
export interface CostItem {
  readonly item: string;
  /** USD a month, rounded to cents. */
  readonly usdPerMonth: number;
  /** How it comes about, for example "2 x t3.large at $0.0832 an hour". */
  readonly basis: string;
}

export interface PlatformCost {
  readonly items: readonly CostItem[];
  /** Sum of the items, USD a month. */
  readonly usdPerMonth: number;
  /** Parts that cost something which no source gives a price for; the sum is without them. */
  readonly unknown: readonly { readonly item: string; readonly basis: string }[];
  /** What is billed by use, and so not here. */
  readonly notCounted: readonly string[];
  /** Region of the prices; "none" where nothing is made on AWS. */
  readonly region: Region | "none";
  /** Day on which the oldest of the prices held. */
  readonly pricesDate: string;
}

/** Hours of a month as AWS's own calculator counts them. */
export const hoursPerMonth = 730;

/** How much of each thing the components make, where the configuration does not say; a test holds it to the program. */
export const platformParts = {
  /** Interface endpoints in each zone that has them: ECR (two), STS, EC2, Logs. */
  interfaceEndpoints: 5,
  /** Root volume of each system node, GiB. */
  systemNodeDiskGib: 50,
  /** Volume of Prometheus, GiB; an ephemeral platform has it on a node's disk. */
  metricsGib: 30,
} as const;

/**
 * Logs of a platform on which nothing happens, GB a month: the control plane's, and connections that the network refused. An assumption:
 * a few hundred megabytes a day are reported for a quiet cluster with all five log types; it was not measured.
 */
export const idleLogsGb = 10;

/** Collects the lines of the bill. */
class Bill {
  readonly items: CostItem[] = [];
  readonly unknown: { item: string; basis: string }[] = [];
  private readonly dates: string[] = [];

  constructor(private readonly region: Region) {}

  /**
   * @param count units of `what` that a month takes, for example hours
   * @param basis tells the count; the price is added to it
   */
  add(item: string, what: string, count: number, basis: (price: string) => string): void {
    if (count === 0) return;
    const { usd, date } = quote(this.region, what);
    if (usd === "unknown") {
      this.unknown.push({ item, basis: basis("$?") });
      return;
    }
    this.items.push({ item, usdPerMonth: cents(count * usd), basis: basis(dollars(usd)) });
    this.dates.push(date);
  }

  /** Day of the oldest price. */
  get date(): string {
    return this.dates.reduce((one, other) => (one < other ? one : other), newestPricesDate);
  }
}

/** A price with all of its digits, and at least two after the point. */
const dollars = (usd: number): string => (Number.isInteger(usd * 100) ? `$${usd.toFixed(2)}` : `$${usd}`);

const cents = (usd: number): number => Math.round(usd * 100) / 100;

/** What a platform costs a month while nothing runs on it. A pure function of its configuration: no account is asked. */
export function platformCost(configuration: PlatformConfiguration): PlatformCost {
  const { compute } = configuration;
  if (compute.kind === "existing") {
    // Everything else on AWS needs compute of kind aws (configuration/platformChecks.ts).
    return { items: [], usdPerMonth: 0, unknown: [], notCounted: [], region: "none", pricesDate: newestPricesDate };
  }
  const bill = new Bill(compute.region);
  addCluster(bill, compute);
  addNetwork(bill, compute);
  addDatabase(bill, configuration);
  addKeysAndLogs(bill, configuration);
  return {
    items: bill.items,
    usdPerMonth: cents(bill.items.reduce((sum, { usdPerMonth }) => sum + usdPerMonth, 0)),
    unknown: bill.unknown,
    notCounted: notCounted(configuration, compute),
    region: compute.region,
    pricesDate: bill.date,
  };
}

/** Zones of the network that the platform makes. */
function zones({ region, network }: AwsCompute): number {
  return network.kind === "existing" ? 0 : (network.availabilityZones ?? zonesOf(region)).length;
}

function addCluster(bill: Bill, { cluster }: AwsCompute): void {
  const until = standardSupportUntil(cluster.version);
  const support = until === undefined ? "" : `; in standard support until ${until}, when EKS upgrades it by itself`;
  bill.add(
    "EKS control plane",
    "control-plane",
    hoursPerMonth,
    (price) => `Kubernetes ${cluster.version} at ${price} an hour${support}`,
  );
  const { count, instanceType } = cluster.systemNodes;
  bill.add(
    "System nodes",
    instanceType,
    count * hoursPerMonth,
    (price) => `${count} x ${instanceType} at ${price} an hour`,
  );
  const disk = platformParts.systemNodeDiskGib;
  bill.add(
    "Disks of the system nodes",
    "volume",
    count * disk,
    (price) => `${count} x ${disk} GiB of gp3 at ${price} a GiB`,
  );
}

function addNetwork(bill: Bill, compute: AwsCompute): void {
  const { network } = compute;
  if (network.kind === "existing") return;
  const gateways = network.natGateways === "one" ? 1 : zones(compute);
  bill.add("NAT gateways", "nat-gateway", gateways * hoursPerMonth, (price) => `${gateways} at ${price} an hour`);
  bill.add(
    "Public addresses",
    "public-address",
    gateways * hoursPerMonth,
    (price) => `${gateways} of the NAT gateways at ${price} an hour`,
  );
  const endpointZones = { none: 0, "one-zone": 1, "per-zone": zones(compute) }[network.interfaceEndpoints];
  const endpoints = platformParts.interfaceEndpoints;
  bill.add(
    "Interface endpoints",
    "interface-endpoint",
    endpoints * endpointZones * hoursPerMonth,
    (price) => `${endpoints} in ${endpointZones} of ${zones(compute)} zones at ${price} an hour`,
  );
}

function addDatabase(bill: Bill, { backend }: PlatformConfiguration): void {
  if (backend.kind !== "self-hosted" || backend.database.kind !== "rds") return;
  const { instanceClass, storageGib, multiZone } = backend.database;
  const instances = multiZone ? 2 : 1;
  bill.add(
    "Database",
    instanceClass,
    instances * hoursPerMonth,
    (price) => `${instances} x ${instanceClass}, PostgreSQL, at ${price} an hour`,
  );
  bill.add(
    "Database storage",
    "database-storage",
    instances * storageGib,
    (price) => `${instances} x ${storageGib} GiB of gp3 at ${price} a GiB; as much backup is free`,
  );
  bill.add("Database password", "secret", 1, (price) => `1 secret at ${price}`);
}

function addKeysAndLogs(bill: Bill, { store, backend, observability, ephemeral }: PlatformConfiguration): void {
  const hasDatabase = backend.kind === "self-hosted" && backend.database.kind === "rds";
  const keys = ["cluster", ...(store.kind === "managed" ? ["store"] : []), ...(hasDatabase ? ["database"] : [])];
  bill.add("Encryption keys", "key", keys.length, (price) => `${keys.length} at ${price}: ${keys.join(", ")}`);
  const metrics = ephemeral || observability.prometheus.kind === "existing" ? 0 : platformParts.metricsGib;
  bill.add("Disk of metrics", "volume", metrics, (price) => `${metrics} GiB of gp3 at ${price} a GiB`);
  bill.add(
    "Logs",
    "log-ingestion",
    idleLogsGb,
    (price) => `${idleLogsGb} GB at ${price} a GB; an assumption, it grows with use`,
  );
}

function notCounted({ store }: PlatformConfiguration, { region, network }: AwsCompute): string[] {
  const perUnit = (what: string, unit: string): string => {
    const { usd } = quote(region, what);
    return `${usd === "unknown" ? "$?" : dollars(usd)} ${unit}`;
  };
  return [
    "GPU nodes: none run in this stack",
    ...(store.kind === "managed" ? [`what the store holds: ${perUnit("object-storage", "a GiB and month")}`] : []),
    ...(network.kind === "managed" ? [`traffic through NAT gateways: ${perUnit("nat-traffic", "a GB")}`] : []),
  ];
}
