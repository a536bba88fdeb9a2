import { clusterVersionProblem } from "../../configuration/awsNames";
import { addressesOf, blockAround, formatCidr, isAligned, isPrivate, parseCidr } from "../network/cidr";
import type { InputError } from "../core/inputErrors";
import { systemInstanceTypeProblem } from "./systemInstanceTypes";

/** What decides about a cluster's arguments whether they can be right. */
export interface ClusterChoices {
  readonly clusterName: string;
  readonly version: string;
  readonly endpoint: { kind: "private" } | { kind: "public"; allowedCidrs: readonly string[] };
  readonly administrators: readonly string[];
  readonly deployers?: readonly string[];
  readonly systemNodes: { readonly instanceType: string; readonly count: number };
  readonly logDays: number;
}

/** Periods that CloudWatch Logs keeps logs for; source: API reference of PutRetentionPolicy, read 2026-11. */
const retentionDays: readonly number[] = [
  1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
];
/** Ranges larger than this are no office and no VPN; they are half of the internet split in two to get past a check. */
const widestAllowed = 16;

/** Everything that is wrong with a cluster's arguments, and what to write instead. */
export function clusterErrors(choices: ClusterChoices): InputError[] {
  return [
    ...nameErrors(choices.clusterName),
    ...versionErrors(choices.version),
    ...(choices.endpoint.kind === "public" ? endpointErrors(choices.endpoint.allowedCidrs) : []),
    ...administratorErrors(choices.administrators),
    ...deployerErrors(choices.deployers ?? [], choices.administrators),
    ...systemNodeErrors(choices.systemNodes),
    ...logErrors(choices.logDays),
  ];
}

function nameErrors(clusterName: string): InputError[] {
  if (/^[0-9A-Za-z][0-9A-Za-z_-]{0,99}$/.test(clusterName)) return [];
  return [
    {
      propertyPath: "clusterName",
      reason: `"${clusterName}" is not a name for an EKS cluster; use letters, digits, - and _, 100 at most, a letter or digit first`,
    },
  ];
}

function versionErrors(version: string): InputError[] {
  const problem = clusterVersionProblem(version);
  return problem === undefined ? [] : [{ propertyPath: "version", reason: `got "${version}"; ${problem}` }];
}

function endpointErrors(allowedCidrs: readonly string[]): InputError[] {
  if (allowedCidrs.length === 0) {
    return [
      {
        propertyPath: "endpoint.allowedCidrs",
        reason: 'names no range, which EKS takes for the whole internet; name ranges, or write { kind: "private" }',
      },
    ];
  }
  return allowedCidrs.flatMap((text, index) => {
    const reason = allowedCidrProblem(text);
    return reason === undefined ? [] : [{ propertyPath: `endpoint.allowedCidrs[${index}]`, reason }];
  });
}

function allowedCidrProblem(text: string): string | undefined {
  const block = parseCidr(text);
  if (block === undefined) return `"${text}" is not a range of IPv4 addresses; write one such as "203.0.113.0/24"`;
  if (block.prefix === 0) {
    return `"${text}" opens the Kubernetes API to the whole internet; name the ranges that you come from, or use a private endpoint`;
  }
  if (block.prefix < widestAllowed) {
    return `"${text}" opens the Kubernetes API to ${addressesOf(block.prefix)} addresses; name ranges of /${widestAllowed} or smaller`;
  }
  if (!isAligned(block)) {
    const aligned = formatCidr(blockAround(block.base, block.prefix));
    return `"${text}" starts in the middle of a /${block.prefix}; write "${aligned}", or "${text.replace(/\/.*/, "/32")}" for one address`;
  }
  if (isPrivate(block)) {
    return (
      `"${text}" has private addresses, which EKS refuses: the public endpoint sees the addresses that your network goes out with; ` +
      "name those (private ones reach the private endpoint anyway)"
    );
  }
  return undefined;
}

function administratorErrors(administrators: readonly string[]): InputError[] {
  if (administrators.length === 0) {
    return [
      {
        propertyPath: "administrators",
        reason: "names nobody; name at least the role that deploys, else nobody can use the cluster",
      },
    ];
  }
  return principalErrors("administrators", administrators);
}

/** An IAM principal has one access entry in a cluster, so one of the two lists. */
function deployerErrors(deployers: readonly string[], administrators: readonly string[]): InputError[] {
  return [
    ...principalErrors("deployers", deployers),
    ...deployers.flatMap((arn, index) =>
      administrators.includes(arn)
        ? [
            {
              propertyPath: `deployers[${index}]`,
              reason: `"${arn}" is among the administrators, who may deploy as well; name it there only`,
            },
          ]
        : [],
    ),
  ];
}

function principalErrors(list: string, arns: readonly string[]): InputError[] {
  return arns.flatMap((arn, index) => {
    const reason =
      principalProblem(arn) ?? (arns.indexOf(arn) < index ? `"${arn}" is named twice; name each role once` : undefined);
    return reason === undefined ? [] : [{ propertyPath: `${list}[${index}]`, reason }];
  });
}

function principalProblem(arn: string): string | undefined {
  const session = /^arn:([\w-]+):sts::(\d{12}):assumed-role\/([^/]+)\//.exec(arn);
  if (session !== null) {
    const [, partition = "", account = "", role = ""] = session;
    return `"${arn}" is a session, and EKS takes roles; write "arn:${partition}:iam::${account}:role/${role}" (with the role's path, if it has one)`;
  }
  if (/^arn:[\w-]+:iam::\d{12}:root$/.test(arn)) {
    return `"${arn}" is a whole account, and EKS takes roles and users; name the role that people or pipelines take on`;
  }
  if (arn.includes(":role/aws-service-role/")) {
    return `"${arn}" belongs to an AWS service, and EKS does not take it; name the role that people or pipelines take on`;
  }
  if (/^arn:[\w-]+:iam::\d{12}:(?:role|user)\/[\w+=,.@/-]+$/.test(arn)) return undefined;
  return `"${arn}" is not the ARN of an IAM role or user; write one such as "arn:aws:iam::111122223333:role/deployer"`;
}

function systemNodeErrors({ instanceType, count }: ClusterChoices["systemNodes"]): InputError[] {
  const problem = systemInstanceTypeProblem(instanceType);
  return [
    ...(problem === undefined ? [] : [{ propertyPath: "systemNodes.instanceType", reason: problem }]),
    ...(Number.isInteger(count) && count >= 2
      ? []
      : [
          {
            propertyPath: "systemNodes.count",
            reason: `${count} nodes are too few: with one, every upgrade stops the platform; write 2 or more`,
          },
        ]),
  ];
}

function logErrors(logDays: number): InputError[] {
  if (retentionDays.includes(logDays)) return [];
  const proposal = retentionDays.find((days) => days > logDays) ?? retentionDays.at(-1) ?? 30;
  return [
    {
      propertyPath: "logDays",
      reason: `CloudWatch Logs cannot keep logs for ${logDays} days; write ${proposal}`,
    },
  ];
}
