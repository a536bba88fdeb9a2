import type { Existing, Journal } from "./journal";
import type { Tree } from "./properties";

/** A resource that a double is asked about; secrets are plain values here, and values not known yet are the engine's sentinel. */
export interface Resource {
  readonly urn: string;
  readonly type: string;
  readonly name: string;
  readonly inputs: Tree;
}

/** What differs between the doubles; what they share is in server.ts. */
export interface Double {
  /** Package that it stands in for. */
  readonly package: "aws" | "kubernetes";

  /** Properties of the provider's configuration whose change replaces the provider and everything that uses it. */
  providerReplacements(before: Tree, after: Tree): readonly string[];

  configure(configuration: Tree): void;

  /**
   * Why the resource cannot be, or what the real provider would fill in: generated names above all.
   *
   * @param previous inputs of the same resource in the last run
   * @param unique hexadecimal digits that the engine gives each resource
   */
  check(
    resource: Resource,
    previous: Tree | undefined,
    unique: string,
  ): { readonly refusals: readonly string[]; readonly generated: Tree };

  /** Paths of properties that cannot be changed in place. */
  immutable(resource: Resource): readonly string[];

  /** True if two of the resource cannot be at once, because the program gave it its name. */
  hasOwnName(resource: Resource, previous: Tree): boolean;

  /** @param unique hexadecimal digits, new for each creation */
  idOf(resource: Resource, unique: string): string;

  /** What the provider computes, with values that look real. A function of its arguments alone. */
  outputs(resource: Resource, id: string): Tree;

  /** Address of the cluster that holds the resources; undefined where there is none. */
  cluster(): string | undefined;

  /** @throws Error with what the real service would answer. */
  beforeCreate(resource: Resource, journal: Journal): void;
  /** @throws Error with what the real service would answer. */
  beforeDelete(existing: Existing, journal: Journal): void;
}
