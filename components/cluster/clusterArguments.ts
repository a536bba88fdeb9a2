import type * as pulumi from "@pulumi/pulumi";
import { clusterVersionProblem, logDaysProblem, principalProblem } from "../core/awsNames";
import { type InputError, type Limits, valueErrors, wholeNumber, writtenValue } from "../core/inputErrors";
import { addressesOf, blockAround, cidrProblem, formatCidr, isAligned, isPrivate, parseCidr } from "../network/cidr";
import { mostSystemNodes } from "../network/networkPlan";
import { systemInstanceTypeProblem } from "./systemInstanceTypes";

/**
 * An IAM role or user, by its ARN. Its access entry is named after the ARN; where that is another resource's output, after its place in the
 * list: to put another one before it would then make both entries anew, and one with a name keeps its own.
 */
export type Principal =
  | pulumi.Input<string>
  | {
      /** Of the access entry in the stack; plain, since it is the entry's name. */
      readonly name: string;
      /** ARN of the role or user. */
      readonly arn: pulumi.Input<string>;
    };

/** How the Kubernetes API is reached. */
export type ClusterEndpoint =
  | { readonly kind: "private" }
  | {
      readonly kind: "public";
      /** Public ranges that may reach it, each of /16 or smaller. */
      readonly allowedCidrs: readonly pulumi.Input<string>[];
    };

/** What decides about a cluster's arguments whether they can be right. */
export interface ClusterChoices {
  readonly clusterName: string;
  readonly version: string;
  readonly endpoint: ClusterEndpoint;
  readonly administrators: readonly Principal[];
  readonly deployers?: readonly Principal[];
  readonly deployersGroup?: pulumi.Input<string>;
  readonly systemNodes: { readonly instanceType: string; readonly count: number };
  readonly logDays: number;
}

/** Nodes of the platform's own: with one, every upgrade would stop it. */
export const systemNodeLimits = { least: 2, most: mostSystemNodes } as const satisfies Limits;

/** Ranges larger than this are no office and no VPN; they are half of the internet split in two to get past a check. */
const widestAllowed = 16;

/** Everything that is wrong with a cluster's arguments, and what to write instead. */
export function clusterArgumentErrors(choices: ClusterChoices): InputError[] {
  const { clusterName, version, endpoint, administrators, systemNodes, logDays } = choices;
  const { deployers = [], deployersGroup } = choices;
  return [
    ...valueErrors("clusterName", clusterName, clusterNameProblem),
    ...valueErrors("version", version, clusterVersionProblem),
    ...(endpoint.kind === "public" ? endpointErrors(endpoint.allowedCidrs) : []),
    ...valueErrors("administrators", administrators, nobodyProblem),
    ...principalErrors("administrators", administrators),
    ...principalErrors("deployers", deployers),
    ...deployers.flatMap((principal, index) =>
      valueErrors(`deployers[${index}]`, arnOf(principal), (arn) => twoEntriesProblem(arn, administrators)),
    ),
    ...(deployers.length > 0 && deployersGroup === undefined
      ? [{ propertyPath: "deployersGroup", reason: "is missing; name the Kubernetes group whose rights deployers get" }]
      : []),
    ...valueErrors("systemNodes.instanceType", systemNodes.instanceType, systemInstanceTypeProblem),
    ...valueErrors("systemNodes.count", systemNodes.count, wholeNumber(systemNodeLimits)),
    ...valueErrors("logDays", logDays, logDaysProblem),
  ];
}

function clusterNameProblem(clusterName: string): string | undefined {
  return /^[0-9A-Za-z][0-9A-Za-z_-]{0,99}$/.test(clusterName)
    ? undefined
    : "must be a name for an EKS cluster: letters, digits, - and _, 100 at most, a letter or digit first";
}

function endpointErrors(allowedCidrs: readonly pulumi.Input<string>[]): InputError[] {
  return [
    ...valueErrors("endpoint.allowedCidrs", allowedCidrs, noRangeProblem),
    ...allowedCidrs.flatMap((cidr, index) => valueErrors(`endpoint.allowedCidrs[${index}]`, cidr, allowedCidrProblem)),
  ];
}

/** Why a public endpoint cannot have this list of ranges. */
export function noRangeProblem(allowedCidrs: readonly unknown[]): string | undefined {
  return allowedCidrs.length === 0
    ? 'EKS takes no range for the whole internet; name ranges, or write { kind: "private" }'
    : undefined;
}

/** Why a range may not reach the public endpoint. */
export function allowedCidrProblem(text: string): string | undefined {
  const block = parseCidr(text);
  if (block === undefined) return cidrProblem(text);
  if (block.prefix === 0) {
    return "it opens the Kubernetes API to the whole internet; name the ranges that you come from, or use a private endpoint";
  }
  if (block.prefix < widestAllowed) {
    return `it opens the Kubernetes API to ${addressesOf(block.prefix)} addresses; name ranges of /${widestAllowed} or smaller`;
  }
  if (!isAligned(block)) {
    const aligned = formatCidr(blockAround(block.base, block.prefix));
    return `it starts in the middle of a /${block.prefix}; write "${aligned}", or "${text.replace(/\/.*/, "/32")}" for one address`;
  }
  if (isPrivate(block)) {
    return (
      "it has private addresses, which EKS refuses: the public endpoint sees the addresses that your network goes out with; " +
      "name those (private ones reach the private endpoint anyway)"
    );
  }
  return undefined;
}

/** Why a cluster cannot have this list of administrators. */
export function nobodyProblem(administrators: readonly unknown[]): string | undefined {
  return administrators.length === 0
    ? "name at least the role that deploys, else nobody can use the cluster"
    : undefined;
}

/** The ARN of a principal, however it is written. */
export function arnOf(principal: Principal): pulumi.Input<string> {
  return isNamed(principal) ? principal.arn : principal;
}

/** Whether a principal comes with a name for its access entry. */
export function isNamed(principal: Principal): principal is Exclude<Principal, pulumi.Input<string>> {
  return (
    typeof principal === "object" && "name" in principal && "arn" in principal && typeof principal.name === "string"
  );
}

/** An IAM principal has one access entry in a cluster, so one of the two lists. */
function twoEntriesProblem(arn: string, administrators: readonly Principal[]): string | undefined {
  return administrators.some((administrator) => writtenValue(arnOf(administrator)) === arn)
    ? "it is among the administrators, who may deploy as well; name it there only"
    : undefined;
}

function principalErrors(list: string, principals: readonly Principal[]): InputError[] {
  const arns = principals.map((principal) => writtenValue(arnOf(principal)));
  const names = principals.map((principal) => (isNamed(principal) ? principal.name : undefined));
  return principals.flatMap((principal, index) => [
    ...valueErrors(
      `${list}[${index}]`,
      arnOf(principal),
      (arn) =>
        principalProblem(arn) ?? (arns.indexOf(arn) < index ? "it is named twice; name each role once" : undefined),
    ),
    ...(isNamed(principal)
      ? valueErrors(`${list}[${index}].name`, principal.name, (name) =>
          names.indexOf(name) < index ? "it is used twice; give each entry its own name" : undefined,
        )
      : []),
  ]);
}
