import * as aws from "@pulumi/aws";
import * as kubernetes from "@pulumi/kubernetes";
import { describe, expect, it } from "vitest";
import { databaseIsNotPublic } from "../../../policy/publicDatabases";
import { unknown, violations } from "./violations";

describe("a database", () => {
  const sentence = "The database can be reached from the internet: set publiclyAccessible to false.";

  it.each([aws.rds.Instance, aws.rds.ClusterInstance, aws.redshift.Cluster])(
    "with a public address is refused: %o",
    (resourceClass) => {
      expect(violations(databaseIsNotPublic, resourceClass, { publiclyAccessible: true })).toEqual([sentence]);
    },
  );

  it("without one passes", () => {
    for (const publiclyAccessible of [false, undefined, unknown])
      expect(violations(databaseIsNotPublic, aws.rds.Instance, { publiclyAccessible })).toEqual([]);
  });

  it("of another provider is none of its business", () => {
    expect(violations(databaseIsNotPublic, kubernetes.core.v1.ConfigMap, { publiclyAccessible: true })).toEqual([]);
  });
});
