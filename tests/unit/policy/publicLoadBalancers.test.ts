import * as aws from "@pulumi/aws";
import * as kubernetes from "@pulumi/kubernetes";
import { describe, expect, it } from "vitest";
import { loadBalancerIsInternal, serviceIsInternal } from "../../../policy/publicLoadBalancers";
import { unknown, violations } from "./violations";

describe("a load balancer of AWS", () => {
  const sentence = "The load balancer faces the internet: set internal to true.";

  it.each([aws.lb.LoadBalancer, aws.alb.LoadBalancer, aws.elb.LoadBalancer])(
    "that faces the internet is refused: %o",
    (resourceClass) => {
      expect(violations(loadBalancerIsInternal, resourceClass, { internal: false })).toEqual([sentence]);
      // AWS's own default.
      expect(violations(loadBalancerIsInternal, resourceClass, {})).toEqual([sentence]);
      expect(violations(loadBalancerIsInternal, resourceClass, { internal: true })).toEqual([]);
    },
  );
});

describe("a Kubernetes service", () => {
  const check = (type: string | undefined, annotations?: Record<string, unknown>): string[] =>
    violations(serviceIsInternal, kubernetes.core.v1.Service, { metadata: { annotations }, spec: { type } });
  const prefix = "service.beta.kubernetes.io/aws-load-balancer";

  it.each([undefined, "ClusterIP", "NodePort"])("of type %s passes", (type) => {
    expect(check(type)).toEqual([]);
  });

  it.each([
    ["no annotation", undefined],
    ["a public scheme", { [`${prefix}-scheme`]: "internet-facing" }],
    [
      "a public scheme beside the older annotation",
      { [`${prefix}-scheme`]: "internet-facing", [`${prefix}-internal`]: "true" },
    ],
    ["the older annotation off", { [`${prefix}-internal`]: "false" }],
  ])("of type LoadBalancer is refused with %s", (_, annotations) => {
    expect(check("LoadBalancer", annotations)).toEqual([
      'The service gets a load balancer that faces the internet: make it a ClusterIP, or annotate it with service.beta.kubernetes.io/aws-load-balancer-scheme: "internal".',
    ]);
  });

  it.each([{ [`${prefix}-scheme`]: "internal" }, { [`${prefix}-internal`]: "true" }])(
    "of type LoadBalancer passes with %j",
    (annotations) => {
      expect(check("LoadBalancer", annotations)).toEqual([]);
    },
  );
});

describe("an ingress", () => {
  const check = (scheme: string | undefined): string[] =>
    violations(serviceIsInternal, kubernetes.networking.v1.Ingress, {
      metadata: { annotations: scheme === undefined ? {} : { "alb.ingress.kubernetes.io/scheme": scheme } },
    });

  it("that faces the internet is refused; the controller's default passes", () => {
    expect(check("internet-facing")).toEqual([
      'The ingress faces the internet: set alb.ingress.kubernetes.io/scheme to "internal".',
    ]);
    expect(check("internal")).toEqual([]);
    expect(check(undefined)).toEqual([]);
  });
});

describe("a chart", () => {
  const check = (values: unknown): string[] =>
    violations(serviceIsInternal, kubernetes.helm.v3.Release, { chart: "c", values });

  it("that is told to make a public load balancer is refused, with the place in its values", () => {
    expect(check({ grafana: { service: { type: "LoadBalancer" } }, server: { serviceType: "LoadBalancer" } })).toEqual(
      ["grafana.service.type", "server.serviceType"].map(
        (path) => `The chart's values ask at ${path} for a load balancer that faces the internet: ask for a ClusterIP.`,
      ),
    );
  });

  it("passes without one, or with an internal one", () => {
    const annotations = { "service.beta.kubernetes.io/aws-load-balancer-scheme": "internal" };
    expect(check({ service: { type: "LoadBalancer", annotations }, list: [1, null, "LoadBalancer"] })).toEqual([]);
    expect(check({ server: { serviceType: "LoadBalancer", serviceAnnotations: annotations } })).toEqual([]);
    expect(check({ service: { type: "ClusterIP" } })).toEqual([]);
    expect(check(undefined)).toEqual([]);
  });

  it("with values that are not known yet is judged as far as they are", () => {
    expect(check({ secret: unknown, service: { type: "ClusterIP" } })).toEqual([]);
  });
});
