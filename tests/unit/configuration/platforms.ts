/** The least that a platform can be configured with. */

export const onAws = {
  kind: "platform",
  owner: "ml-platform",
  compute: {
    kind: "aws",
    region: "us-east-1",
    cluster: { administrators: ["arn:aws:iam::111122223333:role/administrator"] },
  },
  backend: { kind: "self-hosted" },
};

export const existing = {
  kind: "platform",
  owner: "ml-platform",
  compute: { kind: "existing", context: "lab" },
  store: { kind: "existing", bucket: "team-models", region: "us-east-1" },
  backend: {
    kind: "self-hosted",
    database: { kind: "external", host: "postgres.lab", passwordSecret: "metaflow-database" },
  },
};
