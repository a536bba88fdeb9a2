import type { Orchestrator } from "../../configuration/orchestrator";
import { changedProperties, type Handler, type OperationContext } from "../handler";
import {
  callDriver,
  describeWith,
  DriverError,
  type DriverProgress,
  type FlowResult,
  type OrchestratorRequest,
  type RunDescription,
} from "../driver";
import { holdsUnknown } from "../wire";

export interface FlowRunInputs {
  /** Name of the deployment. */
  readonly name: string;
  /** Flow folder below `flows/`: `sft`, `dpo`, `grpo`. */
  readonly flow: string;
  /** Flow file, where it is not `flows/<flow>/flow.py`. */
  readonly flowFile?: string;
  /** The document that the flow reads (docs/contracts.md). */
  readonly run: unknown;
  /** Hash over flow code, recipe, plan and base model: a new hash is a new run. */
  readonly contentHash: string;
  readonly orchestrator: Orchestrator;
  /** `METAFLOW_*` and `AWS_*` variables for the run; a change of these alone starts nothing. */
  readonly environment: Readonly<Record<string, string>>;
  /** `completion`: the operation ends with the run and fails with it. `started`: it ends once the run has started. */
  readonly wait: "completion" | "started";
  /** What one run takes, for the preview. */
  readonly estimate: { readonly usd: number; readonly minutes: number; readonly where: string };
}

export interface FlowRunState extends FlowRunInputs {
  readonly status: RunDescription["status"];
  readonly runId: string | null;
  readonly pathspec: string | null;
  readonly startedAt: string | null;
  readonly finishedAt: string | null;
  /** Where the run's model lies; null until it has been registered. */
  readonly modelUri: string | null;
  /** The model passed its gate. */
  readonly promoted: boolean;
  readonly metrics: FlowResult["metrics"];
  readonly headline: FlowResult["headline"] | null;
  readonly cards: readonly string[];
  readonly logFile: string | null;
}

/** Name of a run that is the same for the same content: an `up` that was interrupted finds its run again by it. */
export function runKey(inputs: Pick<FlowRunInputs, "name" | "contentHash">): string {
  return `${inputs.name}-${inputs.contentHash.slice(0, 12)}`;
}

/** One line for people about where a run is. */
export function progressLine(event: DriverProgress): string {
  if (event.event === "step") return `step ${event.step}: ${event.state}`;
  const parts = [`${event.phase} ${event.step}/${event.totalSteps}`];
  if (event.loss != null) parts.push(`loss ${event.loss.toPrecision(3)}`);
  for (const [name, value] of Object.entries(event.metric ?? {})) parts.push(`${name} ${value.toPrecision(3)}`);
  if (event.secondsLeft != null) parts.push(`${remaining(event.secondsLeft)} left`);
  return parts.join(", ");
}

function remaining(seconds: number): string {
  return seconds < 90 ? `${Math.round(seconds)} s` : `${(seconds / 60).toFixed(1)} min`;
}

/** Why a finished run cannot be used; undefined when it can. */
export function refusal(name: string, run: RunDescription): string | undefined {
  switch (run.status) {
    case "running":
    case "succeeded":
      return undefined;
    case "rejected": {
      const missed = (run.result?.gate ?? [])
        .filter((condition) => !condition.passed)
        .map((condition) => {
          const wanted = [
            condition.minimum != null ? `at least ${condition.minimum}` : undefined,
            condition.maximum != null ? `at most ${condition.maximum}` : undefined,
            condition.minimumGain != null ? `a gain of at least ${condition.minimumGain}` : undefined,
          ].filter((text) => text !== undefined);
          return `  ${condition.metric} is ${condition.value === null ? "missing" : condition.value.toPrecision(4)}, wanted ${wanted.join(" and ")}`;
        });
      return [
        `run ${run.pathspec ?? name} finished, but its model did not pass the gate and is not promoted:`,
        ...missed,
        `The model is kept at ${run.result?.modelUri ?? "the store"}; endpoints keep the last model that passed.`,
        "Change the recipe (or its gate) and run `pulumi up` again.",
      ].join("\n");
    }
    case "failed":
    case "stopped":
    case "missing": {
      const step = run.error?.step == null ? "" : ` in step "${run.error.step}"`;
      return [
        `run ${run.pathspec ?? name} ${run.status === "stopped" ? "was stopped" : `failed${step}`}: ${run.error?.message ?? "no reason was recorded"}`,
        ...(run.error?.lines ?? []).map((line) => `  | ${line}`),
        ...(run.logFile == null ? [] : [`Whole log: ${run.logFile}`]),
        "`pulumi up` again starts it anew.",
      ].join("\n");
    }
  }
}

function request(inputs: FlowRunInputs): OrchestratorRequest {
  return { ...inputs.orchestrator, environment: inputs.environment };
}

function stateOf(inputs: FlowRunInputs, run: RunDescription): FlowRunState {
  return {
    ...inputs,
    status: run.status,
    runId: run.runId ?? null,
    pathspec: run.pathspec ?? null,
    startedAt: run.startedAt ?? null,
    finishedAt: run.finishedAt ?? null,
    modelUri: run.result?.modelUri ?? null,
    promoted: run.result?.promoted ?? false,
    metrics: run.result?.metrics ?? {},
    headline: run.result?.headline ?? null,
    cards: run.cards,
    logFile: run.logFile ?? null,
  };
}

/** True if a run in this state still stands for its inputs; otherwise the next `up` starts a new one. */
function stands(status: RunDescription["status"]): boolean {
  switch (status) {
    case "running":
    case "succeeded":
    case "rejected":
      return true;
    case "failed":
    case "stopped":
    case "missing":
      return false;
  }
}

/** A flow's run as a resource: a new content hash is a new run, and nothing else is. */
export const flowRun: Handler<FlowRunInputs, FlowRunState> = {
  secrets: ["environment"],

  diff(_id, state, news, context) {
    const rerun = holdsUnknown(news.contentHash) || news.contentHash !== state.contentHash || !stands(state.status);
    if (rerun) {
      const { minutes, usd, where } = news.estimate;
      context.info(`starts 1 run of ${news.name}: ${where}, about ${minutes} min, $${usd.toFixed(2)}`);
    }
    // Where the contents are the same, so is the run: paths and ports may move without a new one.
    const changed = changedProperties<FlowRunInputs>(state, news);
    return Promise.resolve({ changes: rerun || changed.length > 0, replaces: rerun ? ["contentHash"] : [] });
  },

  async create(inputs, context) {
    const key = runKey(inputs);
    const orchestrator = request(inputs);
    const { name, flow, flowFile, run: document } = inputs;
    let run = await describeWith(orchestrator, {
      operation: "start",
      key,
      flow,
      ...(flowFile === undefined ? {} : { flowFile }),
      run: document,
    });
    if (inputs.wait === "completion" && run.status === "running") {
      try {
        run = await watch(orchestrator, key, context);
      } catch (error) {
        if (error instanceof DriverError && error.code === "cancelled") {
          throw new Error(
            `stopped waiting for run ${key}; the run itself goes on, and the next \`pulumi up\` finds it again`,
          );
        }
        throw error;
      }
    }
    const reason = refusal(name, run);
    if (reason !== undefined) throw new Error(reason);
    return { id: key, state: stateOf(inputs, run) };
  },

  async read(id, state) {
    const run = await describeWith(request(state), { operation: "describe", key: id });
    return run.status === "missing" ? undefined : stateOf(state, run);
  },

  async update(id, state, news) {
    const run = await describeWith(request(news), { operation: "describe", key: id });
    return run.status === "missing" ? { ...state, ...news } : stateOf(news, run);
  },

  async delete(id, state) {
    await callDriver(request(state), { operation: "delete", key: id });
  },
};

function watch(orchestrator: OrchestratorRequest, key: string, context: OperationContext): Promise<RunDescription> {
  return describeWith(
    orchestrator,
    { operation: "watch", key },
    {
      signal: context.signal,
      onProgress: (event) => {
        context.progress(progressLine(event));
      },
    },
  );
}
