import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import {
  clusterQueueSpec,
  kueueConfiguration,
  kueueValues,
  largestShares,
  longestTeamName,
  podsReadyMinutes,
  preemptibleClass,
  queueName,
  quotaOf,
} from "../../../../components/gpu/kueueQueues";
import { placementFor } from "../../../../components/core/systemPlacement";
import { catalog } from "../../../../catalog/instances";

const amount = (team: { name: string; gpus: number }, resource: string) => {
  const quota = quotaOf(team).find(({ name }) => name === resource);
  return Number(quota?.nominalQuota.replace("Gi", ""));
};

describe("quota", () => {
  it("holds, on any instance type, whatever fits onto as many GPUs", () => {
    fc.assert(
      fc.property(fc.constantFrom(...catalog.instances), fc.integer({ min: 1, max: 16 }), (instance, nodes) => {
        const team = { name: "red", gpus: instance.gpus * nodes };
        expect(amount(team, "nvidia.com/gpu")).toBe(instance.gpus * nodes);
        expect(amount(team, "cpu")).toBeGreaterThanOrEqual(instance.vcpus * nodes);
        expect(amount(team, "memory")).toBeGreaterThanOrEqual(instance.hostMemoryGib * nodes);
        expect(amount(team, "vpc.amazonaws.com/efa")).toBeGreaterThanOrEqual(instance.efaInterfaces * nodes);
      }),
    );
  });

  it("is whole numbers, as Kubernetes takes them without rounding", () => {
    const instance = catalog.instances[0];
    if (instance === undefined) throw new Error("an empty catalog");
    expect(largestShares([{ ...instance, gpus: 3, vcpus: 10, hostMemoryGib: 10, efaInterfaces: 1 }])).toEqual({
      cpu: 4,
      memoryGib: 4,
      efa: 1,
    });
  });

  it("covers each resource once, in the order in which the flavour lists them, which Kueue demands", () => {
    const [group] = clusterQueueSpec({ name: "red", gpus: 8 }, "jobs").resourceGroups;
    expect(group?.coveredResources).toEqual(["cpu", "memory", "nvidia.com/gpu", "vpc.amazonaws.com/efa"]);
    expect(group?.flavors.map(({ resources }) => resources.map(({ name }) => name))).toEqual([group?.coveredResources]);
  });

  it("of a team without GPUs is nothing: it may only borrow", () => {
    expect(
      new Set(quotaOf({ name: "guest", gpus: 0 }).map(({ nominalQuota }) => nominalQuota.replace("Gi", ""))),
    ).toEqual(new Set(["0"]));
  });
});

describe("preemption", () => {
  it("stops no run for one of the same priority, and ordinary runs are above preemptible ones", () => {
    expect(clusterQueueSpec({ name: "red", gpus: 8 }, "jobs").preemption).toEqual({
      reclaimWithinCohort: "LowerPriority",
      withinClusterQueue: "LowerPriority",
      borrowWithinCohort: { policy: "Never" },
    });
    expect(preemptibleClass.value).toBeLessThan(0);
  });
});

describe("configuration of the controller", () => {
  const configuration = kueueConfiguration("jobs");

  it("knows what Metaflow makes: pods, JobSets, and the jobs that JobSet makes of those", () => {
    expect(configuration.integrations.frameworks).toEqual(["batch/job", "jobset.x-k8s.io/jobset", "pod"]);
  });

  it("manages the jobs' namespace alone, and there only what names a queue", () => {
    expect(configuration.managedJobsNamespaceSelector).toEqual({
      matchLabels: { "kubernetes.io/metadata.name": "jobs" },
    });
    expect(configuration.manageJobsWithoutQueueName).toBe(false);
  });

  it("ignores what Metaflow asks for in every step and no quota covers", () => {
    const { excludeResourcePrefixes } = configuration.resources;
    const ignored = (resource: string) => excludeResourcePrefixes.some((prefix) => resource.startsWith(prefix));
    expect(["ephemeral-storage", "hugepages-2Mi", "hugepages-1Gi"].map(ignored)).toEqual([true, true, true]);
    const covered = quotaOf({ name: "red", gpus: 8 }).map(({ name }) => name);
    expect(covered.filter(ignored)).toEqual([]);
  });

  it("takes a gang that isn't complete in time off its nodes, without holding up the others", () => {
    expect(configuration.waitForPodsReady).toMatchObject({ timeout: `${podsReadyMinutes}m`, blockAdmission: false });
  });

  it("reaches the chart as the text that it wants", () => {
    const values = kueueValues("jobs", placementFor({ podPermissions: "owner" })) as {
      managerConfig: { controllerManagerConfigYaml: string };
    };
    expect(parse(values.managerConfig.controllerManagerConfigYaml)).toEqual(configuration);
  });
});

describe("queueName", () => {
  it("is a valid label value for every team name that is accepted, and never the queue that takes everything", () => {
    const names = fc.stringMatching(/^[a-z0-9](?:[a-z0-9-]{0,20}[a-z0-9])?$/);
    fc.assert(
      fc.property(names, (team) => {
        expect(queueName(team)).toMatch(/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/);
        expect(queueName(team)).not.toBe("default");
      }),
    );
    expect(queueName("x".repeat(longestTeamName))).toHaveLength(63);
    expect(queueName("default")).toBe("team-default");
  });
});
