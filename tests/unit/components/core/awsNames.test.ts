import { describe, expect, it } from "vitest";
import { clusterVersionProblem, databaseClassProblem } from "../../../../components/core/awsNames";
import { kubernetesVersions } from "../../../../catalog/kubernetesVersions";
import { priceTables } from "../../../../pricing/platformPrices";

/** Names that are right, and those that AWS may have made since. */

describe("names of AWS", () => {
  it("are taken where there is a price for them, and where they have the form of one", () => {
    const priced = priceTables.flatMap(({ usd }) => Object.values(usd).flatMap((row) => Object.keys(row)));
    const classes = [...new Set(priced)].filter((name) => name.startsWith("db."));
    expect(classes.length).toBeGreaterThan(10);
    for (const name of [...classes, "db.r6gd.16xlarge", "db.x2iedn.32xlarge", "db.z1d.3xlarge", "db.c6gd.medium"]) {
      expect(databaseClassProblem(name), name).toBeUndefined();
    }
  });

  it("are taken for versions of Kubernetes that are known, and for the next ones", () => {
    const known = kubernetesVersions.map(({ version }) => version);
    const newest = Number(known.at(-1)?.slice(2));
    for (const version of [...known, `1.${newest + 1}`, `1.${newest + 6}`]) {
      expect(clusterVersionProblem(version), version).toBeUndefined();
    }
    expect(clusterVersionProblem(`1.${newest + 7}`)).toContain("EKS has no such version");
  });
});
