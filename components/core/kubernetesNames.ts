/** Names that Kubernetes takes for namespaces, secrets and most other objects (RFC 1123 labels); undefined where it does. */
export function kubernetesNameProblem(name: string): string | undefined {
  return /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/.test(name)
    ? undefined
    : "must be lower-case letters, digits and dashes, 63 at most";
}
