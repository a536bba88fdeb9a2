import * as pulumi from "@pulumi/pulumi";
import type { Registration } from "./collect";

type Edges = ReadonlyMap<pulumi.Resource, ReadonlySet<pulumi.Resource>>;

/**
 * Tells which of two resources a destroy deletes first, by the rules of Pulumi's engine: a resource goes before all that it depends on,
 * by `dependsOn`, by outputs in its arguments, by its provider or its parent. To depend on a component is to depend on its own children.
 *
 * @returns whether the first is deleted, and done, before the delete of the second begins; false also if nothing orders the two.
 */
export async function deletionOrder(
  registrations: readonly Registration[],
): Promise<(first: pulumi.Resource, second: pulumi.Resource) => boolean> {
  const edges = new Map<pulumi.Resource, Set<pulumi.Resource>>();
  for (const { resource, props, opts } of registrations) {
    const direct = [...(await dependsOn(opts)), ...(await usedBy(props)), ...providersOf(opts), ...parentOf(opts)];
    edges.set(resource, new Set(direct.flatMap((dependency) => expand(dependency, registrations))));
  }
  return (first, second) => reaches(edges, first, second, new Set());
}

async function dependsOn({ dependsOn: given }: pulumi.ResourceOptions): Promise<pulumi.Resource[]> {
  const listed = await resolved(given ?? []);
  const resources: unknown[] = await Promise.all((Array.isArray(listed) ? listed : [listed]).map(resolved));
  return resources.filter((resource) => pulumi.Resource.isInstance(resource));
}

/** A resource is not a value to wait for, and not to be looked into. */
async function resolved(value: unknown): Promise<unknown> {
  if (pulumi.Output.isInstance(value)) {
    return new Promise((resolve) => {
      value.apply(resolve);
    });
  }
  return pulumi.Resource.isInstance(value) ? value : await value;
}

async function usedBy(value: unknown): Promise<pulumi.Resource[]> {
  if (pulumi.Resource.isInstance(value)) return [value];
  // `allResources` is how the SDK itself finds what an output comes from.
  if (pulumi.Output.isInstance(value)) {
    const { allResources } = value as unknown as { allResources: () => Promise<Set<pulumi.Resource>> };
    return [...(await allResources())];
  }
  if (typeof value !== "object" || value === null) return [];
  return (await Promise.all(Object.values(value).map(usedBy))).flat();
}

function providersOf(opts: pulumi.CustomResourceOptions): pulumi.Resource[] {
  return opts.provider === undefined ? [] : [opts.provider];
}

/** A child of a custom resource depends on it; a component is only a name over its children. */
function parentOf({ parent }: pulumi.ResourceOptions): pulumi.Resource[] {
  return parent === undefined || pulumi.ComponentResource.isInstance(parent) ? [] : [parent];
}

function expand(dependency: pulumi.Resource, registrations: readonly Registration[]): pulumi.Resource[] {
  if (!pulumi.ComponentResource.isInstance(dependency)) return [dependency];
  return registrations
    .filter(({ opts }) => opts.parent === dependency)
    .flatMap(({ resource }) => expand(resource, registrations));
}

function reaches(edges: Edges, from: pulumi.Resource, to: pulumi.Resource, seen: Set<pulumi.Resource>): boolean {
  if (seen.has(from)) return false;
  seen.add(from);
  const next = edges.get(from) ?? new Set();
  return next.has(to) || [...next].some((dependency) => reaches(edges, dependency, to, seen));
}
