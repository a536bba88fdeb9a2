import * as aws from "@pulumi/aws";
import * as kubernetes from "@pulumi/kubernetes";
import type { ResourceValidationPolicy } from "@pulumi/policy";
import { isTrue, rule } from "./rule";

/** Nothing is served to the internet: people reach the platform from inside the VPC, or by port-forwards. */

const awsMessage = "The load balancer faces the internet: set internal to true.";
const serviceMessage =
  'The service gets a load balancer that faces the internet: make it a ClusterIP, or annotate it with service.beta.kubernetes.io/aws-load-balancer-scheme: "internal".';

type Annotations = Readonly<Record<string, unknown>>;

/** What the AWS Load Balancer Controller and the older in-tree controller read. */
function isInternal(annotations: Annotations | undefined): boolean {
  const scheme = annotations?.["service.beta.kubernetes.io/aws-load-balancer-scheme"];
  if (scheme !== undefined) return scheme === "internal";
  return isTrue(annotations?.["service.beta.kubernetes.io/aws-load-balancer-internal"]);
}

/**
 * No load balancer of AWS faces the internet.
 *
 * @severity high
 * @link https://docs.aws.amazon.com/elasticloadbalancing/latest/userguide/how-elastic-load-balancing-works.html#load-balancer-scheme
 */
export const loadBalancerIsInternal: ResourceValidationPolicy = {
  name: "load-balancer-is-internal",
  description: "A load balancer must not face the internet.",
  severity: "high",
  validateResource: [
    rule(aws.lb.LoadBalancer, ({ internal }, report) => {
      if (internal !== true) report(awsMessage);
    }),
    rule(aws.alb.LoadBalancer, ({ internal }, report) => {
      if (internal !== true) report(awsMessage);
    }),
    rule(aws.elb.LoadBalancer, ({ internal }, report) => {
      if (internal !== true) report(awsMessage);
    }),
  ],
};

/**
 * No Kubernetes service or ingress makes a load balancer that faces the internet, and no chart is told to.
 *
 * @severity high
 * @link https://kubernetes-sigs.github.io/aws-load-balancer-controller/latest/guide/service/annotations/#lb-scheme
 */
export const serviceIsInternal: ResourceValidationPolicy = {
  name: "service-is-internal",
  description: "A Kubernetes service or ingress must not face the internet.",
  severity: "high",
  validateResource: [
    rule(kubernetes.core.v1.Service, ({ metadata, spec }, report) => {
      if (spec?.type === "LoadBalancer" && !isInternal(metadata?.annotations)) report(serviceMessage);
    }),
    rule(kubernetes.networking.v1.Ingress, ({ metadata }, report) => {
      if (metadata?.annotations?.["alb.ingress.kubernetes.io/scheme"] === "internet-facing")
        report('The ingress faces the internet: set alb.ingress.kubernetes.io/scheme to "internal".');
    }),
    rule(kubernetes.helm.v3.Release, ({ values }, report) => {
      for (const path of publicServices(values, ""))
        report(`The chart's values ask at ${path} for a load balancer that faces the internet: ask for a ClusterIP.`);
    }),
  ],
};

/** Paths in a chart's values at which a service is asked for that gets a public load balancer. Charts call its type `type` or `serviceType`. */
function publicServices(value: unknown, path: string): string[] {
  if (typeof value !== "object" || value === null) return [];
  const tree = value as Readonly<Record<string, unknown>>;
  const annotations = (tree.annotations ?? tree.serviceAnnotations) as Annotations | undefined;
  return Object.entries(tree).flatMap(([key, child]) => {
    const here = path === "" ? key : `${path}.${key}`;
    if ((key === "type" || key === "serviceType") && child === "LoadBalancer")
      return isInternal(annotations) ? [] : [here];
    return publicServices(child, here);
  });
}
