import type * as pulumi from "@pulumi/pulumi";

/** A document whose parts, at any depth, may be known only when resources have been made. */
export type Pending<T> = pulumi.Input<
  T extends readonly (infer Item)[]
    ? readonly Pending<Item>[]
    : T extends object
      ? { readonly [Key in keyof T]: Pending<T[Key]> }
      : T
>;

/** The outputs of a stack: each by itself an output or a value. */
export type PendingOutputs<T extends object> = { readonly [Key in keyof T]: Pending<T[Key]> };
