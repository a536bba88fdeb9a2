import type * as pulumi from "@pulumi/pulumi";
import { type InputError, valueErrors, writtenValue } from "../core/inputErrors";

/**
 * Everything that is wrong with the arguments of `OuterboundsMetaflowBackend`, and what to write instead.
 *
 * @param args.hasEndpoint whether the store is not AWS's
 */
export function outerboundsMetaflowBackendArgumentErrors(args: {
  readonly domain: pulumi.Input<string>;
  readonly perimeter: pulumi.Input<string>;
  readonly servicePrincipal: { readonly name: pulumi.Input<string> };
  readonly computePools: readonly pulumi.Input<string>[];
  readonly profile?: pulumi.Input<string>;
  readonly hasEndpoint: boolean;
}): InputError[] {
  const { domain, perimeter, servicePrincipal, computePools, profile, hasEndpoint } = args;
  return [
    ...valueErrors("domain", domain, domainProblem),
    ...valueErrors("perimeter", perimeter, platformNameProblem),
    ...valueErrors("servicePrincipal.name", servicePrincipal.name, platformNameProblem),
    ...(profile === undefined ? [] : valueErrors("profile", profile, profileProblem)),
    ...valueErrors("computePools", computePools, noPoolProblem),
    ...computePools.flatMap((pool, index) =>
      valueErrors(`computePools[${index}]`, pool, (name) => {
        const first = computePools.findIndex((other) => writtenValue(other) === name);
        return first < index ? `which is computePools[${first}] already` : computePoolProblem(name);
      }),
    ),
    ...(hasEndpoint ? [{ propertyPath: "store", reason: elsewhereStoreReason }] : []),
  ];
}

/** Why the store must be AWS's. */
export const elsewhereStoreReason =
  "its address would turn Metaflow away from the datastore of the Outerbounds platform: name a bucket of AWS";

/** Why a text is not the host name of a platform. */
export function domainProblem(domain: string): string | undefined {
  const prefix = /^(?:ui|api|auth|metadata)\./.exec(domain)?.[0];
  if (prefix !== undefined) {
    return `must be the platform's own host name, not that of one of its services; write "${domain.slice(prefix.length)}"`;
  }
  return /^[a-z0-9-]+(?:\.[a-z0-9-]+)+$/.test(domain)
    ? undefined
    : 'must be the platform\'s host name, such as "acme.obp.outerbounds.com"';
}

/** Why a text is no name of a perimeter or a service principal: a word of a command line, so no option. */
export function platformNameProblem(name: string): string | undefined {
  if (name.startsWith("-")) return "must be the name that the platform shows, which begins with no dash";
  return /^[^\s\u0000-\u001f\u007f](?:[^\u0000-\u001f\u007f]{0,251}[^\s\u0000-\u001f\u007f])?$/.test(name)
    ? undefined
    : "must be the name that the platform shows";
}

/** Why there cannot be this list of pools. */
export function noPoolProblem(pools: readonly unknown[]): string | undefined {
  return pools.length === 0 ? "must name at least one compute pool" : undefined;
}

/** Why a text is no name of a pool: the value of the label outerbounds.co/compute-pool, by which Metaflow selects its nodes. */
export function computePoolProblem(pool: string): string | undefined {
  return /^[A-Za-z0-9](?:[\w.-]{0,61}[A-Za-z0-9])?$/.test(pool)
    ? undefined
    : "must be the name of a compute pool, as the platform shows it";
}

/** Why a text is no name of a profile: a part of a file's name. */
export function profileProblem(profile: string): string | undefined {
  return /^\w[\w-]*$/.test(profile) ? undefined : "must be letters, digits, dashes and underscores";
}
