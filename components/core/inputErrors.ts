import * as pulumi from "@pulumi/pulumi";
import { show } from "../../validation/explain";

/** One wrong argument: `propertyPath` as it is written in code, `reason` says what to write instead. */
export type InputError = pulumi.InputPropertyErrorDetails;

/** What is wrong with a value, as it reads after "got <value>; ", for example `must be 2 or more`, or begins with "which"; undefined if nothing is. */
export type Check<T> = (value: T) => string | undefined;

/** Whole numbers that a value may be, both ends included. */
export interface Limits {
  readonly least: number;
  readonly most: number;
}

/** Whether a value is one of the whole numbers within limits. */
export const wholeNumber =
  ({ least, most }: Limits): Check<number> =>
  (value) =>
    Number.isInteger(value) && value >= least && value <= most
      ? undefined
      : `must be a whole number from ${least} to ${most}`;

/** Whether a value is known only when another resource has been made. */
function isPending<T>(value: pulumi.Input<T>): value is pulumi.Output<T> | Promise<T> {
  return pulumi.Output.isInstance(value) || value instanceof Promise;
}

/** The value as the program wrote it down; undefined where it is another resource's output. */
export function writtenValue<T>(value: pulumi.Input<T>): T | undefined {
  return isPending(value) ? undefined : (value as T);
}

/** What a check says of a value; nothing of one that is an output, which `checked` looks at once it is known. */
export function valueErrors<T>(propertyPath: string, value: pulumi.Input<T>, check: Check<T>): InputError[] {
  if (isPending(value)) return [];
  const problem = check(value as T);
  return problem === undefined
    ? []
    : [{ propertyPath, reason: `got ${show(value)}${problem.startsWith("which ") ? "," : ";"} ${problem}` }];
}

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

/**
 * The value for a resource to take. One that is an output is refused when it is known, by the same check and in the same words: what
 * needs it is then not made, and nothing that was there is deleted, since Pulumi deletes only after a program that has come to its end.
 */
export function checked<T>(
  component: string,
  name: string,
  propertyPath: string,
  value: pulumi.Input<T>,
  check: Check<T>,
): pulumi.Input<T> {
  if (!isPending(value)) return value;
  const output: pulumi.Output<unknown> = pulumi.output<unknown>(value);
  return output.apply((known) => {
    refuse(component, name, valueErrors<T>(propertyPath, known as T, check));
    return known as T;
  });
}
