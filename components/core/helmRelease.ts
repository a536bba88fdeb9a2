import type * as kubernetes from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";

/** Where a chart comes from: a repository and the chart's name in it, or an OCI reference. */
export interface ChartSource {
  readonly chart: string;
  readonly repository?: string;
}

/** Plain values of a chart. */
export type ChartValues = Record<string, unknown>;

export interface ReleaseRequest {
  readonly source: ChartSource;
  readonly version: string;
  /** Name of the release, from which charts derive the names of what they make. */
  readonly name: string;
  readonly namespace: pulumi.Input<string>;
  readonly values: pulumi.Input<ChartValues>;
  /**
   * Seconds until an installation counts as failed, and is taken back.
   *
   * @default 600
   */
  readonly timeoutSeconds?: number;
}

/**
 * Arguments of a Helm release that leaves nothing half done: an installation that fails is taken back, an upgrade that
 * fails returns to what was there, and a later `pulumi up` finds no "another operation in progress".
 */
export function releaseArgs(request: ReleaseRequest): kubernetes.helm.v3.ReleaseArgs {
  const { source, version, name, namespace, values, timeoutSeconds } = request;
  return {
    name,
    chart: source.chart,
    ...(source.repository === undefined ? {} : { repositoryOpts: { repo: source.repository } }),
    version,
    namespace,
    values,
    atomic: true,
    cleanupOnFail: true,
    timeout: timeoutSeconds ?? 600,
  };
}
