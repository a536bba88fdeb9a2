import type * as pulumi from "@pulumi/pulumi";

/** What of a resource is to be other than the component makes it. */
export interface Changes<Args> {
  /** Its arguments, all of them. */
  readonly args?: Args;
  /** Its options, all of them: parent, provider and dependencies among them. */
  readonly options?: pulumi.CustomResourceOptions;
  /** Its name in the stack. Another name is another resource: of one that is there, say so by `aliases` in `options`. */
  readonly name?: string;
}

/**
 * Changes one of the resources that a component makes: values laid over its arguments, or a function of arguments, options and name. Where
 * a component makes several of a kind, each is handed to the function, and the name tells them apart.
 *
 * @example
 * ```ts
 * { transform: { logGroup: { retentionInDays: 90 } } }
 * ```
 * @example
 * ```ts
 * { transform: { logGroup: (args, options) => ({ args: { ...args, skipDestroy: true }, options: { ...options, retainOnDelete: true } }) } }
 * ```
 */
export type Transform<Args> =
  Partial<Args> | ((args: Args, options: pulumi.CustomResourceOptions, name: string) => Changes<Args>);

const changeable: readonly string[] = ["args", "options", "name"] satisfies (keyof Changes<unknown>)[];

/**
 * What a resource is constructed with, after the transform if there is one.
 *
 * @throws Error if the transform returns anything but changes: arguments by themselves would have no effect.
 */
export function transformed<Args extends object>(
  transform: Transform<Args> | undefined,
  name: string,
  args: Args,
  options: pulumi.CustomResourceOptions,
): [name: string, args: Args, options: pulumi.CustomResourceOptions] {
  if (transform === undefined) return [name, args, options];
  if (typeof transform !== "function") return [name, { ...args, ...transform }, options];
  const changes = transform(args, options, name);
  const others = Object.keys(changes).filter((key) => !changeable.includes(key));
  if (others.length > 0) {
    throw new Error(
      `The transform of "${name}" returns ${others.join(", ")}; return { args, options, name }, or some of it.`,
    );
  }
  return [changes.name ?? name, changes.args ?? args, changes.options ?? options];
}
