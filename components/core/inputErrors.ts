import * as pulumi from "@pulumi/pulumi";

/** One wrong argument: `propertyPath` as it is written in code, `reason` says what to write instead. */
export type InputError = pulumi.InputPropertyErrorDetails;

/**
 * Refuses a component's arguments with one error that names all that is wrong, before it registers anything.
 *
 * @throws pulumi.InputPropertiesError if there is any error.
 */
export function refuse(component: string, name: string, errors: readonly InputError[]): void {
  if (errors.length === 0) return;
  const lines = errors.map(({ propertyPath, reason }) => `  - ${propertyPath}: ${reason}`);
  throw new pulumi.InputPropertiesError({
    message: [`The arguments of ${component} "${name}" are not valid:`, ...lines].join("\n"),
    errors: [...errors],
  });
}
