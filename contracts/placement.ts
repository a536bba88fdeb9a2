import { z } from "zod";

const name = z.string().min(1);
const texts = z.record(name, z.string());

/**
 * Where a run's pods go, for Metaflow's `@kubernetes`. Not part of a run's identity: another placement starts no new run.
 *
 * GPUs are not among it: a pod has as many as the plan's nodes have.
 */
export const placementSchema = z
  .strictObject({
    image: name.describe("Container image of every step."),
    imagePullPolicy: z.enum(["Always", "IfNotPresent", "Never"]).optional().describe("Left out: Kubernetes' default."),
    imagePullSecrets: z.array(name).default([]).describe("Secrets with which the image is pulled."),
    namespace: name.describe("Namespace of every step's pod."),
    serviceAccount: name.describe("Service account of every step's pod."),
    secrets: z.array(name).default([]).describe("Secrets whose entries are environment variables of every step."),
    labels: texts.default({}).describe("Labels of every step's pod, such as the queue that admits it."),
    annotations: texts.default({}).describe("Annotations of every step's pod."),
    nodeSelector: texts.default({}).describe("Labels of the nodes that train and evaluate."),
    tolerations: z
      .array(
        z
          .strictObject({
            key: name.optional().describe("The taint's key; left out: every key."),
            operator: z.enum(["Equal", "Exists"]).default("Equal").describe("`Exists` takes every value."),
            value: z.string().optional().describe("The taint's value."),
            effect: z
              .enum(["NoSchedule", "PreferNoSchedule", "NoExecute"])
              .optional()
              .describe("Left out: every effect."),
          })
          .meta({ id: "Toleration", description: "A taint of nodes that a pod tolerates." }),
      )
      .default([])
      .describe("Taints of the nodes that train and evaluate."),
    cpu: z.number().positive().describe("Cores of a pod that trains or evaluates."),
    memory: z.number().int().min(1).describe("Memory of such a pod in MB."),
    disk: z.number().int().min(1).describe("Ephemeral storage of such a pod in MB."),
    extendedResources: texts
      .default({})
      .describe("Resources of such a pod beyond GPUs, such as network interfaces: `vpc.amazonaws.com/efa`."),
    sharedMemory: z
      .number()
      .int()
      .min(1)
      .optional()
      .describe("`/dev/shm` of such a pod in MiB: NCCL and data loaders; left out: the container runtime's 64 MiB."),
  })
  .meta({ id: "Placement", description: "Where a run's pods go, for Metaflow's `@kubernetes`." });

/** A placement with every default filled in. */
export type Placement = z.infer<typeof placementSchema>;
