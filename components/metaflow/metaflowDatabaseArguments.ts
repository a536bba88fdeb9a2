import type * as pulumi from "@pulumi/pulumi";
import { databaseClassProblem } from "../core/awsNames";
import { type InputError, type Limits, valueErrors, wholeNumber } from "../core/inputErrors";

/** GiB that RDS for PostgreSQL may begin with on gp3; it grows further by itself. */
export const storageGibLimits = { least: 20, most: 16_384 } as const satisfies Limits;

/** Days of backups: without any RDS keeps no logs to recover from, and it has none beyond 35 days. */
export const backupDayLimits = { least: 1, most: 35 } as const satisfies Limits;

/** Generations of the password. */
export const passwordGenerationLimits = { least: 1, most: 1_000_000 } as const satisfies Limits;

/**
 * Everything that is wrong with the arguments of `MetaflowDatabase`, and what to write instead.
 *
 * @param args.name of the component
 * @param args.certificateAuthority the one given, or AWS's for the region; undefined where there is neither
 */
export function metaflowDatabaseArgumentErrors(args: {
  readonly name: string;
  readonly region: string;
  readonly instanceClass: string;
  readonly storageGib: number;
  readonly backupDays: number;
  readonly passwordGeneration?: number;
  readonly certificateAuthority: pulumi.Input<string> | undefined;
}): InputError[] {
  const { name, region, instanceClass, storageGib, backupDays, passwordGeneration, certificateAuthority } = args;
  return [
    ...valueErrors("name", name, nameProblem),
    ...(certificateAuthority === undefined
      ? valueErrors(
          "region",
          region,
          () =>
            "its certificates are not among components/metaflow/rdsCertificates.pem; add them there, or pass certificateAuthority",
        )
      : valueErrors("certificateAuthority", certificateAuthority, certificateAuthorityProblem)),
    ...valueErrors("instanceClass", instanceClass, databaseClassProblem),
    ...valueErrors("storageGib", storageGib, wholeNumber(storageGibLimits)),
    ...valueErrors("backupDays", backupDays, wholeNumber(backupDayLimits)),
    ...(passwordGeneration === undefined
      ? []
      : valueErrors("passwordGeneration", passwordGeneration, wholeNumber(passwordGenerationLimits))),
  ];
}

/** RDS's rule for the names of instances and snapshots; it would come up first when the last snapshot is taken. */
function nameProblem(name: string): string | undefined {
  return /^[A-Za-z](?:-?[A-Za-z0-9])*$/.test(name)
    ? undefined
    : "must be letters, digits and single dashes, a letter first";
}

/** Why a text holds no certificates. */
export function certificateAuthorityProblem(text: string): string | undefined {
  return text.includes("-----BEGIN CERTIFICATE-----")
    ? undefined
    : "must be certificates in PEM form, not the name of a file";
}
