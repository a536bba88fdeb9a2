import { defaultKubernetesVersion, kubernetesVersions } from "./kubernetesVersions";
import { databaseVersion, postgresVersions } from "./postgresVersions";

/** A default version with the day on which its support ends. Charts have none: their projects name no days. */
interface SupportedDefault {
  /** What it is the version of. */
  readonly what: string;
  /** Where it is written. */
  readonly constant: string;
  readonly version: string;
  /** Where its dates are from. */
  readonly source: string;
  /** All that are known, oldest first; `until` as `2027-03-27`. */
  readonly versions: readonly { readonly version: string; readonly until: string }[];
}

export const supportedDefaults: readonly SupportedDefault[] = [
  {
    what: "Kubernetes on EKS",
    constant: "defaultKubernetesVersion in catalog/kubernetesVersions.ts",
    version: defaultKubernetesVersion,
    source: "https://docs.aws.amazon.com/eks/latest/userguide/kubernetes-versions.html",
    versions: kubernetesVersions.map(({ version, standardSupportUntil: until }) => ({ version, until })),
  },
  {
    what: "PostgreSQL on RDS",
    constant: "databaseVersion in catalog/postgresVersions.ts",
    version: databaseVersion,
    source: "https://docs.aws.amazon.com/AmazonRDS/latest/PostgreSQLReleaseNotes/postgresql-release-calendar.html",
    versions: postgresVersions.map(({ version, supportedUntil: until }) => ({ version, until })),
  },
];

const day = 24 * 60 * 60 * 1000;

/**
 * Defaults whose support has ended or ends soon: one sentence each, which says what to write instead.
 *
 * @param withinDays how soon
 */
export function endingDefaults(
  today: Date,
  withinDays: number,
  defaults: readonly SupportedDefault[] = supportedDefaults,
): string[] {
  const limit = today.getTime() + withinDays * day;
  return defaults.flatMap(({ what, constant, version, source, versions }) => {
    const until = versions.find((known) => known.version === version)?.until;
    if (until === undefined) return [`${what}: the default ${version} has no date; look it up in ${source}`];
    if (Date.parse(until) >= limit) return [];
    const next = versions.findLast((known) => Date.parse(known.until) >= limit);
    const remedy =
      next === undefined
        ? `no later one is known here: add those of ${source}, then change ${constant}`
        : `write "${next.version}" (until ${next.until}) for ${constant}, then run \`npm run golden\``;
    return [`${what}: support of the default ${version} ends on ${until}; ${remedy}`];
  });
}
