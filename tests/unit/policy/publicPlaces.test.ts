import * as aws from "@pulumi/aws";
import * as kubernetes from "@pulumi/kubernetes";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isTheWorld } from "../../../policy/addresses";
import { securityGroupIsNotOpen } from "../../../policy/openSecurityGroups";
import { clusterEndpointIsNotOpen } from "../../../policy/publicClusterEndpoints";
import { databaseIsNotPublic } from "../../../policy/publicDatabases";
import { loadBalancerIsInternal, serviceIsInternal } from "../../../policy/publicLoadBalancers";
import { unknown, violations } from "./violations";

describe("a database", () => {
  const sentence = "The database can be reached from the internet: set publiclyAccessible to false.";

  it.each([aws.rds.Instance, aws.rds.ClusterInstance, aws.redshift.Cluster])(
    "with a public address is refused: %o",
    (resourceClass) => {
      expect(violations(databaseIsNotPublic, resourceClass, { publiclyAccessible: true })).toEqual([sentence]);
    },
  );

  it("without one passes", () => {
    for (const publiclyAccessible of [false, undefined, unknown])
      expect(violations(databaseIsNotPublic, aws.rds.Instance, { publiclyAccessible })).toEqual([]);
  });

  it("of another provider is none of its business", () => {
    expect(violations(databaseIsNotPublic, kubernetes.core.v1.ConfigMap, { publiclyAccessible: true })).toEqual([]);
  });
});

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

describe("a cluster's endpoint", () => {
  const check = (vpcConfig: Record<string, unknown>): string[] =>
    violations(clusterEndpointIsNotOpen, aws.eks.Cluster, { vpcConfig: { subnetIds: unknown, ...vpcConfig } });

  it("that is private, or public to named ranges, passes", () => {
    expect(check({ endpointPublicAccess: false, endpointPrivateAccess: true })).toEqual([]);
    expect(check({ endpointPublicAccess: true, publicAccessCidrs: ["203.0.113.7/32"] })).toEqual([]);
    expect(check({ endpointPublicAccess: true, publicAccessCidrs: unknown })).toEqual([]);
  });

  it.each(["0.0.0.0/0", "::/0"])("that is open to %s is refused", (cidr) => {
    expect(check({ endpointPublicAccess: true, publicAccessCidrs: ["203.0.113.7/32", cidr] })).toEqual([
      `The cluster's endpoint is open to ${cidr}: name the ranges from which it is used, or make it private.`,
    ]);
  });

  it("that is left to EKS is refused: it is public to all", () => {
    for (const vpcConfig of [{}, { endpointPublicAccess: true }, { endpointPublicAccess: true, publicAccessCidrs: [] }])
      expect(check(vpcConfig)).toEqual([
        "The cluster's endpoint is open to the world, which is EKS's default: set vpcConfig.endpointPublicAccess to false, or name the ranges in publicAccessCidrs.",
      ]);
  });
});

describe("a security group", () => {
  const sentence = (cidrs: string): string =>
    `The security group lets ${cidrs} in: name another security group, or the ranges that need it.`;

  it.each([aws.ec2.SecurityGroup, aws.ec2.DefaultSecurityGroup])(
    "with a rule for the world in it is refused: %o",
    (resourceClass) => {
      const ingress = [
        {
          protocol: "tcp",
          fromPort: 443,
          toPort: 443,
          cidrBlocks: ["10.0.0.0/8", "0.0.0.0/0"],
          ipv6CidrBlocks: ["::/0"],
        },
      ];
      expect(violations(securityGroupIsNotOpen, resourceClass, { ingress })).toEqual([sentence("0.0.0.0/0 and ::/0")]);
    },
  );

  it("passes with its own network, another group, or an open way out", () => {
    const ingress = [{ cidrBlocks: ["10.64.0.0/16"] }, { securityGroups: [unknown] }, { self: true }];
    const egress = [{ cidrBlocks: ["0.0.0.0/0"] }];
    expect(violations(securityGroupIsNotOpen, aws.ec2.SecurityGroup, { ingress, egress })).toEqual([]);
    expect(violations(securityGroupIsNotOpen, aws.ec2.SecurityGroup, {})).toEqual([]);
  });

  it("rule of its own is judged by its direction", () => {
    const world = { cidrBlocks: ["0.0.0.0/0"] };
    expect(violations(securityGroupIsNotOpen, aws.ec2.SecurityGroupRule, { type: "ingress", ...world })).toEqual([
      sentence("0.0.0.0/0"),
    ]);
    expect(
      violations(securityGroupIsNotOpen, aws.ec2.SecurityGroupRule, { type: "ingress", ipv6CidrBlocks: ["::/0"] }),
    ).toEqual([sentence("::/0")]);
    expect(violations(securityGroupIsNotOpen, aws.ec2.SecurityGroupRule, { type: "egress", ...world })).toEqual([]);
    expect(
      violations(securityGroupIsNotOpen, aws.ec2.SecurityGroupRule, {
        type: "ingress",
        sourceSecurityGroupId: unknown,
      }),
    ).toEqual([]);
  });

  it("ingress rule of the VPC service is judged, its egress rule is not", () => {
    expect(violations(securityGroupIsNotOpen, aws.vpc.SecurityGroupIngressRule, { cidrIpv4: "0.0.0.0/0" })).toEqual([
      sentence("0.0.0.0/0"),
    ]);
    expect(violations(securityGroupIsNotOpen, aws.vpc.SecurityGroupIngressRule, { cidrIpv6: "::/0" })).toEqual([
      sentence("::/0"),
    ]);
    expect(violations(securityGroupIsNotOpen, aws.vpc.SecurityGroupIngressRule, { cidrIpv4: "10.64.0.0/16" })).toEqual(
      [],
    );
    expect(violations(securityGroupIsNotOpen, aws.vpc.SecurityGroupEgressRule, { cidrIpv4: "0.0.0.0/0" })).toEqual([]);
  });
});

describe("a range of addresses", () => {
  it.each(["0.0.0.0/0", "::/0", "0.0.0.0/1", "128.0.0.0/1", "64.0.0.0/2", "8000::/1", " 0.0.0.0/0 "])(
    "%s is the world",
    (cidr) => {
      expect(isTheWorld(cidr)).toBe(true);
    },
  );

  it.each(["10.0.0.0/8", "203.0.113.7/32", "fc00::/7", "2001:db8::/32", "pl-12345678", ""])("%s is not", (cidr) => {
    expect(isTheWorld(cidr)).toBe(false);
  });

  it("of a VPC is never the world: AWS takes /16 to /28", () => {
    fc.assert(
      fc.property(fc.ipV4(), fc.integer({ min: 16, max: 28 }), (address, prefix) => {
        expect(isTheWorld(`${address}/${prefix}`)).toBe(false);
      }),
    );
  });
});
