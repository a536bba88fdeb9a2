/**
 * Versions of Kubernetes that EKS sells, with the last day of their standard support: from then on EKS takes six times the price for a
 * control plane, or, as this project's clusters ask it to, upgrades it by itself. Oldest first.
 *
 * Source: Amazon EKS User Guide, "Amazon EKS Kubernetes release calendar"
 * (https://docs.aws.amazon.com/eks/latest/userguide/kubernetes-versions.html). 1.32 to 1.35 read 2026-02, 1.36 read 2026-11.
 */
export const kubernetesVersions = [
  { version: "1.32", standardSupportUntil: "2026-03-23" },
  { version: "1.33", standardSupportUntil: "2026-07-29" },
  { version: "1.34", standardSupportUntil: "2026-12-02" },
  { version: "1.35", standardSupportUntil: "2027-03-27" },
  { version: "1.36", standardSupportUntil: "2027-08-02" },
] as const satisfies readonly { readonly version: string; readonly standardSupportUntil: string }[];

/** Version of a cluster whose configuration names none. */
export const defaultKubernetesVersion = "1.35" satisfies (typeof kubernetesVersions)[number]["version"];

/** Last day of a version's standard support, as `2027-03-27`; undefined for a version that is not in the table. */
export function standardSupportUntil(version: string): string | undefined {
  return kubernetesVersions.find((known) => known.version === version)?.standardSupportUntil;
}
