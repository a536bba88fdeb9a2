import { kubernetesVersions } from "../../catalog/kubernetesVersions";
import { logRetentionDays } from "../../catalog/logRetention";
import { nearest } from "../../validation/explain";

/**
 * Names that AWS gives, judged without asking AWS: what it cannot have is refused, what it may have since these were written is not. Each
 * function says what is wrong as it reads after "got <name>; ", or undefined.
 */

/** Kubernetes releases three versions a year: two years of those that came after catalog/kubernetesVersions.ts was written. */
const versionsAhead = 6;

const knownVersions: readonly string[] = kubernetesVersions.map(({ version }) => version);

/** Why EKS makes no cluster of a version of Kubernetes. */
export function clusterVersionProblem(version: string): string | undefined {
  if (!/^1\.\d{2}$/.test(version)) return 'must be a version of EKS such as "1.35"';
  const minors = knownVersions.map((known) => Number(known.slice(2)));
  const minor = Number(version.slice(2));
  const allowed = `write one of ${knownVersions.join(", ")}, or a newer one`;
  if (minor < Math.min(...minors)) return `EKS gives it no standard support any more: ${allowed}`;
  return minor > Math.max(...minors) + versionsAhead ? `EKS has no such version: ${allowed}` : undefined;
}

/** Sizes of RDS' classes. Source: Amazon RDS User Guide, "DB instance classes", read 2026-11. */
const burstableSizes = ["micro", "small", "medium", "large", "xlarge", "2xlarge"];
const otherSizes = ["medium", "large", "xlarge"].concat(
  [2, 3, 4, 6, 8, 9, 10, 12, 16, 18, 24, 32, 36, 48].map((multiple) => `${multiple}xlarge`),
);

/** Why there is no class of RDS of a name: AWS adds families every year, and of the same form. */
export function databaseClassProblem(name: string): string | undefined {
  const such = 'must be a class such as "db.t4g.micro"';
  const [, family = "", size = ""] = /^db\.([a-z0-9]+)\.([a-z0-9]+)$/.exec(name) ?? [];
  if (!/^(?:[cmrtx]|z)\d{1,2}[a-z]{0,4}$/.test(family)) return such;
  const sizes = family.startsWith("t") ? burstableSizes : otherSizes;
  if (sizes.includes(size)) return undefined;
  const suggestion = nearest(size, sizes);
  const hint = suggestion === undefined ? "" : ` (did you mean db.${family}.${suggestion}?)`;
  return `${such}; sizes of ${family} are among ${sizes.join(", ")}${hint}`;
}

/** Why a name is none of a region. */
export function regionProblem(region: string): string | undefined {
  return /^[a-z]{2,}(?:-[a-z]+)+-\d$/.test(region)
    ? undefined
    : 'which is no region of AWS; write one such as "us-east-1"';
}

/** Why IAM has no role or user of an ARN that could use a cluster. */
export function principalProblem(arn: string): string | undefined {
  const session = /^arn:([\w-]+):sts::(\d{12}):assumed-role\/([^/]+)\//.exec(arn);
  if (session !== null) {
    const [, partition = "", account = "", role = ""] = session;
    return `it is a session, and EKS takes roles; write "arn:${partition}:iam::${account}:role/${role}" (with the role's path, if it has one)`;
  }
  if (/^arn:[\w-]+:iam::\d{12}:root$/.test(arn)) {
    return "it is a whole account, and EKS takes roles and users; name the role that people or pipelines take on";
  }
  if (arn.includes(":role/aws-service-role/")) {
    return "it belongs to an AWS service, and EKS does not take it; name the role that people or pipelines take on";
  }
  if (/^arn:[\w-]+:iam::\d{12}:(?:role|user)\/[\w+=,.@/-]+$/.test(arn)) return undefined;
  return 'must be the ARN of an IAM role or user, such as "arn:aws:iam::111122223333:role/deployer"';
}

/** Why an ARN is not that of a KMS key. IAM ignores aliases in a policy's resources: the permission would be there and not work. */
export function keyArnProblem(arn: string): string | undefined {
  return /^arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key\/[\w-]+$/.test(arn)
    ? undefined
    : 'must be the ARN of the key itself, "arn:aws:kms:...:key/..."';
}

/** Why S3 has no bucket of a name. */
export function bucketNameProblem(bucket: string): string | undefined {
  return /^(?!.*\.\.)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(bucket)
    ? undefined
    : "must be the bucket's bare name, without s3:// and without a folder";
}

/** Why CloudWatch Logs cannot keep logs for a number of days. */
export function logDaysProblem(days: number): string | undefined {
  if (logRetentionDays.includes(days)) return undefined;
  const proposal = logRetentionDays.find((known) => known > days) ?? logRetentionDays.at(-1) ?? 30;
  return `CloudWatch Logs cannot keep logs for so many days: write ${proposal}`;
}
