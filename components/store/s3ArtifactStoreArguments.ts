import { regionProblem } from "../core/awsNames";
import { type InputError, type Limits, valueErrors, wholeNumber } from "../core/inputErrors";

/** Days after which a lifecycle rule of the store may delete: ten years at most. */
export const lifecycleDayLimits = { least: 1, most: 3650 } as const satisfies Limits;

/** Everything that is wrong with the arguments of `S3ArtifactStore`, and what to write instead. */
export function s3ArtifactStoreArgumentErrors(args: {
  readonly region: string;
  readonly checkpointDays: number;
  readonly noncurrentDays: number;
}): InputError[] {
  return [
    ...valueErrors("region", args.region, regionProblem),
    ...valueErrors("checkpointDays", args.checkpointDays, wholeNumber(lifecycleDayLimits)),
    ...valueErrors("noncurrentDays", args.noncurrentDays, wholeNumber(lifecycleDayLimits)),
  ];
}
