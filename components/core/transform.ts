/** Changes a child's arguments: values laid over them, or a function that returns new ones. */
export type Transform<Args> = Partial<Args> | ((args: Args) => Args);

/** The child's arguments after the transform, if there is one. */
export function transformed<Args extends object>(transform: Transform<Args> | undefined, args: Args): Args {
  if (transform === undefined) return args;
  return typeof transform === "function" ? transform(args) : { ...args, ...transform };
}
