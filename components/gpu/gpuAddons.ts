import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { componentTypes } from "../core/componentTypes";
import {
  dcgmExporterValues,
  efaDevicePluginValues,
  type GpuAddon,
  gpuAddonNames,
  type GpuAddonVersions,
  type GpuChart,
  gpuCharts,
  jobSetValues,
  nvidiaDevicePluginValues,
} from "./gpuCharts";
import { gpuAddonsArgumentErrors } from "./gpuAddonsArguments";
import { type ChartValues, releaseArgs } from "../core/helmRelease";
import { refuse } from "../core/inputErrors";
import type { KubernetesCluster } from "../core/kubernetesCluster";
import { clusterQueueSpec, flavor, kueueApiVersion, kueueValues, preemptibleClass, type Team } from "./kueueQueues";
import { placementFor } from "../core/systemPlacement";
import { type Transform, transformed } from "../core/transform";

/**
 * Arguments of `GpuAddons`. They are plain on purpose: they decide which charts are installed, in which versions, and which quotas there
 * are, which is checked and shown in the preview before anything exists.
 */
export interface GpuAddonsArgs {
  /** Where to install: a `Cluster`, or `existingCluster(...)`. */
  cluster: KubernetesCluster;

  /**
   * Versions of the charts, pinned.
   *
   * @example
   * ```ts
   * { charts: { nvidiaDevicePlugin: "0.19.3", efaDevicePlugin: "0.5.30", dcgmExporter: "4.8.2", jobSet: "0.10.1", kueue: "0.16.9" } }
   * ```
   */
  charts: GpuAddonVersions;

  /**
   * What to install. A cluster that was there may have some of it; two device plugins of one kind on a node disturb
   * each other.
   *
   * @default all
   * @example
   * ```ts
   * { install: ["jobSet", "kueue"] }
   * ```
   */
  install?: readonly GpuAddon[];

  /**
   * Teams and the GPUs that are each one's own. Used only where Kueue is installed.
   *
   * @example
   * ```ts
   * { teams: [{ name: "reasoning", gpus: 64 }, { name: "vision", gpus: 16 }] }
   * ```
   */
  teams: readonly Team[];

  /**
   * Name of the namespace in which runs' pods live, if another component makes it. That one must depend on `admission`: its
   * pods carry Kueue's finalizers, so Kueue has to be there until it is gone.
   *
   * @default a namespace `experiments`, made and deleted by the component
   * @example
   * ```ts
   * { jobsNamespace: "metaflow-jobs" }
   * ```
   */
  jobsNamespace?: string;

  /** Changes what the component makes: arguments, options and names. */
  transform?: {
    /** Of the agents, of JobSet and of Kueue. */
    namespace?: Transform<kubernetes.core.v1.NamespaceArgs>;
    release?: Partial<Record<GpuAddon, Transform<kubernetes.helm.v3.ReleaseArgs>>>;
    resourceFlavor?: Transform<kubernetes.apiextensions.CustomResourceArgs>;
    priorityClass?: Transform<kubernetes.apiextensions.CustomResourceArgs>;
    /** One for each team. */
    clusterQueue?: Transform<kubernetes.apiextensions.CustomResourceArgs>;
    jobsNamespace?: Transform<kubernetes.core.v1.NamespaceArgs>;
  };
}

/**
 * What a cluster needs before it can run anything on GPUs: NVIDIA's and EFA's device plugins, the DCGM exporter, JobSet
 * for distributed steps, and Kueue, which gives each team its quota and lets a run start only when all of it can.
 *
 * The agents run on GPU nodes only, those of every experiment included; the controllers on the system nodes. NVIDIA's
 * operator is not used: driver and container toolkit come with the AMI.
 *
 * A step gets into a queue by the label `kueue.x-k8s.io/queue-name` with the value that `TeamQueues` has for its team. Put
 * it on the steps that ask for GPUs: `@kubernetes(gpu=8, labels={"kueue.x-k8s.io/queue-name": "team-default"})`. An
 * ordinary step is one pod, made by Argo, which Kueue holds back by a scheduling gate until there is quota. A
 * `@torchrun` or `num_parallel` step is a JobSet: Metaflow writes the label on the JobSet too, and Kueue keeps it
 * suspended until the quota covers all of its pods; the small pod that creates the JobSet has no label and starts at
 * once. Steps without the label are none of Kueue's business. `METAFLOW_KUBERNETES_LABELS` would put every step into
 * the queue, those that only need a CPU as well.
 *
 * All or nothing: a run gets its whole quota or none of it, and one whose pods aren't all ready in time gives its nodes
 * back and waits again. Teams lend each other what they don't use; a run gives way only to one of higher priority, so
 * only those with the label `kueue.x-k8s.io/priority-class: preemptible` ever do.
 *
 * **Cost**: none of its own; about 0.3 vCPU and 1 GiB of the system nodes.
 *
 * **Teardown**: queues first, while Kueue is there to take their finalizers off; then the jobs' namespace if it was made
 * here, with all that is in it; quotas and flavour; Kueue, then JobSet; the agents any time. A quota can't be deleted
 * while a run uses it: destroy the experiments before. JobSet's CRD stays in a cluster that stays (Helm never deletes
 * CRDs).
 *
 * @example
 * ```ts
 * const addons = new GpuAddons("gpu-addons", { cluster, charts, teams: [{ name: "default", gpus: 64 }] });
 * new TeamQueues("queues", { cluster, teams, namespace: addons.jobsNamespace, admission: addons.admission });
 * ```
 */
export class GpuAddons extends pulumi.ComponentResource {
  /** Namespace in which runs' pods live. */
  readonly jobsNamespace: pulumi.Output<string>;
  /** Kueue and its quotas: what has to stay until the jobs' namespace is gone. Empty where Kueue isn't installed. */
  readonly admission: readonly pulumi.Resource[];
  /** The resources inside, for what the outputs above do not say. */
  readonly nodes: {
    /** Namespace of the agents; null if none is installed. */
    readonly namespace: kubernetes.core.v1.Namespace | null;
    /** The jobs' namespace, if it was made here. */
    readonly jobsNamespace: kubernetes.core.v1.Namespace | null;
    readonly releases: Readonly<Partial<Record<GpuAddon, kubernetes.helm.v3.Release>>>;
    readonly clusterQueues: readonly kubernetes.apiextensions.CustomResource[];
  };

  constructor(name: string, args: GpuAddonsArgs, options?: pulumi.ComponentResourceOptions) {
    refuse("GpuAddons", name, gpuAddonsArgumentErrors(args));
    super(componentTypes.gpuAddons, name, {}, options);
    const { cluster, charts, teams } = args;
    const installed = new Set(args.install ?? gpuAddonNames);
    const placement = placementFor(cluster);
    const inCluster = { parent: this, provider: cluster.provider };
    const afterCluster = { ...inCluster, dependsOn: cluster.ready };

    const agents = createAgents();
    const jobSet = createJobSet();
    const jobsNamespaceName = args.jobsNamespace ?? "experiments";
    const kueue = createKueue();
    const clusterQueues = createClusterQueues();
    const ownNamespace = createJobsNamespace();

    this.jobsNamespace = ownNamespace === null ? pulumi.output(jobsNamespaceName) : ownNamespace.metadata.name;
    this.admission = kueue === null ? [] : [kueue, ...clusterQueues];
    this.nodes = {
      namespace: agents.namespace,
      jobsNamespace: ownNamespace,
      releases: {
        ...agents.releases,
        ...(jobSet === null ? {} : { jobSet }),
        ...(kueue === null ? {} : { kueue }),
      },
      clusterQueues,
    };
    this.registerOutputs({ jobsNamespace: this.jobsNamespace });

    function createNamespace(suffix: string, physicalName: string, podSecurity: "privileged" | "restricted") {
      return new kubernetes.core.v1.Namespace(
        ...transformed(
          args.transform?.namespace,
          `${name}-${suffix}`,
          { metadata: { name: physicalName, labels: { "pod-security.kubernetes.io/enforce": podSecurity } } },
          afterCluster,
        ),
      );
    }

    function createRelease(
      addon: GpuAddon,
      namespace: kubernetes.core.v1.Namespace,
      values: pulumi.Input<ChartValues>,
      dependsOn: pulumi.Resource[] = [],
    ) {
      const source: GpuChart = gpuCharts[addon];
      return new kubernetes.helm.v3.Release(
        ...transformed(
          args.transform?.release?.[addon],
          `${name}-${source.release}`,
          releaseArgs({
            source,
            version: charts[addon],
            name: source.release,
            namespace: namespace.metadata.name,
            values,
          }),
          { ...inCluster, dependsOn: [...cluster.ready, ...dependsOn] },
        ),
      );
    }

    function createAgents() {
      const values = {
        nvidiaDevicePlugin: nvidiaDevicePluginValues,
        efaDevicePlugin: efaDevicePluginValues,
        dcgmExporter: dcgmExporterValues,
      } as const;
      const wanted = (Object.keys(values) as (keyof typeof values)[]).filter((addon) => installed.has(addon));
      if (wanted.length === 0) return { namespace: null, releases: {} };
      // Device plugins talk to the kubelet by its socket, and profiling needs SYS_ADMIN.
      const namespace = createNamespace("namespace", "posttraining-gpu", "privileged");
      const releases: Partial<Record<GpuAddon, kubernetes.helm.v3.Release>> = Object.fromEntries(
        wanted.map((addon) => [addon, createRelease(addon, namespace, values[addon]())]),
      );
      return { namespace, releases };
    }

    function createJobSet() {
      if (!installed.has("jobSet")) return null;
      const namespace = createNamespace("jobset-namespace", "jobset-system", "restricted");
      return createRelease("jobSet", namespace, jobSetValues(placement));
    }

    function createKueue() {
      if (!installed.has("kueue")) return null;
      const namespace = createNamespace("kueue-namespace", "kueue-system", "restricted");
      const values = kueueValues(jobsNamespaceName, placement);
      // Kueue looks for JobSet's CRD when it starts.
      return createRelease("kueue", namespace, values, jobSet === null ? [] : [jobSet]);
    }

    function createClusterQueues() {
      if (kueue === null) return [];
      const afterKueue = { ...inCluster, dependsOn: [kueue] };
      const resourceFlavor = new kubernetes.apiextensions.CustomResource(
        ...transformed(
          args.transform?.resourceFlavor,
          `${name}-flavor`,
          { apiVersion: kueueApiVersion, kind: "ResourceFlavor", metadata: { name: flavor }, spec: {} },
          afterKueue,
        ),
      );
      new kubernetes.apiextensions.CustomResource(
        ...transformed(
          args.transform?.priorityClass,
          `${name}-preemptible`,
          {
            apiVersion: kueueApiVersion,
            kind: "WorkloadPriorityClass",
            metadata: { name: preemptibleClass.name },
            value: preemptibleClass.value,
            description: preemptibleClass.description,
          },
          afterKueue,
        ),
      );
      return teams.map(
        (team) =>
          new kubernetes.apiextensions.CustomResource(
            ...transformed(
              args.transform?.clusterQueue,
              `${name}-${team.name}-quota`,
              {
                apiVersion: kueueApiVersion,
                kind: "ClusterQueue",
                metadata: { name: team.name },
                spec: clusterQueueSpec(team, jobsNamespaceName),
              },
              { ...inCluster, dependsOn: [kueue, resourceFlavor] },
            ),
          ),
      );
    }

    /**
     * After Kueue and its quotas, so that it is deleted, with all pods that Kueue has marked, while Kueue can still
     * take its marks off.
     */
    function createJobsNamespace() {
      if (args.jobsNamespace !== undefined) return null;
      return new kubernetes.core.v1.Namespace(
        ...transformed(
          args.transform?.jobsNamespace,
          `${name}-jobs-namespace`,
          { metadata: { name: jobsNamespaceName } },
          {
            ...inCluster,
            dependsOn: [...cluster.ready, ...(kueue === null ? [] : [kueue]), ...clusterQueues],
          },
        ),
      );
    }
  }
}
