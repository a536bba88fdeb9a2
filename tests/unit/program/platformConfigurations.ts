import type { WrongConfiguration } from "./localConfigurations";

/** Configurations of platforms that are wrong, each with what its refusal must say: a piece of the reason by the field's path. */

type Tree = Readonly<Record<string, unknown>>;

const onAws = {
  kind: "platform",
  owner: "ml-platform",
  compute: {
    kind: "aws",
    region: "us-east-1",
    cluster: { administrators: ["arn:aws:iam::111122223333:role/administrator"] },
  },
  backend: { kind: "self-hosted" },
};

const existing = {
  kind: "platform",
  owner: "ml-platform",
  compute: { kind: "existing", context: "lab" },
  store: { kind: "existing", bucket: "team-models", region: "us-east-1" },
  backend: {
    kind: "self-hosted",
    database: { kind: "external", host: "postgres.lab", passwordSecret: "metaflow-database" },
  },
};

const outerbounds = {
  ...onAws,
  backend: {
    kind: "outerbounds",
    domain: "acme.obp.outerbounds.com",
    servicePrincipal: { name: "post-training" },
    computePools: ["h100"],
  },
};

/** The document with one value changed, by its path. */
function changed(document: Tree, path: string, value: unknown): Tree {
  const [key = "", ...rest] = path.split(".");
  if (rest.length === 0) return { ...document, [key]: value };
  return { ...document, [key]: changed((document[key] ?? {}) as Tree, rest.join("."), value) };
}

const wrong = (document: Tree, path: string, value: unknown, text: string, field = path): WrongConfiguration => ({
  title: `${path}: ${JSON.stringify(value).slice(0, 60)}`,
  document: changed(document, path, value),
  expected: { [field]: text },
});

const administrators = "compute.cluster.administrators";

export const wrongPlatforms: readonly WrongConfiguration[] = [
  wrong(onAws, "owner", "", "must be letters, digits"),
  wrong(onAws, "owner", "two words", "must be letters, digits"),
  wrong(onAws, "owner", 5, "must be text"),
  wrong(onAws, "ephemeral", "yes", "must be true or false"),
  wrong(onAws, "observabilty", {}, "did you mean observability?"),
  wrong(onAws, "region", "us-east-1", "it belongs to compute of kind"),
  wrong(onAws, "compute.kind", "gcp", "allowed: aws, existing"),
  wrong(onAws, "compute.region", "us-esat-1", "did you mean us-east-1?"),
  wrong(onAws, "compute.accountId", 111122223333, "must be text"),
  wrong(onAws, "compute.accountId", "123", "must be the account's 12 digits, in quotes"),
  wrong(onAws, "compute.context", "lab", 'belongs to compute of kind "existing"'),
  wrong(onAws, "compute.network", { kind: "managed", cidr: "10.0.0.0" }, "must be a range", "compute.network.cidr"),
  wrong(onAws, "compute.network", { kind: "managed", cidr: "10.0.0.0/24" }, "is too small", "compute.network.cidr"),
  wrong(
    onAws,
    "compute.network",
    { kind: "managed", cidr: "8.8.0.0/16" },
    "has public addresses",
    "compute.network.cidr",
  ),
  wrong(
    onAws,
    "compute.network",
    { kind: "managed", availabilityZones: ["us-east-1a"] },
    "name two or three zones, not 1",
    "compute.network.availabilityZones",
  ),
  wrong(
    onAws,
    "compute.network",
    { kind: "managed", availabilityZones: ["us-east-1a", "eu-west-1a"] },
    "us-east-1",
    "compute.network.availabilityZones[1]",
  ),
  wrong(
    onAws,
    "compute.network",
    { kind: "managed", availabilityZones: ["us-east-1a", "us-east-1a"] },
    "is named twice",
    "compute.network.availabilityZones[1]",
  ),
  wrong(
    onAws,
    "compute.network",
    { kind: "managed", natGateways: "two" },
    "allowed: one",
    "compute.network.natGateways",
  ),
  wrong(
    onAws,
    "compute.network",
    { kind: "existing", vpcId: "vpc-12345678", privateSubnetIds: ["subnet-12345678", "subnet-12345678"] },
    "which is compute.network.privateSubnetIds[0] already",
    "compute.network.privateSubnetIds[1]",
  ),
  wrong(
    onAws,
    "compute.network",
    { kind: "existing", vpcId: "my-vpc", privateSubnetIds: ["subnet-12345678", "subnet-87654321"] },
    "must be a VPC's id",
    "compute.network.vpcId",
  ),
  wrong(onAws, "compute.cluster.version", 1.35, "must be text"),
  wrong(onAws, "compute.cluster.version", "1", "must be a version of EKS"),
  wrong(onAws, "compute.cluster.version", "1.10", "no standard support any more: write one of 1.32"),
  wrong(onAws, "compute.cluster.version", "1.99", "EKS has no such version: write one of 1.32"),
  wrong(onAws, administrators, [], "name at least the role that deploys"),
  wrong(onAws, administrators, ["root"], "must be the ARN of an IAM role or user", `${administrators}[0]`),
  wrong(onAws, administrators, ["arn:aws:iam::111122223333:role/"], "must be the ARN", `${administrators}[0]`),
  wrong(
    onAws,
    "compute.cluster.deployers",
    ["arn:aws:iam::111122223333:role/administrator"],
    "is among the administrators",
    "compute.cluster.deployers[0]",
  ),
  wrong(
    onAws,
    "compute.cluster.endpoint",
    { kind: "public", allowedCidrs: ["0.0.0.0/0"] },
    "to the whole internet",
    "compute.cluster.endpoint.allowedCidrs[0]",
  ),
  wrong(
    onAws,
    "compute.cluster.endpoint",
    { kind: "public", allowedCidrs: [] },
    "name ranges, or write { kind",
    "compute.cluster.endpoint.allowedCidrs",
  ),
  wrong(
    onAws,
    "compute.cluster.systemNodes",
    { instanceType: "q9.large" },
    "is not a known type",
    "compute.cluster.systemNodes.instanceType",
  ),
  wrong(
    onAws,
    "compute.cluster.systemNodes",
    { instanceType: "p5.48xlarge" },
    "has accelerators",
    "compute.cluster.systemNodes.instanceType",
  ),
  wrong(onAws, "compute.cluster.systemNodes", { count: 1 }, "must be at least 2", "compute.cluster.systemNodes.count"),
  wrong(onAws, "compute.cluster.logDays", 8, "write 14"),
  wrong(onAws, "store", { kind: "managed", checkpointDays: 0 }, "must be at least 1", "store.checkpointDays"),
  wrong(onAws, "backend.kind", "argo", "allowed: self-hosted, outerbounds"),
  wrong(
    onAws,
    "backend.database",
    { kind: "rds", instanceClass: "huge" },
    'such as "db.t4g.micro"',
    "backend.database.instanceClass",
  ),
  ...[
    ["db.zz.zz", "must be a class"],
    ["db.t4g.hugee", "sizes of t4g are among micro"],
    ["db.t4g.medum", "(did you mean db.t4g.medium?)"],
    ["db.t4g.48xlarge", "sizes of t4g are among micro"],
    ["db.m7g.micro", "sizes of m7g are among medium"],
    ["db.m7g.5xlarge", "sizes of m7g are among medium"],
  ].map(([instanceClass, text = ""]) =>
    wrong(onAws, "backend.database", { kind: "rds", instanceClass }, text, "backend.database.instanceClass"),
  ),
  wrong(
    onAws,
    "backend.database",
    { kind: "rds", storageGib: 5 },
    "must be at least 20",
    "backend.database.storageGib",
  ),
  wrong(onAws, "backend.jobsNamespace", "default", "which every cluster has"),
  wrong(onAws, "backend.jobsNamespace", "kueue-system", "which another part of the platform makes"),
  wrong(onAws, "backend.jobsNamespace", "metaflow", "which is systemNamespace too"),
  wrong(onAws, "backend.systemNamespace", "Metaflow", "must be lower-case letters"),
  wrong(onAws, "backend.charts", { argoWorkflows: "latest" }, "must be a version", "backend.charts.argoWorkflows"),
  wrong(
    onAws,
    "backend.charts",
    { argoWorkflows: "1.0.18" },
    "nobody has tried Metaflow on it",
    "backend.charts.argoWorkflows",
  ),
  wrong(onAws, "backend.images", { userInterface: "metaflow_ui" }, "with its tag", "backend.images.userInterface"),
  wrong(onAws, "backend.images", { metadataService: "a b:1" }, "with its tag", "backend.images.metadataService"),
  wrong(onAws, "addons", { install: ["kue"] }, "allowed: nvidiaDevicePlugin", "addons.install[0]"),
  wrong(onAws, "addons", { install: ["kueue", "kueue"] }, "names kueue twice", "addons.install"),
  wrong(onAws, "addons", { charts: { kueue: "0.1.0" } }, "or newer", "addons.charts.kueue"),
  wrong(onAws, "addons", { teams: [{ name: "a", gpus: -1 }] }, "must be at least 0", "addons.teams[0].gpus"),
  wrong(onAws, "addons", { teams: [{ name: "a", gpus: 1e12 }] }, "must be at most 100000", "addons.teams[0].gpus"),
  wrong(onAws, "addons", { teams: [{ name: "A", gpus: 1 }] }, "must be lower-case letters", "addons.teams[0].name"),
  wrong(onAws, "observability", { retentionDays: 1000 }, "must be at most 90", "observability.retentionDays"),
  wrong(onAws, "observability", { idleGpuMinutes: 1 }, "must be at least 5", "observability.idleGpuMinutes"),
  wrong(
    onAws,
    "observability",
    { prometheus: { kind: "existing" }, retentionDays: 5 },
    'prometheus.kind is "existing": remove it',
    "observability.retentionDays",
  ),
  wrong(
    onAws,
    "observability",
    { prometheus: { kind: "existing", labels: { release: "my prometheus" } } },
    "must be letters, digits",
    "observability.prometheus.labels.release",
  ),
  wrong(
    onAws,
    "observability",
    { budget: { usdPerMonth: 0, emails: ["team@example.com"] } },
    "must be greater than 0",
    "observability.budget.usdPerMonth",
  ),
  wrong(
    onAws,
    "observability",
    { budget: { usdPerMonth: 5, emails: ["team"] } },
    "must be an address",
    "observability.budget.emails[0]",
  ),
  wrong(
    onAws,
    "observability",
    { budget: { usdPerMonth: 5, emails: ["a@example.com", "a@example.com"] } },
    "which is observability.budget.emails[0] already",
    "observability.budget.emails[1]",
  ),
  wrong(existing, "compute.context", " ", "must be the name of a context"),
  wrong(existing, "compute.kubeconfig", "apiVersion: v1\nkind: Config", "must be the path of a file"),
  wrong(existing, "compute.region", "us-east-1", 'belongs to compute of kind "aws"'),
  wrong(existing, "store", { kind: "managed" }, "which is made on AWS", "store.kind"),
  wrong(existing, "store.bucket", "s3://team-models", "must be the bucket's bare name"),
  wrong(existing, "store.region", "us-esat", "is no region of AWS"),
  wrong(existing, "store.region", "US EAST", "must be a region"),
  wrong(existing, "store.kmsKeyArn", "arn:aws:kms:us-east-1:111122223333:alias/key", "the ARN of the key itself"),
  wrong(existing, "store.kmsKeyArn", "arn:aws:kms:eu-west-1:111122223333:key/1", "the key is in eu-west-1"),
  wrong(existing, "store.endpoint", "ftp://store", "must be an address"),
  wrong(existing, "store.endpoint", "https://store.lab/path", "without a path"),
  wrong(existing, "backend.database.host", "postgres.lab:5432", "without port and path"),
  wrong(existing, "backend.database.port", 0, "must be at least 1"),
  wrong(existing, "backend.database.user", "metaflow; drop table", "must be letters, digits"),
  wrong(existing, "backend.database.passwordSecret", "My_Secret", "must be lower-case letters"),
  wrong(existing, "backend.database", { kind: "rds" }, "which is made on AWS", "backend.database.kind"),
  wrong(
    existing,
    "observability",
    { budget: { usdPerMonth: 5, emails: ["a@example.com"] } },
    "is kept by AWS Budgets",
    "observability.budget",
  ),
  wrong(outerbounds, "backend.domain", "https://acme.obp.outerbounds.com", "host name"),
  wrong(outerbounds, "backend.domain", "ui.acme.obp.outerbounds.com", "not that of one of its services"),
  wrong(outerbounds, "backend.perimeter", "--force", "must be the name that the platform shows"),
  wrong(outerbounds, "backend.servicePrincipal.name", " ", "must be the name that the platform shows"),
  wrong(outerbounds, "backend.servicePrincipal.token", "file", "allowed: github-actions, environment"),
  wrong(outerbounds, "backend.computePools", [], "must name at least one compute pool"),
  wrong(
    outerbounds,
    "backend.computePools",
    ["h 100"],
    "must be the name of a compute pool",
    "backend.computePools[0]",
  ),
  wrong(outerbounds, "backend.computePools", ["h100", "h100"], "already", "backend.computePools[1]"),
  wrong(outerbounds, "backend.jobsNamespace", "jobs", 'it belongs to backend of kind "self-hosted"'),
  {
    title: "a store that would turn Outerbounds away from its own",
    document: {
      ...outerbounds,
      store: { kind: "existing", bucket: "models", region: "lab", endpoint: "https://s3.lab.example.com" },
    },
    expected: { "store.endpoint": "name a bucket of AWS" },
  },
  {
    title: "faults of every part at once",
    document: {
      ...existing,
      owner: "two words",
      store: { kind: "managed" },
      backend: { kind: "self-hosted", jobsNamespace: "default", charts: { argoWorkflows: "1.0.18" } },
      addons: {
        teams: [
          { name: "a", gpus: 8 },
          { name: "a", gpus: 8 },
        ],
      },
      observability: { retentionDays: 0, budget: { usdPerMonth: 5, emails: [] } },
      zebra: 1,
    },
    expected: {
      owner: "must be letters, digits",
      zebra: "is not a known key",
      "store.kind": "which is made on AWS",
      "backend.database.kind": "which is made on AWS",
      "backend.jobsNamespace": "which every cluster has",
      "backend.charts.argoWorkflows": "nobody has tried Metaflow on it",
      "addons.teams[1].name": "which teams[0] is called already",
      "observability.retentionDays": "must be at least 1",
      "observability.budget.emails": "name one address at least",
    },
  },
];
