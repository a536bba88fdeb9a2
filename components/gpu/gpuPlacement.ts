import { catalog, type Instance } from "../../catalog/instances";
import type { Placement } from "../core/systemPlacement";

/**
 * Label of every GPU node that the project makes; GPU Feature Discovery sets the same one where somebody else runs it.
 */
export const gpuNodeLabel = { key: "nvidia.com/gpu.present", value: "true" } as const;

/** Taint of GPU nodes: pods that ask for no GPU stay off them. */
export const gpuTaint = { key: "nvidia.com/gpu", value: "true", effect: "NoSchedule" } as const;

/** Taint of an experiment's own nodes; its value is the experiment's stack. */
export const experimentTaintKey = "posttraining.dev/experiment";

/** A toleration as Kubernetes writes it. */
export interface Toleration {
  readonly key: string;
  readonly operator: "Exists" | "Equal";
  readonly value?: string;
  readonly effect?: "NoSchedule" | "NoExecute" | "PreferNoSchedule";
}

/** What an agent needs in order to run on every GPU node, whichever experiment has it. */
export const gpuNodeTolerations: readonly Toleration[] = [
  { key: gpuTaint.key, operator: "Exists", effect: "NoSchedule" },
  { key: experimentTaintKey, operator: "Exists", effect: "NoSchedule" },
];

/** Node affinity as Kubernetes writes it; terms are alternatives. */
export interface NodeAffinity {
  readonly nodeAffinity: {
    readonly requiredDuringSchedulingIgnoredDuringExecution: {
      readonly nodeSelectorTerms: readonly {
        readonly matchExpressions: readonly {
          readonly key: string;
          readonly operator: "In" | "NotIn" | "Exists" | "DoesNotExist";
          readonly values?: readonly string[];
        }[];
      }[];
    };
  };
}

/**
 * GPU nodes and no others: by label, or by instance type, which covers nodes of an existing cluster that nobody has
 * labelled. Without it a device plugin would fail on, or uselessly occupy, every CPU node.
 */
export function gpuNodeAffinity(instances: readonly Instance[] = catalog.instances): NodeAffinity {
  return {
    nodeAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: {
        nodeSelectorTerms: [
          { matchExpressions: [{ key: gpuNodeLabel.key, operator: "In", values: [gpuNodeLabel.value] }] },
          {
            matchExpressions: [
              { key: "node.kubernetes.io/instance-type", operator: "In", values: instances.map(({ name }) => name) },
            ],
          },
        ],
      },
    },
  };
}

/** GPU instance types that have an Elastic Fabric Adapter. */
export function efaInstanceTypes(instances: readonly Instance[] = catalog.instances): string[] {
  return instances.filter(({ efaInterfaces }) => efaInterfaces > 0).map(({ name }) => name);
}

/** A placement as the mutable plain object that chart values are made of. */
export function placementValues({ nodeSelector, tolerations }: Placement): {
  nodeSelector: Record<string, string>;
  tolerations: Toleration[];
} {
  return { nodeSelector: { ...nodeSelector }, tolerations: tolerations.map((toleration) => ({ ...toleration })) };
}
