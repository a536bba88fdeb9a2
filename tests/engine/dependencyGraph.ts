import type { StateResource } from "./platformStack";

/** What waits for what, as the engine knows it: it makes the second after the first, and deletes the first after the second. */
export class DependencyGraph {
  private readonly direct: ReadonlyMap<string, readonly string[]>;
  private readonly reachable = new Map<string, ReadonlySet<string>>();

  constructor(resources: readonly StateResource[]) {
    this.direct = new Map(
      resources.map(({ urn, parent, provider, dependencies = [], propertyDependencies = {} }) => [
        urn,
        [
          ...dependencies,
          ...Object.values(propertyDependencies).flatMap((urns) => urns ?? []),
          ...(parent === undefined ? [] : [parent]),
          // `<URN of the provider>::<its id>`
          ...(provider === undefined ? [] : [provider.slice(0, provider.lastIndexOf("::"))]),
        ],
      ]),
    );
  }

  dependsOn(later: string, earlier: string): boolean {
    return this.closure(later).has(earlier);
  }

  private closure(urn: string): ReadonlySet<string> {
    const known = this.reachable.get(urn);
    if (known !== undefined) return known;
    const found = new Set<string>();
    const open = [...(this.direct.get(urn) ?? [])];
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      if (found.has(next)) continue;
      found.add(next);
      open.push(...(this.direct.get(next) ?? []));
    }
    this.reachable.set(urn, found);
    return found;
  }
}
