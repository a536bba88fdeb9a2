import { standardSupportUntil } from "../pricing/platformPrices";
import { nearest } from "../validation/explain";

/** Names that AWS gives, judged without asking AWS: what it cannot have is refused, what it may have since these were written is not. */

/** Kubernetes releases three versions a year: two years of those that came after the table of platformPrices.ts was written. */
const versionsAhead = 6;

const knownVersions = Object.keys(standardSupportUntil);

/** Why EKS makes no cluster of a version of Kubernetes; undefined where it may. */
export function clusterVersionProblem(version: string): string | undefined {
  if (!/^1\.\d{2}$/.test(version)) return 'must be a version of EKS such as "1.34"';
  const minors = knownVersions.map((known) => Number(known.slice(2)));
  const minor = Number(version.slice(2));
  const allowed = `write one of ${knownVersions.join(", ")}, or a newer one`;
  if (minor < Math.min(...minors)) return `EKS gives it no standard support any more: ${allowed}`;
  return minor > Math.max(...minors) + versionsAhead ? `EKS has no such version: ${allowed}` : undefined;
}

/** Sizes of RDS' classes. Source: Amazon RDS User Guide, "DB instance classes", read 2026-11. */
const burstableSizes = ["micro", "small", "medium", "large", "xlarge", "2xlarge"];
const otherSizes = ["medium", "large", "xlarge"].concat(
  [2, 3, 4, 6, 8, 9, 10, 12, 16, 18, 24, 32, 36, 48].map((multiple) => `${multiple}xlarge`),
);

/** Why there is no class of RDS of a name; undefined where there may be: AWS adds families every year, and of the same form. */
export function databaseClassProblem(name: string): string | undefined {
  const such = 'must be a class such as "db.t4g.micro"';
  const [, family = "", size = ""] = /^db\.([a-z0-9]+)\.([a-z0-9]+)$/.exec(name) ?? [];
  if (!/^(?:[cmrtx]|z)\d{1,2}[a-z]{0,4}$/.test(family)) return such;
  const sizes = family.startsWith("t") ? burstableSizes : otherSizes;
  if (sizes.includes(size)) return undefined;
  const suggestion = nearest(size, sizes);
  const hint = suggestion === undefined ? "" : ` (did you mean db.${family}.${suggestion}?)`;
  return `${such}; sizes of ${family} are among ${sizes.join(", ")}${hint}`;
}
