import type { ResourceValidationPolicy } from "@pulumi/policy";
import { asFarAsKnown } from "./rule";

/**
 * No database has an address on the internet. RDS, Redshift, DMS and MQ name the setting alike.
 *
 * @severity critical
 * @link https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_VPC.WorkingWithRDSInstanceinaVPC.html#USER_VPC.Hiding
 */
export const databaseIsNotPublic: ResourceValidationPolicy = {
  name: "database-is-not-public",
  description: "A database must not have an address on the internet.",
  severity: "critical",
  validateResource: ({ type, props }, report) => {
    if (!type.startsWith("aws:")) return;
    asFarAsKnown(() => {
      if (props.publiclyAccessible === true)
        report("The database can be reached from the internet: set publiclyAccessible to false.");
    });
  },
};
