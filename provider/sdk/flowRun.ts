import * as pulumi from "@pulumi/pulumi";
import type { RunPartHashes } from "../../recipe/runIdentity";
import type { FlowRunInputs, FlowRunState } from "../resources/flowRun";
import { resourceTypes } from "../resourceTypes";
import { pendingOutputs, type ProgramInputs } from "./inputs";

export interface FlowRunArgs extends Omit<ProgramInputs<FlowRunInputs>, "contentParts"> {
  /** Each by itself: of a run whose base model is not known yet, the others are. */
  readonly contentParts: ProgramInputs<RunPartHashes>;
}

/** One run of a flow. A new content hash is a new run; nothing else starts one. */
export class FlowRun extends pulumi.CustomResource {
  declare readonly status: pulumi.Output<FlowRunState["status"]>;
  declare readonly runId: pulumi.Output<string | null>;
  declare readonly pathspec: pulumi.Output<string | null>;
  /** ISO 8601 UTC. */
  declare readonly startedAt: pulumi.Output<string | null>;
  declare readonly finishedAt: pulumi.Output<string | null>;
  declare readonly modelUri: pulumi.Output<string | null>;
  /** What of the run was there and is gone, as the last refresh has seen it. */
  declare readonly losses: pulumi.Output<FlowRunState["losses"]>;
  declare readonly promoted: pulumi.Output<boolean>;
  declare readonly metrics: pulumi.Output<FlowRunState["metrics"]>;
  declare readonly headline: pulumi.Output<FlowRunState["headline"]>;
  /** Paths of HTML files. */
  declare readonly cards: pulumi.Output<string[]>;
  declare readonly logFile: pulumi.Output<string | null>;

  constructor(name: string, args: FlowRunArgs, options?: pulumi.CustomResourceOptions) {
    const outputs = pendingOutputs(
      ...(["status", "runId", "pathspec", "startedAt", "finishedAt", "modelUri", "promoted"] as const),
      ...(["metrics", "headline", "cards", "logFile", "losses", "standsInFor"] as const),
    );
    super(
      resourceTypes.flowRun,
      name,
      { ...outputs, ...args },
      {
        ...options,
        additionalSecretOutputs: ["environment"],
      },
    );
  }
}
