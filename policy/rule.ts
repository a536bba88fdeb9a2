import type { Resource, Unwrap } from "@pulumi/pulumi";
import { type ResourceValidation, type ResourceValidationArgs, validateResourceOfType } from "@pulumi/policy";

/** Says that a rule is broken; the message is a whole sentence that tells what to change. */
export type Report = (message: string) => void;

/** True for what @pulumi/policy throws when a rule reads a value that only the cloud can tell. */
function isUnknownValue(error: unknown): boolean {
  return error instanceof Error && error.constructor.name === "UnknownValueError";
}

/**
 * Runs a check as far as its inputs are known. In a preview some are not: `up` checks them before the resource is touched. Without this
 * the engine would print one warning for each of them in every preview of a new stack, and the warnings that matter would drown.
 */
export function asFarAsKnown(check: () => void): void {
  try {
    check();
  } catch (error) {
    if (!isUnknownValue(error)) throw error;
  }
}

/** A value that a rule can do without; undefined if it is not known yet. */
export function ifKnown<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (isUnknownValue(error)) return undefined;
    throw error;
  }
}

/** A class of resources, with what its constructor takes. */
type ResourceClass<TArgs> = Parameters<typeof validateResourceOfType<Resource, TArgs>>[0];

/** A rule for the resources of one class. */
export function rule<TArgs>(
  resourceClass: ResourceClass<TArgs>,
  check: (inputs: Unwrap<NonNullable<TArgs>>, report: Report, args: ResourceValidationArgs) => void,
): ResourceValidation {
  return validateResourceOfType(resourceClass, (inputs, args, report) => {
    asFarAsKnown(() => {
      check(inputs, report, args);
    });
  });
}

/** True for `true` and for "true": launch templates and Kubernetes annotations have it as text. */
export const isTrue = (value: unknown): boolean => value === true || value === "true";
