import type { Orchestrator } from "../../contracts/orchestrator";
import type { RunDocument } from "../../contracts/runDocument";
import type { MethodName } from "../../methods";
import type { RunPartHashes } from "../../recipe/runIdentity";
import type { FlowResult, RunDescription } from "../driver";
import type { Loss } from "../modelRegistry";

/** What a program says of a FlowRun. */
export interface FlowRunInputs {
  /** Name of the deployment. */
  readonly name: string;
  /** Flow folder below `flows/`. */
  readonly flow: MethodName;
  /** Flow file, where it is not `flows/<flow>/flow.py`. */
  readonly flowFile?: string;
  /** The document that the flow reads. */
  readonly run: RunDocument;
  /** Hash of all that the run is made of (recipe/runIdentity.ts): a new hash is a new run. */
  readonly contentHash: string;
  /** Hash of each part of that, for the preview to say which has changed; nothing else is decided by them. */
  readonly contentParts: RunPartHashes;
  readonly orchestrator: Orchestrator;
  /** `METAFLOW_*` and `AWS_*` variables for the run; a change of these alone starts nothing. */
  readonly environment: Readonly<Record<string, string>>;
  /** `completion`: the operation ends with the run and fails with it. `started`: it ends once the run has started. */
  readonly wait: "completion" | "started";
  /** What one run takes, for the preview; `minutes` null: nobody can say. */
  readonly estimate: { readonly usd: number; readonly minutes: number | null; readonly where: string };
  /**
   * What to do when the run's model is gone from the store: run again, or let the last promoted model of the deployment that
   * is there stand in for it.
   */
  readonly whenLost: "run-again" | "serve-last";
}

/** What the stack keeps of a FlowRun. */
export interface FlowRunState extends FlowRunInputs {
  readonly status: RunDescription["status"];
  readonly runId: string | null;
  readonly pathspec: string | null;
  readonly startedAt: string | null;
  readonly finishedAt: string | null;
  /** Where the run's model lies, or the one that stands in for it; null until it has been registered. */
  readonly modelUri: string | null;
  /** Where the run's own model was, while another one stands in for it; else null. */
  readonly standsInFor: string | null;
  /** What of the run was there and is gone, as the last refresh has seen it. */
  readonly losses: readonly Loss[];
  /** The model passed its gate. */
  readonly promoted: boolean;
  readonly metrics: FlowResult["metrics"];
  readonly headline: FlowResult["headline"] | null;
  readonly cards: readonly string[];
  readonly logFile: string | null;
}
