import type { InputError } from "../core/inputErrors";

/** Namespaces that every cluster has: they can be neither made nor deleted. */
const reservedNamespaces = ["default", "kube-system", "kube-public", "kube-node-lease"];

/** What is wrong with the names of the namespaces. */
export function namespaceErrors(systemNamespace: string, jobsNamespace: string): InputError[] {
  const reserved = Object.entries({ systemNamespace, jobsNamespace }).flatMap(([propertyPath, namespace]) =>
    reservedNamespaces.includes(namespace)
      ? [
          {
            propertyPath,
            reason: `got "${namespace}", which every cluster has; choose a name of its own, for it is made and deleted with the stack`,
          },
        ]
      : [],
  );
  if (systemNamespace !== jobsNamespace) return reserved;
  return [
    ...reserved,
    {
      propertyPath: "jobsNamespace",
      reason: `got "${jobsNamespace}", which is systemNamespace too; runs must not share a namespace with the database's password`,
    },
  ];
}
