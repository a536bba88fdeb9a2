import { z } from "zod";
import { orchestratorSchema } from "./orchestrator";

/**
 * What a stack says of itself once it is up: read by this project's commands, by experiments (a stack reference) and by whoever asks
 * `pulumi stack output`. Strict on both sides; a change that a reader of before would misread is another `version`.
 */

/** Version of both documents. */
export const stackOutputsVersion = 1;

/** A value that a stack may lack: Pulumi hands on null as it is, and keeps nothing of what is undefined. */
const orNull = <Schema extends z.ZodType>(schema: Schema) => schema.nullable().default(null);

/** Environment variables by their names. */
const variables = z.record(z.string(), z.string());

/** A service of the cluster as a person reaches it: by `kubectl port-forward`, on 127.0.0.1. */
export const portForwardSchema = z.strictObject({
  /** What it is, for messages. */
  name: z.string().min(1),
  namespace: z.string().min(1),
  service: z.string().min(1),
  /** Port on the person's machine. */
  localPort: z.number().int().min(1).max(65_535),
  /** Port of the service. */
  port: z.number().int().min(1).max(65_535),
  /** True: pages to look at, which no command needs. */
  onlyToLookAt: z.boolean().optional(),
});

export type PortForward = z.infer<typeof portForwardSchema>;

/** What every stack has. */
const common = {
  version: z.literal(stackOutputsVersion),
  /** What a person puts into `config.json` of their Metaflow home: `METAFLOW_*` keys, no secrets. */
  metaflowConfig: variables,
  /** Environment of everything that runs or reads flows. Secret. */
  metaflowEnvironment: variables,
};

/** One run of the chain. */
const stageOutputSchema = z.strictObject({
  name: z.string(),
  method: z.string(),
  status: z.string(),
  /** Metaflow's name of the run, `<Flow>/<run id>`. */
  pathspec: orNull(z.string()),
  /** Metric that the gate looks at, before and after training. */
  metric: orNull(z.string()),
  before: orNull(z.number()),
  after: orNull(z.number()),
  /** From start to end. */
  minutes: orNull(z.number()),
  /** Prefix of the promoted model. */
  modelUri: orNull(z.string()),
  /** Files of the run's cards. */
  cards: z.array(z.string()),
});

/** Outputs of a stack of kind `local`. */
export const localOutputsSchema = z.strictObject({
  kind: z.literal("local"),
  ...common,
  stages: z.array(stageOutputSchema),
  endpoint: orNull(
    z.strictObject({
      /** Base URL for clients, ending in `/v1`. */
      url: z.string(),
      /** Name under which clients ask for the model. */
      model: z.string(),
      /** Prefix of the model that is served. */
      modelUri: z.string(),
      /** File with the header that clients send; null where none is needed. */
      headerFile: orNull(z.string()),
      /** A line for a shell that asks it one question. */
      curl: z.string(),
    }),
  ),
  /** What clients of the endpoint read from their environment. Secret. */
  endpointEnvironment: orNull(variables),
  /** Root below which registered models lie: `s3://<bucket>/models`. */
  modelsRoot: z.string(),
});

const costItem = z.strictObject({ item: z.string(), usdPerMonth: z.number(), basis: z.string() });

/** Outputs of a stack of kind `platform`. */
export const platformOutputsSchema = z.strictObject({
  kind: z.literal("platform"),
  ...common,
  orchestrator: orchestratorSchema,
  /** Address of Metaflow's web interface for a person's browser; null where there is none. */
  uiUrl: orNull(z.string()),
  portForwards: z.array(portForwardSchema),
  /** Of a platform on Outerbounds: how to sign in, and the IAM policy that the role of its tasks needs for the store. */
  outerbounds: orNull(
    z.strictObject({
      signIn: z.string(),
      signInCommands: z.strictObject({ "github-actions": z.string(), environment: z.string() }),
      storePolicy: z.string(),
    }),
  ),
  store: z.strictObject({
    uri: z.string(),
    modelsRoot: z.string(),
    checkpointsRoot: z.string(),
    datasetsRoot: z.string(),
    region: z.string(),
  }),
  cluster: z.strictObject({
    /** Of EKS's cluster, or of the context in the user's own kubeconfig. */
    name: z.string(),
    /** Namespace in which pods of runs live. */
    jobsNamespace: z.string(),
    /** Value of the label `kueue.x-k8s.io/queue-name` for each team. */
    queues: z.record(z.string(), z.string()),
    /** Text of the kubeconfig, without secrets; null: the user's own has a context of the cluster's name. */
    kubeconfig: orNull(z.string()),
    /** Security group that nodes and pods carry; null where the stack did not make the cluster. */
    securityGroupId: orNull(z.string()),
  }),
  /** Null where the stack did not make the cluster. */
  network: orNull(z.strictObject({ vpcId: z.string(), privateSubnetIds: z.array(z.string()) })),
  /** What the platform costs a month while nothing runs on it. */
  idleCost: z.strictObject({
    items: z.array(costItem).readonly(),
    usdPerMonth: z.number(),
    /** Parts that no source gives a price for; the sum is without them. */
    unknown: z.array(costItem.omit({ usdPerMonth: true })).readonly(),
    notCounted: z.array(z.string()).readonly(),
    region: z.string(),
    pricesDate: z.string(),
  }),
});

export type LocalOutputs = z.infer<typeof localOutputsSchema>;
export type PlatformOutputs = z.infer<typeof platformOutputsSchema>;

/** As a state's file holds them, or `pulumi stack output` without `--show-secrets`: what is secret cannot be read. */
export const sealedLocalOutputsSchema = localOutputsSchema.extend({
  metaflowEnvironment: z.unknown(),
  endpointEnvironment: z.unknown(),
});
export const sealedPlatformOutputsSchema = platformOutputsSchema.extend({ metaflowEnvironment: z.unknown() });
