import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { componentTypes } from "./componentTypes";
import { type Transform, transformed } from "./transform";

/** One statement of an IAM policy; it may hold outputs. */
export interface PolicyStatement {
  /** Whether it permits or forbids. */
  readonly Effect: "Allow" | "Deny";
  /** Actions, for example `s3:GetObject`; plain, so that the preview shows them. */
  readonly Action: readonly string[];
  /** ARNs; `*` in them stands for anything. */
  readonly Resource: pulumi.Input<readonly pulumi.Input<string>[]>;
  /**
   * When it applies, by operator and key.
   *
   * @default always
   */
  readonly Condition?: pulumi.Input<Readonly<Record<string, unknown>>>;
}

/** An IAM policy document as JSON. */
export function policyDocument(statements: readonly PolicyStatement[]): pulumi.Output<string> {
  return pulumi.jsonStringify({ Version: "2012-10-17", Statement: statements });
}

/** Arguments of `ServiceAccountRole`. Inputs take outputs of other resources; `statements` is plain in how many there are. */
export interface ServiceAccountRoleArgs {
  /** Name of the EKS cluster. */
  clusterName: pulumi.Input<string>;

  /** Namespace of the service account; the role is given to this one only. */
  namespace: pulumi.Input<string>;

  /**
   * Name of the service account.
   *
   * @example
   * ```ts
   * { namespace: "jobs", serviceAccount: "tasks" }
   * ```
   */
  serviceAccount: pulumi.Input<string>;

  /**
   * What pods of the service account may do.
   *
   * @example
   * ```ts
   * { statements: [{ Effect: "Allow", Action: ["s3:GetObject"], Resource: [pulumi.interpolate`${bucket.arn}/*`] }] }
   * ```
   */
  statements: readonly PolicyStatement[];

  /** Changes what the component makes: arguments, options and names. */
  transform?: {
    role?: Transform<aws.iam.RoleArgs>;
    policy?: Transform<aws.iam.RolePolicyArgs>;
    association?: Transform<aws.eks.PodIdentityAssociationArgs>;
  };
}

/**
 * AWS permissions for the pods of one Kubernetes service account, by EKS Pod Identity.
 *
 * **Cost**: none.
 *
 * **Teardown**: association first, then role.
 *
 * @example
 * ```ts
 * new ServiceAccountRole("tasks", { clusterName: cluster.name, namespace: "jobs", serviceAccount: "tasks", statements });
 * ```
 */
export class ServiceAccountRole extends pulumi.ComponentResource {
  /** ARN of the role. */
  readonly roleArn: pulumi.Output<string>;
  /** The resources inside, for what the outputs above do not say. */
  readonly nodes: {
    readonly role: aws.iam.Role;
    readonly policy: aws.iam.RolePolicy;
    readonly association: aws.eks.PodIdentityAssociation;
  };

  constructor(name: string, args: ServiceAccountRoleArgs, options?: pulumi.ComponentResourceOptions) {
    super(componentTypes.serviceAccountRole, name, {}, options);
    const role = new aws.iam.Role(
      ...transformed(
        args.transform?.role,
        `${name}-role`,
        {
          description: pulumi.interpolate`Pods of ${args.namespace}/${args.serviceAccount} in ${args.clusterName}`,
          assumeRolePolicy: JSON.stringify({
            Version: "2012-10-17",
            Statement: [
              {
                Effect: "Allow",
                Principal: { Service: "pods.eks.amazonaws.com" },
                Action: ["sts:AssumeRole", "sts:TagSession"],
              },
            ],
          }),
        },
        { parent: this },
      ),
    );
    const policy = new aws.iam.RolePolicy(
      ...transformed(
        args.transform?.policy,
        `${name}-policy`,
        { role: role.id, policy: policyDocument(args.statements) },
        { parent: role },
      ),
    );
    const association = new aws.eks.PodIdentityAssociation(
      ...transformed(
        args.transform?.association,
        `${name}-association`,
        {
          clusterName: args.clusterName,
          namespace: args.namespace,
          serviceAccount: args.serviceAccount,
          roleArn: role.arn,
        },
        // A pod that starts between association and policy would be refused by AWS.
        { parent: this, dependsOn: [policy] },
      ),
    );
    this.nodes = { role, policy, association };
    this.roleArn = role.arn;
    this.registerOutputs({ roleArn: this.roleArn });
  }
}
