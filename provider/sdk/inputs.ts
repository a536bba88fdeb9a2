import type * as pulumi from "@pulumi/pulumi";

/** Every property of a handler's inputs, as a program passes it. */
export type ProgramInputs<T> = { readonly [K in keyof T]: pulumi.Input<T[K]> };

/** The properties that only the provider knows, each declared so that the engine fills it in. */
export function pendingOutputs<K extends string>(...names: readonly K[]): Record<K, undefined> {
  return Object.fromEntries(names.map((name) => [name, undefined])) as Record<K, undefined>;
}
