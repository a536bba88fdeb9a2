import * as fs from "node:fs";
import * as path from "node:path";
import type { RunDocument } from "../../contracts/runDocument";
import { layout } from "../../machine/checkout.mjs";
import { foreignFolderProblem } from "../../machine/removal";
import { runKey, type RunPart, runParts } from "../../recipe/runIdentity";
import { changedProperties, type Handler, type OperationContext } from "../handler";
import { Heartbeat } from "../heartbeat";
import { lastPromotedModel, type Loss, modelLosses } from "../modelRegistry";
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
import type { FlowRunInputs, FlowRunState } from "../resources/flowRun";

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
    case "rejected":
      return missedGate(name, run);
    case "failed":
    case "stopped":
    case "missing":
      return failure(name, run);
  }
}

function missedGate(name: string, { pathspec, result }: RunDescription): string {
  const missed = (result?.gate ?? []).filter(({ passed }) => !passed);
  return [
    `run ${pathspec ?? name} finished, but its model did not pass the gate and is not promoted:`,
    ...missed.map(missedCondition),
    `The model is kept at ${result?.modelUri ?? "the store"}; endpoints keep the last model that passed.`,
    "Change the recipe (or its gate) and run `pulumi up` again.",
  ].join("\n");
}

const bounds = [
  { bound: "minimum", words: "at least" },
  { bound: "maximum", words: "at most" },
  { bound: "minimumGain", words: "a gain of at least" },
] as const;

function missedCondition(condition: FlowResult["gate"][number]): string {
  const { metric, value, confidence } = condition;
  const wanted = bounds.flatMap(({ bound, words }) => {
    const limit = condition[bound];
    return limit == null ? [] : [`${words} ${limit}${sureness(condition.bounds?.[bound], confidence)}`];
  });
  return `  ${metric} is ${value === null ? "missing" : value.toPrecision(4)}, wanted ${wanted.join(" and ")}`;
}

/** What a demand was held against where that is not the value itself. */
function sureness(bound: number | null | undefined, confidence: number | undefined): string {
  if (bound === undefined || confidence === undefined) return "";
  const share = `${Number((100 * confidence).toFixed(3))} %`;
  return bound === null
    ? ` (with ${share} confidence nothing can be said of it: its task has no value for each document)`
    : ` (with ${share} confidence: ${bound.toPrecision(4)})`;
}

function failure(name: string, { status, pathspec, error, logFile }: RunDescription): string {
  const step = error?.step == null ? "" : ` in step "${error.step}"`;
  return [
    `run ${pathspec ?? name} ${status === "stopped" ? "was stopped" : `failed${step}`}: ${error?.message ?? "no reason was recorded"}`,
    ...(error?.lines ?? []).map((line) => `  | ${line}`),
    ...(logFile == null ? [] : [`Whole log: ${logFile}`]),
    "`pulumi up` again starts it anew.",
  ].join("\n");
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
    standsInFor: null,
    losses: [],
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

const hasEndedWell = (status: RunDescription["status"]): status is "succeeded" | "rejected" =>
  status === "succeeded" || status === "rejected";

/** What an `up` does about a run whose contents have not changed. */
export type Remedy = "none" | "wait" | "run-again" | "stand-in" | "restore";

/** What is lost, also by a state that was written before losses were looked for. */
const lossesIn = (state: Partial<Pick<FlowRunState, "losses">>): readonly Loss[] => state.losses ?? [];

export function remedyFor(state: FlowRunState, news: Pick<FlowRunInputs, "whenLost" | "wait">): Remedy {
  if (!stands(state.status)) return "run-again";
  // An earlier `up` was interrupted while it waited, and refresh has found the run.
  if (state.status === "running") return news.wait === "completion" ? "wait" : "none";
  const lacks = (part: Loss["part"]): boolean => lossesIn(state).some((loss) => loss.part === part);
  const stoodIn = state.standsInFor != null;
  if (lacks("model") || (stoodIn && news.whenLost === "run-again")) {
    return news.whenLost === "run-again" ? "run-again" : "stand-in";
  }
  return lossesIn(state).length > 0 ? "restore" : "none";
}

/**
 * What the preview says about a run that is started.
 *
 * @param how follows the name: ` again`, or under which condition.
 */
function startLine({ name, estimate }: Pick<FlowRunInputs, "name" | "estimate">, how = ""): string {
  const { minutes, usd, where } = estimate;
  const length = minutes === null ? "for a time that cannot be told" : `about ${minutes} min`;
  return `starts 1 run of ${name}${how}: ${where}, ${length}, $${usd.toFixed(2)}`;
}

/** The parts that are known to have changed; none where the state was written before parts were kept. */
function changedParts(state: Partial<Pick<FlowRunState, "contentParts">>, { contentParts }: FlowRunInputs): RunPart[] {
  const before = state.contentParts;
  if (before === undefined) return [];
  return runParts.filter((part) => !holdsUnknown(contentParts[part]) && contentParts[part] !== before[part]);
}

const partNames: Readonly<Record<RunPart, string>> = {
  code: "code",
  packages: "packages",
  recipe: "recipe",
  plan: "plan",
  baseModel: "base model",
  generation: "generation",
};

/** Why a run is a new one. */
function changeLine(name: string, parts: readonly RunPart[]): string {
  return `the run of ${name} is another one: ${parts.map((part) => `${partNames[part]} changed`).join(", ")}`;
}

/** Whether a run of the same contents was started on this machine before, by an `up` that was interrupted or a state that is lost. */
function isRecorded(inputs: FlowRunInputs): boolean {
  const { orchestrator, contentHash } = inputs;
  if (orchestrator.kind !== "local" || holdsUnknown(contentHash)) return false;
  return fs.existsSync(path.join(orchestrator.runsDirectory, runKey(inputs)));
}

/** The parts of the run's handler that reach outside. */
export interface FlowRunParts {
  readonly describeWith: typeof describeWith;
  readonly callDriver: typeof callDriver;
  readonly modelLosses: typeof modelLosses;
  readonly lastPromotedModel: typeof lastPromotedModel;
}

/** A flow's run as a resource: a new content hash is a new run, and nothing else is. */
export const flowRunOf = (parts: FlowRunParts): Handler<FlowRunInputs, FlowRunState> => ({
  secrets: ["environment"],

  announce(inputs, context) {
    const key = runKey(inputs);
    context.info(
      isRecorded(inputs)
        ? `run ${key} is recorded: it is found again, and started anew if it has failed`
        : startLine(inputs),
    );
  },

  diff(_id, state, news, context) {
    // Where the contents are the same, so is the run: paths and ports may move without a new one.
    const isUnknown = holdsUnknown(news.contentHash);
    if (isUnknown || news.contentHash !== state.contentHash) {
      const changed = changedParts(state, news);
      if (changed.length > 0) context.info(changeLine(news.name, changed));
      // Whatever the base model is, a run of other contents is another run.
      const isUncertain = isUnknown && changed.length === 0;
      context.info(startLine(news, isUncertain ? ", if its base model turns out to be another one" : ""));
      return Promise.resolve({ changes: true, replaces: ["contentHash"] });
    }
    const remedy = remedyFor(state, news);
    for (const { detail } of lossesIn(state)) context.warn(`lost: ${detail}`);
    switch (remedy) {
      case "none":
        break;
      case "wait":
        context.info(`waits for the run of ${news.name} that an earlier command has started`);
        break;
      case "run-again":
        context.info(startLine(news, " again"));
        if (lossesIn(state).length > 0) {
          context.info('to have the last promoted model that is there stand in for it, set whenLost: "serve-last"');
        }
        break;
      case "stand-in":
        context.info(
          `the last promoted model of ${news.name} that is in the store stands in for it, if there is one; what is trained from it is run anew, from that one`,
        );
        break;
      case "restore":
        context.info("what is lost is restored from what Metaflow keeps of the run; nothing is run");
    }
    const changed = changedProperties<FlowRunInputs>(state, news);
    return Promise.resolve({ changes: remedy !== "none" || changed.length > 0, replaces: [] });
  },

  async create(inputs, context) {
    const key = runKey(inputs);
    return { id: key, state: stateOf(inputs, await runToEnd(parts, inputs, inputs.run, context)) };
  },

  async read(id, state, context) {
    const run = await parts.describeWith(request(state), { operation: "describe", key: id });
    for (const damage of run.damage) context.warn(damage);
    // Of a record of which nothing can be read the driver knows as little as of none.
    const isDamaged = run.status === "failed" && run.damage.length > 0;
    const isKnown = hasEndedWell(state.status) && state.pathspec !== null;
    // Without a record nobody knows what became of a run; of one that had ended, the state does.
    if (run.status === "missing" && !isKnown) return undefined;
    const isGone = run.status === "missing" || (isDamaged && isKnown);
    const known = isGone
      ? state
      : { ...stateOf(state, run), modelUri: modelOf(state, run), standsInFor: state.standsInFor };
    // What is made again goes to where the lost model was, also when that takes more than one attempt.
    if (!hasEndedWell(known.status)) {
      return { ...known, modelUri: known.modelUri ?? state.modelUri, losses: lossesIn(state) };
    }
    const before = { ...known, losses: lossesIn(state) };
    return { ...known, losses: await lossesOf(parts, before, isGone, run.damage, context) };
  },

  async update(id, state, news, context) {
    switch (remedyFor(state, news)) {
      case "none": {
        const run = await parts.describeWith(request(news), { operation: "describe", key: id });
        for (const damage of run.damage) context.warn(damage);
        // Of a record that is gone or cannot be read the state knows more; refresh finds the loss, and `up` restores it.
        const saysNothing = run.status === "missing" || (run.damage.length > 0 && !hasEndedWell(run.status));
        return saysNothing && hasEndedWell(state.status)
          ? { ...state, ...news }
          : { ...stateOf(news, run), modelUri: modelOf(state, run), standsInFor: state.standsInFor };
      }
      case "wait":
        return stateOf(news, await runToEnd(parts, news, documentOf(state, news), context));
      case "run-again": {
        const insteadOf = state.runId ?? undefined;
        return stateOf(news, await runToEnd(parts, news, documentOf(state, news), context, insteadOf));
      }
      case "stand-in": {
        const asking = new Heartbeat(context, `asking the store for the last promoted model of ${news.name}`);
        const modelUri = await asking.during(standIn(parts, news));
        return { ...state, ...news, modelUri, standsInFor: state.standsInFor ?? state.modelUri, losses: [] };
      }
      case "restore":
        return restore(parts, id, state, news, context);
    }
  },

  async delete(id, state, context) {
    const { orchestrator } = state;
    const foreign =
      orchestrator.kind === "local" ? foreignFolderProblem(layout.state, orchestrator.runsDirectory) : undefined;
    if (foreign !== undefined) {
      context.warn(`the run is another checkout's and stays as it is: ${foreign}`);
      return;
    }
    const ending = new Heartbeat(context, `ending the run ${id}, where it lives, and its record`);
    await ending.during(parts.callDriver(request(state), { operation: "delete", key: id }));
  },
});

/** What the flow is given: a lost model is made where it was, since what was trained from it goes on to name it. */
function documentOf(state: FlowRunState, news: FlowRunInputs): RunDocument {
  const modelUri = state.standsInFor ?? state.modelUri;
  return modelUri === null ? news.run : { ...news.run, modelUri };
}

/** The model that stands for the run: its own, or the one that stands in for that. */
function modelOf(state: FlowRunState, run: RunDescription): string | null {
  return state.standsInFor == null ? (run.result?.modelUri ?? null) : state.modelUri;
}

/** What of a run that has ended is gone. */
async function lossesOf(
  parts: FlowRunParts,
  state: FlowRunState,
  recordIsGone: boolean,
  damage: readonly string[],
  context: OperationContext,
): Promise<readonly Loss[]> {
  const losses: Loss[] = [];
  if (recordIsGone) losses.push({ part: "record", detail: `the record of run ${state.pathspec ?? state.name}` });
  losses.push(...damage.map((detail): Loss => ({ part: "record", detail })));
  const cards = state.cards.filter((file) => !fs.existsSync(file));
  if (cards.length > 0) losses.push({ part: "cards", detail: cards.join(", ") });
  if (state.modelUri === null) return losses;
  const { modelUri, name, promoted } = state;
  const { modelsRoot } = state.run;
  try {
    const asking = new Heartbeat(context, `asking the store for the model of ${name}`);
    losses.push(
      ...(await asking.during(parts.modelLosses(state.environment, { modelUri, modelsRoot, name, promoted }))),
    );
  } catch (error) {
    context.warn(`whether the model of ${name} is there could not be asked of the store: ${String(error)}`);
    losses.push(...lossesIn(state).filter(({ part }) => part !== "record" && part !== "cards"));
  }
  return losses;
}

/** @throws if no other model of the deployment is there. */
async function standIn(parts: FlowRunParts, { name, run, environment }: FlowRunInputs): Promise<string> {
  const { modelsRoot } = run;
  const found = await parts.lastPromotedModel(environment, modelsRoot, name);
  if (found !== undefined) return found;
  throw new Error(
    `no other promoted model of ${name} is in the store below ${modelsRoot}/${name}: set whenLost: "run-again" to make the lost one again`,
  );
}

/** Has the driver write anew what can be had without a run. */
async function restore(
  parts: FlowRunParts,
  id: string,
  state: FlowRunState,
  news: FlowRunInputs,
  context: OperationContext,
): Promise<FlowRunState> {
  const { status, pathspec, runId, startedAt, finishedAt } = state;
  if (!hasEndedWell(status) || pathspec === null)
    throw new Error(`run ${id} has not ended: nothing of it can be restored`);
  const result = {
    modelUri: state.standsInFor ?? state.modelUri ?? "",
    promoted: state.promoted,
    gate: [],
    metrics: state.metrics,
    headline: state.headline ?? { metric: "", before: null, after: null },
    seconds: { train: null, evaluate: null },
    baseModelUri: null,
  };
  const known = { status, runId, pathspec, startedAt, finishedAt, result };
  const heartbeat = new Heartbeat(context, "restoring what is lost");
  const run = await heartbeat
    .during(parts.describeWith(request(news), { operation: "repair", key: id, run: news.run, known }))
    .catch((error: unknown) => {
      throw new Error(
        `${error instanceof Error ? error.message : String(error)}\nTo make the model and all that belongs to it again, raise \`generation\`: that is a new run`,
      );
    });
  const restored = { ...stateOf(news, run), modelUri: modelOf(state, run), standsInFor: state.standsInFor };
  const losses = await lossesOf(parts, restored, false, run.damage, context);
  for (const { detail } of losses) context.warn(`could not be restored: ${detail}`);
  // Cards that Metaflow has lost too are pictures of what is known; they are nobody's to wait for.
  return { ...restored, losses: losses.filter(({ part }) => part !== "cards") };
}

/** Starts the run of a key, or finds it again, and waits for its end if that is asked for. */
async function runToEnd(
  parts: FlowRunParts,
  inputs: FlowRunInputs,
  document: RunDocument,
  context: OperationContext,
  insteadOf?: string,
): Promise<RunDescription> {
  const key = runKey(inputs);
  const orchestrator = request(inputs);
  const { name, flow, flowFile } = inputs;
  const heartbeat = new Heartbeat(context, `starting the run ${key}`);
  let run = await heartbeat.during(
    parts.describeWith(orchestrator, {
      operation: "start",
      key,
      flow,
      ...(flowFile === undefined ? {} : { flowFile }),
      run: document,
      ...(insteadOf === undefined ? {} : { insteadOf }),
    }),
  );
  for (const damage of run.damage) context.warn(damage);
  if (hasEndedWell(run.status)) {
    context.info(
      `run ${run.pathspec ?? key} of the same contents is there already, and none is started; to run them once more, raise \`generation\``,
    );
  }
  if (inputs.wait === "completion" && run.status === "running") {
    try {
      run = await heartbeat.during(
        parts.describeWith(
          orchestrator,
          { operation: "watch", key },
          {
            signal: context.signal,
            onProgress: (event) => {
              heartbeat.progress(progressLine(event));
            },
          },
        ),
      );
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
  return run;
}

/** A flow's run, by the driver and the registry of models. */
export const flowRun = flowRunOf({ describeWith, callDriver, modelLosses, lastPromotedModel });
