import * as fs from "node:fs";
import * as path from "node:path";
import { parse } from "yaml";
import { root } from "../../machine/checkout.mjs";

/** Configurations of the stacks that tests and measurements look at: what is committed, and the other choices that it has. */

export type Document = Readonly<Record<string, unknown>>;

/** What is committed for people to deploy. */
function committed(stack: string): Document {
  const file = path.join(root, "stacks", `Pulumi.${stack}.yaml`);
  const { config } = parse(fs.readFileSync(file, "utf8")) as { config: Record<string, Document> };
  return config["posttraining:stack"] ?? {};
}

export const documents = {
  "platform-aws-self-hosted": committed("platform"),
  "platform-aws-outerbounds": {
    ...committed("platform"),
    backend: {
      kind: "outerbounds",
      domain: "acme.obp.outerbounds.com",
      servicePrincipal: { name: "post-training" },
      computePools: ["h100", "l4"],
    },
    observability: { budget: { usdPerMonth: 500, emails: ["ml-platform@example.com"] } },
  },
  "platform-existing-cluster": {
    kind: "platform",
    owner: "ml-platform",
    compute: { kind: "existing", context: "gpu-lab", kubeconfig: "/etc/posttraining/kubeconfig" },
    store: {
      kind: "existing",
      bucket: "post-training",
      region: "us-east-1",
      endpoint: "https://s3.lab.example.com",
      credentialsSecret: "store-credentials",
    },
    backend: {
      kind: "self-hosted",
      database: { kind: "external", host: "postgres.lab.example.com", passwordSecret: "metaflow-database" },
    },
  },
} as const satisfies Record<string, Document>;

export type StackName = keyof typeof documents;
export const stackNames = Object.keys(documents) as StackName[];
