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
export const portForwardSchema = z
  .strictObject({
    name: z.string().min(1).describe("What it is, for messages."),
    namespace: z.string().min(1).describe("Namespace of the service."),
    service: z.string().min(1).describe("Name of the service."),
    localPort: z.number().int().min(1).max(65_535).describe("Port on the person's machine."),
    port: z.number().int().min(1).max(65_535).describe("Port of the service."),
    onlyToLookAt: z.boolean().optional().describe("True: pages to look at, which no command needs."),
  })
  .meta({
    id: "PortForward",
    description: "A service of the cluster as a person reaches it: by `kubectl port-forward`, on 127.0.0.1.",
  });

export type PortForward = z.infer<typeof portForwardSchema>;

/** What every stack has. */
const common = {
  version: z
    .literal(stackOutputsVersion)
    .describe("A change that a reader of before would misread is another version."),
  metaflowConfig: variables.describe(
    "What a person puts into `config.json` of their Metaflow home: `METAFLOW_*` keys, no secrets.",
  ),
  metaflowEnvironment: variables.describe("Environment of everything that runs or reads flows. Secret."),
};

/** One run of the chain. */
const stageOutputSchema = z
  .strictObject({
    name: z.string().describe("Name of the deployment."),
    method: z.string().describe("How it trains."),
    status: z.string().describe("How its run stands."),
    pathspec: orNull(z.string()).describe("Metaflow's name of the run, `<Flow>/<run id>`."),
    metric: orNull(z.string()).describe("Metric that the gate looks at, before and after training."),
    before: orNull(z.number()).describe("The base model's value."),
    after: orNull(z.number()).describe("The trained model's value."),
    gainError: orNull(z.number()).describe("Standard error of the gain, document by document; null: not known."),
    minutes: orNull(z.number()).describe("From start to end."),
    modelUri: orNull(z.string()).describe("Prefix of the promoted model."),
    cards: z.array(z.string()).describe("Files of the run's cards."),
  })
  .meta({ id: "StageOutput", description: "One run of the chain." });

/** Outputs of a stack of kind `local`. */
export const localOutputsSchema = z
  .strictObject({
    kind: z.literal("local"),
    ...common,
    stages: z.array(stageOutputSchema).describe("The runs, in the order of the chain."),
    endpoint: orNull(
      z
        .strictObject({
          url: z.string().describe("Base URL for clients, ending in `/v1`."),
          model: z.string().describe("Name under which clients ask for the model."),
          modelUri: z.string().describe("Prefix of the model that is served."),
          headerFile: orNull(z.string()).describe("File with the header that clients send; null where none is needed."),
          curl: z.string().describe("A line for a shell that asks it one question."),
        })
        .meta({ id: "EndpointOutput", description: "Where the last promoted model is served." }),
    ).describe("Null where the stack serves no model."),
    endpointEnvironment: orNull(variables).describe(
      "What clients of the endpoint read from their environment. Secret.",
    ),
    modelsRoot: z.string().describe("Root below which registered models lie: `s3://<bucket>/models`."),
  })
  .meta({ id: "LocalOutputs", description: "Outputs of a stack of kind `local`." });

const costItem = z
  .strictObject({
    item: z.string().describe("The part."),
    usdPerMonth: z.number().describe("USD a month."),
    basis: z.string().describe("How the price is made."),
  })
  .meta({ id: "CostItem", description: "What one part of the platform costs." });

/** Outputs of a stack of kind `platform`. */
export const platformOutputsSchema = z
  .strictObject({
    kind: z.literal("platform"),
    ...common,
    orchestrator: orchestratorSchema,
    uiUrl: orNull(z.string()).describe(
      "Address of Metaflow's web interface for a person's browser; null where there is none.",
    ),
    portForwards: z.array(portForwardSchema).describe("Services of the cluster that a person can reach."),
    outerbounds: orNull(
      z
        .strictObject({
          signIn: z.string().describe("The command by which a machine signs in."),
          signInCommands: z
            .strictObject({
              "github-actions": z.string().describe("The command in a workflow of GitHub Actions."),
              environment: z.string().describe("The command where a token is in the environment."),
            })
            .meta({ id: "SignInCommands", description: "How a machine signs in, by how it shows who it is." }),
          storePolicy: z.string().describe("The IAM policy that the role of its tasks needs for the store."),
        })
        .meta({ id: "OuterboundsOutput", description: "What a platform on Outerbounds needs of a person." }),
    ).describe("Null where Metaflow is self-hosted."),
    store: z
      .strictObject({
        uri: z.string().describe("`s3://<bucket>`."),
        modelsRoot: z.string().describe("Prefix of the registered models."),
        checkpointsRoot: z.string().describe("Prefix of checkpoints."),
        datasetsRoot: z.string().describe("Prefix of datasets."),
        region: z.string().describe("Region of the bucket."),
      })
      .meta({ id: "StoreOutput", description: "The artifact store." }),
    cluster: z
      .strictObject({
        name: z.string().describe("Of EKS's cluster, or of the context in the user's own kubeconfig."),
        jobsNamespace: z.string().describe("Namespace in which pods of runs live."),
        queues: z
          .record(z.string(), z.string())
          .describe("Value of the label `kueue.x-k8s.io/queue-name` for each team."),
        kubeconfig: orNull(z.string()).describe(
          "Text of the kubeconfig, without secrets; null: the user's own has a context of the cluster's name.",
        ),
        securityGroupId: orNull(z.string()).describe(
          "Security group that nodes and pods carry; null where the stack did not make the cluster.",
        ),
      })
      .meta({ id: "ClusterOutput", description: "The cluster that runs flows." }),
    network: orNull(
      z
        .strictObject({
          vpcId: z.string().describe("The VPC."),
          privateSubnetIds: z.array(z.string()).describe("Its private subnets."),
        })
        .meta({ id: "NetworkOutput", description: "The network of the cluster." }),
    ).describe("Null where the stack did not make the cluster."),
    idleCost: z
      .strictObject({
        items: z.array(costItem).readonly().describe("Every part that has a price."),
        usdPerMonth: z.number().describe("Their sum."),
        unknown: z
          .array(
            costItem
              .omit({ usdPerMonth: true })
              .meta({ id: "UnpricedItem", description: "A part that no source gives a price for." }),
          )
          .readonly()
          .describe("Parts that no source gives a price for; the sum is without them."),
        notCounted: z.array(z.string()).readonly().describe("What depends on use, and is in no sum."),
        region: z.string().describe("Region of the prices."),
        pricesDate: z.string().describe("Day of the prices."),
      })
      .meta({ id: "IdleCost", description: "What the platform costs a month while nothing runs on it." }),
  })
  .meta({ id: "PlatformOutputs", description: "Outputs of a stack of kind `platform`." });

export type LocalOutputs = z.infer<typeof localOutputsSchema>;
export type PlatformOutputs = z.infer<typeof platformOutputsSchema>;

/** As a state's file holds them, or `pulumi stack output` without `--show-secrets`: what is secret cannot be read. */
export const sealedLocalOutputsSchema = localOutputsSchema.extend({
  metaflowEnvironment: z.unknown(),
  endpointEnvironment: z.unknown().optional(),
});
export const sealedPlatformOutputsSchema = platformOutputsSchema.extend({ metaflowEnvironment: z.unknown() });

export type SealedLocalOutputs = z.infer<typeof sealedLocalOutputsSchema>;
