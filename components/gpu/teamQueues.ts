import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { componentTypes } from "../core/componentTypes";
import type { KubernetesCluster } from "../core/kubernetesCluster";
import { type Transform, transformed } from "../core/transform";
import { kueueApiVersion, queueName, type Team } from "./kueueQueues";

/** Arguments of `TeamQueues`. Inputs take outputs of other resources; the teams are plain, since each is a queue. */
export interface TeamQueuesArgs {
  /** Cluster with Kueue. */
  cluster: KubernetesCluster;

  /** The jobs' namespace, in which the queues are: an output of what makes it, so that the queues come after it. */
  namespace: pulumi.Input<string>;

  /**
   * Teams that have a quota.
   *
   * @example
   * ```ts
   * { teams: [{ name: "reasoning" }, { name: "vision" }] }
   * ```
   */
  teams: readonly Pick<Team, "name">[];

  /**
   * Kueue and the quotas that the queues take from.
   *
   * @example
   * ```ts
   * { admission: addons.admission }
   * ```
   */
  admission: readonly pulumi.Resource[];

  /** Changes what the component makes: arguments, options and names. */
  transform?: {
    /** One for each team. */
    localQueue?: Transform<kubernetes.apiextensions.CustomResourceArgs>;
  };
}

/**
 * The queue of each team in the jobs' namespace: what a run names to be admitted by its team's quota.
 *
 * **Cost**: none.
 *
 * **Teardown**: the first of all, while their namespace and Kueue are there.
 *
 * @example
 * ```ts
 * new TeamQueues("queues", { cluster, namespace, teams, admission: addons.admission });
 * ```
 */
export class TeamQueues extends pulumi.ComponentResource {
  /** Value of the label `kueue.x-k8s.io/queue-name` for each team. */
  readonly queues: Readonly<Record<string, string>>;
  /** The resources inside, for what the outputs above do not say. */
  readonly nodes: { readonly localQueues: readonly kubernetes.apiextensions.CustomResource[] };

  constructor(name: string, args: TeamQueuesArgs, options?: pulumi.ComponentResourceOptions) {
    super(componentTypes.teamQueues, name, {}, options);
    const localQueues = args.teams.map(
      (team) =>
        new kubernetes.apiextensions.CustomResource(
          ...transformed(
            args.transform?.localQueue,
            `${name}-${team.name}`,
            {
              apiVersion: kueueApiVersion,
              kind: "LocalQueue",
              metadata: { name: queueName(team.name), namespace: args.namespace },
              spec: { clusterQueue: team.name },
            },
            { parent: this, provider: args.cluster.provider, dependsOn: [...args.admission] },
          ),
        ),
    );
    this.queues = Object.fromEntries(args.teams.map((team) => [team.name, queueName(team.name)]));
    this.nodes = { localQueues };
    this.registerOutputs({ queues: this.queues });
  }
}
