import { z } from "zod";

/** An absolute path on this machine. */
export const absolutePathSchema = z
  .string()
  .regex(/^\//, "must be an absolute path")
  .meta({ rule: "must be an absolute path" });

const localOrchestratorSchema = z
  .strictObject({
    kind: z.literal("local"),
    runsDirectory: absolutePathSchema.describe("Folder that holds one folder per run."),
  })
  .meta({ id: "LocalOrchestrator", description: "Runs are processes of this machine." });

const argoWorkflowsOrchestratorSchema = z
  .strictObject({
    kind: z.literal("argo-workflows"),
    namespace: z.string().describe("Kubernetes namespace of the workflows."),
    serviceAccount: z.string().describe("Service account of the workflows' pods."),
  })
  .meta({ id: "ArgoWorkflowsOrchestrator", description: "Runs are workflows of Argo on the stack's cluster." });

const outerboundsOrchestratorSchema = z
  .strictObject({
    kind: z.literal("outerbounds"),
    domain: z.string().describe("Domain of the Outerbounds deployment."),
    perimeter: z.string().describe("Perimeter that runs belong to."),
    computePools: z.array(z.string()).describe("Compute pools that steps may use."),
  })
  .meta({ id: "OuterboundsOrchestrator", description: "Runs are those of an Outerbounds deployment." });

/** What starts and watches runs. */
export const orchestratorSchema = z
  .discriminatedUnion("kind", [localOrchestratorSchema, argoWorkflowsOrchestratorSchema, outerboundsOrchestratorSchema])
  .meta({ id: "Orchestrator", description: "What starts and watches runs." });

export type Orchestrator = z.infer<typeof orchestratorSchema>;

/** Environment variables by name. A value may be a secret: no message shows one. */
const environment = z
  .record(
    z
      .string()
      .regex(/^[^=\u0000]+$/, "is not a name that an environment variable can have")
      .meta({ rule: "is not a name that an environment variable can have" }),
    z
      .string()
      .regex(/^[^\u0000]*$/, "must be a text without NUL characters")
      .meta({ rule: "must be a text without NUL characters", writeOnly: true }),
  )
  .describe("`METAFLOW_*` and `AWS_*` variables of the run's processes. Values may be secrets; no message shows one.");

/** What starts and watches runs, and the environment that their processes are given: part of every request to the driver. */
export const orchestratorRequestSchema = z
  .discriminatedUnion("kind", [
    localOrchestratorSchema.extend({ environment }).meta({
      id: "LocalOrchestratorRequest",
      description: "Runs are processes of this machine.",
    }),
    argoWorkflowsOrchestratorSchema.extend({ environment }).meta({
      id: "ArgoWorkflowsOrchestratorRequest",
      description: "Runs are workflows of Argo on the stack's cluster.",
    }),
    outerboundsOrchestratorSchema.extend({ environment }).meta({
      id: "OuterboundsOrchestratorRequest",
      description: "Runs are those of an Outerbounds deployment.",
    }),
  ])
  .meta({ id: "OrchestratorRequest", description: "What starts and watches runs, and with which environment." });

export type OrchestratorRequest = z.infer<typeof orchestratorRequestSchema>;
