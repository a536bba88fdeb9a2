import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { recipeSchema } from "../../../../contracts/recipe";
import type { RunDocument } from "../../../../contracts/runDocument";
import { callDriver, type DriverRequest, type RunDescription } from "../../../../provider/driver";
import { flowRun, flowRunOf, progressLine, refusal } from "../../../../provider/handlers/flowRun";
import { runKey } from "../../../../recipe/runIdentity";
import type { Loss } from "../../../../provider/modelRegistry";
import type { FlowRunInputs, FlowRunState } from "../../../../provider/resources/flowRun";
import { planForThisMachine } from "../../../../recipe/plan";
import { sftDocument } from "../../recipe/recipes";
import { recordingContext } from "../context";

const unknown = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

const description: RunDescription = {
  status: "succeeded",
  runId: "7",
  pathspec: "SftFlow/7",
  startedAt: "2026-01-01T00:00:00Z",
  finishedAt: "2026-01-01T00:01:00Z",
  result: {
    modelUri: "s3://posttraining/models/sft/7",
    promoted: true,
    gate: [{ metric: "tiny_sums/exact_match", value: 0.41, minimum: 0.8, passed: false }],
    metrics: {},
    headline: { metric: "tiny_sums/exact_match", before: 0, after: 0.41 },
    seconds: { train: 20, evaluate: 4 },
    baseModelUri: null,
  },
  cards: [],
  logFile: "/runs/sft/log.txt",
  damage: [],
  error: null,
};

const recipe = recipeSchema.parse(sftDocument);
const runDocument: RunDocument = {
  recipe,
  plan: planForThisMachine(recipe, { gpus: 0 }),
  ...{ placement: null, baseModelUri: null, modelsRoot: "s3://posttraining/models", name: "sft", modelUri: null },
};

const state: FlowRunState = {
  name: "sft",
  flow: "sft",
  run: runDocument,
  contentHash: "a".repeat(64),
  contentParts: { code: "c", packages: "p", recipe: "r", plan: "l", baseModel: "b", generation: "g" },
  orchestrator: { kind: "local", runsDirectory: "/runs" },
  environment: {},
  wait: "completion",
  estimate: { usd: 12.5, minutes: 90, where: "1 p5.48xlarge" },
  whenLost: "run-again",
  status: "succeeded",
  runId: "7",
  pathspec: "SftFlow/7",
  startedAt: null,
  finishedAt: null,
  modelUri: "s3://posttraining/models/sft/7",
  standsInFor: null,
  losses: [],
  promoted: true,
  metrics: {},
  headline: null,
  cards: [],
  logFile: null,
};

describe("a flow run that is new", () => {
  it("says what it takes before it is started, or that it is found again", () => {
    const runsDirectory = fs.mkdtempSync(path.join(os.tmpdir(), "runs-"));
    const inputs = { ...state, orchestrator: { kind: "local", runsDirectory } } as const;
    const context = recordingContext();
    flowRun.announce?.(inputs, context);
    flowRun.announce?.({ ...inputs, contentHash: unknown }, context);
    fs.mkdirSync(path.join(runsDirectory, runKey(inputs)));
    flowRun.announce?.(inputs, context);
    fs.rmSync(runsDirectory, { recursive: true });
    expect(context.lines).toEqual([
      "starts 1 run of sft: 1 p5.48xlarge, about 90 min, $12.50",
      "starts 1 run of sft: 1 p5.48xlarge, about 90 min, $12.50",
      `run ${runKey(inputs)} is recorded: it is found again, and started anew if it has failed`,
    ]);
  });
});

describe("a flow run's difference", () => {
  it("is none when nothing changed", async () => {
    const context = recordingContext();
    expect(await flowRun.diff("id", state, state, context)).toEqual({ changes: false, replaces: [] });
    expect(context.lines).toEqual([]);
  });

  it("is a new run for a new content hash, and says what that costs", async () => {
    const context = recordingContext();
    const news = { ...state, contentHash: "b".repeat(64) };
    expect(await flowRun.diff("id", state, news, context)).toEqual({ changes: true, replaces: ["contentHash"] });
    expect(context.lines).toEqual(["starts 1 run of sft: 1 p5.48xlarge, about 90 min, $12.50"]);
  });

  it("says so where nobody knows how long the run takes", async () => {
    const context = recordingContext();
    const estimate = { usd: 0, minutes: null, where: "this machine" };
    await flowRun.diff("id", state, { ...state, contentHash: "b".repeat(64), estimate }, context);
    expect(context.lines).toEqual(["starts 1 run of sft: this machine, for a time that cannot be told, $0.00"]);
  });

  it("says which parts of a new run have changed", async () => {
    const context = recordingContext();
    const contentParts = { ...state.contentParts, packages: "p2", recipe: "r2", baseModel: "b2" };
    await flowRun.diff("id", state, { ...state, contentHash: "b".repeat(64), contentParts }, context);
    expect(context.lines).toEqual([
      "the run of sft is another one: packages changed, recipe changed, base model changed",
      "starts 1 run of sft: 1 p5.48xlarge, about 90 min, $12.50",
    ]);
  });

  it("is certain where a part has changed, whatever the base model turns out to be", async () => {
    const news = { ...state, contentHash: unknown, contentParts: { ...state.contentParts, baseModel: unknown } };
    const uncertain = recordingContext();
    await flowRun.diff("id", state, news, uncertain);
    expect(uncertain.lines).toEqual([
      "starts 1 run of sft, if its base model turns out to be another one: 1 p5.48xlarge, about 90 min, $12.50",
    ]);
    const certain = recordingContext();
    await flowRun.diff("id", state, { ...news, contentParts: { ...news.contentParts, code: "c2" } }, certain);
    expect(certain.lines).toEqual([
      "the run of sft is another one: code changed",
      "starts 1 run of sft: 1 p5.48xlarge, about 90 min, $12.50",
    ]);
  });

  it("is no run for a state that was written before parts were kept, and of a new one it says only that", async () => {
    const older = { ...state, contentParts: undefined } as unknown as FlowRunState;
    const context = recordingContext();
    expect(await flowRun.diff("id", older, state, context)).toEqual({ changes: true, replaces: [] });
    expect(context.lines).toEqual([]);
    await flowRun.diff("id", older, { ...state, contentHash: "b".repeat(64) }, context);
    expect(context.lines).toEqual(["starts 1 run of sft: 1 p5.48xlarge, about 90 min, $12.50"]);
  });

  it("may be a new run while the base model is not known", async () => {
    const difference = await flowRun.diff("id", state, { ...state, contentHash: unknown }, recordingContext());
    expect(difference.replaces).toEqual(["contentHash"]);
  });

  it.each(["failed", "stopped", "missing"] as const)("is the same run once more when it is %s", async (status) => {
    const context = recordingContext();
    // Not a replacement: the old resource's deletion would end the run that has its key.
    expect(await flowRun.diff("id", { ...state, status }, state, context)).toEqual({ changes: true, replaces: [] });
    expect(context.lines).toEqual(["starts 1 run of sft again: 1 p5.48xlarge, about 90 min, $12.50"]);
  });

  it("starts nothing when only addresses have moved", async () => {
    const news = { ...state, environment: { AWS_ENDPOINT_URL_S3: "http://127.0.0.1:1" } };
    expect(await flowRun.diff("id", state, news, recordingContext())).toEqual({ changes: true, replaces: [] });
  });
});

const modelLoss: Loss = { part: "model", detail: "the model s3://m/sft/7: model.safetensors is missing" };
const pointerLoss: Loss = { part: "promotion", detail: "s3://m/sft/promoted.json" };

describe("a run of which something is lost", () => {
  /** What the driver was asked. */
  let asked: DriverRequest[];
  let found: RunDescription;
  let losses: readonly Loss[] | Error;
  let other: string | undefined;
  let handler: ReturnType<typeof flowRunOf>;

  beforeEach(() => {
    asked = [];
    found = { ...description, cards: [] };
    losses = [];
    other = undefined;
    handler = flowRunOf({
      describeWith: (_orchestrator, request) => {
        asked.push(request);
        return Promise.resolve(found);
      },
      callDriver: () => Promise.resolve({ event: "result", description: found }),
      modelLosses: () => (losses instanceof Error ? Promise.reject(losses) : Promise.resolve(losses)),
      lastPromotedModel: () => Promise.resolve(other),
    });
  });

  const known: FlowRunState = { ...state, pathspec: "SftFlow/7", run: { ...runDocument, modelsRoot: "s3://m" } };
  const news: FlowRunInputs = {
    ...{ name: known.name, flow: known.flow, run: known.run, contentHash: known.contentHash },
    contentParts: known.contentParts,
    ...{ orchestrator: known.orchestrator, environment: known.environment, wait: known.wait },
    ...{ estimate: known.estimate, whenLost: known.whenLost },
  };

  it("is known as such after a refresh, and the preview says what `up` does about it and what that costs", async () => {
    losses = [modelLoss, pointerLoss];
    const seen = await handler.read("sft-a", known, recordingContext());
    expect(seen?.losses).toEqual(losses);
    const context = recordingContext();
    expect(await handler.diff("sft-a", seen ?? known, news, context)).toEqual({ changes: true, replaces: [] });
    expect(context.lines).toEqual([
      `lost: ${modelLoss.detail}`,
      `lost: ${pointerLoss.detail}`,
      "starts 1 run of sft again: 1 p5.48xlarge, about 90 min, $12.50",
      'to have the last promoted model that is there stand in for it, set whenLost: "serve-last"',
    ]);
  });

  it("is run again in the place of its model, and once however often that is asked", async () => {
    const updated = await handler.update("sft-a", { ...known, losses: [modelLoss] }, news, recordingContext());
    expect(asked).toHaveLength(1);
    expect(asked[0]).toMatchObject({
      operation: "start",
      insteadOf: "7",
      run: { modelUri: "s3://posttraining/models/sft/7" },
    });
    expect(updated.losses).toEqual([]);
  });

  it("has another promoted model stand in for its own where that is wanted, until it is to be made again", async () => {
    const lost = { ...known, losses: [modelLoss] };
    const wanted = { ...news, whenLost: "serve-last" } as const;
    await expect(handler.update("sft-a", lost, wanted, recordingContext())).rejects.toThrow(
      'no other promoted model of sft is in the store below s3://m/sft: set whenLost: "run-again"',
    );
    other = "s3://m/sft/5";
    const standing = await handler.update("sft-a", lost, wanted, recordingContext());
    expect(standing).toMatchObject({ modelUri: other, standsInFor: "s3://posttraining/models/sft/7", losses: [] });
    expect(asked).toEqual([]);
    expect(await handler.diff("sft-a", standing, wanted, recordingContext())).toEqual({ changes: false, replaces: [] });
    // A refresh does not forget it.
    expect(await handler.read("sft-a", standing, recordingContext())).toMatchObject({ modelUri: other });
    const again = await handler.update("sft-a", standing, news, recordingContext());
    expect(asked.at(-1)).toMatchObject({ operation: "start", run: { modelUri: "s3://posttraining/models/sft/7" } });
    expect(again.standsInFor).toBeNull();
  });

  it("is restored without a run where its model is whole", async () => {
    losses = [pointerLoss];
    const lost = { ...known, losses: [pointerLoss] };
    const context = recordingContext();
    expect((await handler.diff("sft-a", lost, news, context)).changes).toBe(true);
    expect(context.lines.at(-1)).toContain("is restored from what Metaflow keeps of the run; nothing is run");
    losses = [];
    const restored = await handler.update("sft-a", lost, news, recordingContext());
    expect(asked).toHaveLength(1);
    expect(asked[0]).toMatchObject({ operation: "repair", known: { status: "succeeded", pathspec: "SftFlow/7" } });
    expect(restored.losses).toEqual([]);
  });

  it("is made where it was however often that is interrupted", async () => {
    const lost = { ...known, losses: [modelLoss] };
    // The `up` that made it again was killed, and a refresh came before the next.
    found = { ...description, status: "running", runId: "8", pathspec: "SftFlow/8", result: null };
    const running = (await handler.read("sft-a", lost, recordingContext())) ?? lost;
    expect(running).toMatchObject({ status: "running", modelUri: known.modelUri, losses: [modelLoss] });
    const context = recordingContext();
    expect((await handler.diff("sft-a", running, news, context)).changes).toBe(true);
    expect(context.lines.at(-1)).toBe("waits for the run of sft that an earlier command has started");
    found = { ...description, runId: "8", pathspec: "SftFlow/8" };
    asked = [];
    expect(await handler.update("sft-a", running, news, recordingContext())).toMatchObject({ status: "succeeded" });
    // Not instead of run 8, which may have ended meanwhile.
    expect(asked).toEqual([expect.not.objectContaining({ insteadOf: expect.anything() as unknown })]);
    expect(asked[0]).toMatchObject({ operation: "start", run: { modelUri: known.modelUri } });
    // It failed: the next one goes to the same place.
    found = { ...description, status: "failed", runId: "8", result: null };
    const failed = (await handler.read("sft-a", lost, recordingContext())) ?? lost;
    found = description;
    await handler.update("sft-a", failed, news, recordingContext());
    expect(asked.at(-1)).toMatchObject({ operation: "start", run: { modelUri: known.modelUri } });
  });

  it("is waited for only where that is wanted", async () => {
    const running = { ...known, status: "running", modelUri: null } as const;
    const started = { ...running, wait: "started" } as const;
    expect(await handler.diff("sft-a", started, { ...news, wait: "started" }, recordingContext())).toEqual({
      changes: false,
      replaces: [],
    });
  });

  it("does not lose what is known of it to a record that cannot be read", async () => {
    found = { ...description, status: "failed", result: null, damage: ["status.json cannot be read"] };
    const context = recordingContext();
    const moved = { ...news, environment: { AWS_ENDPOINT_URL_S3: "http://127.0.0.1:1" } };
    const updated = await handler.update("sft-a", known, moved, context);
    expect(updated).toMatchObject({ ...moved, status: "succeeded", modelUri: known.modelUri });
    expect(context.lines).toEqual(found.damage);
  });

  it("keeps its model when its record is gone", async () => {
    found = { ...description, status: "missing", result: null };
    const seen = await handler.read("sft-a", known, recordingContext());
    expect(seen).toMatchObject({ status: "succeeded", modelUri: known.modelUri, losses: [{ part: "record" }] });
    // As good as gone: nothing of it can be read.
    found = { ...description, status: "failed", result: null, damage: ["status.json cannot be read"] };
    expect(await handler.read("sft-a", known, recordingContext())).toMatchObject({ status: "succeeded" });
    found = { ...description, status: "missing", result: null };
    // Of a run that had not ended nothing is known without its record.
    expect(await handler.read("sft-a", { ...known, status: "running" }, recordingContext())).toBeUndefined();
  });

  it("keeps what is known of its losses, and says so, while the store cannot be asked", async () => {
    losses = new Error("connect ECONNREFUSED");
    const context = recordingContext();
    const seen = await handler.read("sft-a", { ...known, losses: [modelLoss] }, context);
    expect(seen?.losses).toEqual([modelLoss]);
    expect(context.lines.join()).toContain("whether the model of sft is there could not be asked of the store");
  });

  it("tells what of its record is damaged", async () => {
    found = { ...description, damage: ["status.json cannot be read; the other copy says how the run stands"] };
    const context = recordingContext();
    const seen = await handler.read("sft-a", known, context);
    expect(context.lines).toEqual(found.damage);
    expect(seen?.losses).toEqual([{ part: "record", detail: found.damage[0] }]);
  });

  it("lacks the cards whose files are gone", async () => {
    found = { ...description, cards: ["/no/such/card.html"] };
    const seen = await handler.read("sft-a", known, recordingContext());
    expect(seen?.losses).toEqual([{ part: "cards", detail: "/no/such/card.html" }]);
  });
});

describe("a run that is there already", () => {
  it("is not started, which is said, with the way to another", async () => {
    const context = recordingContext();
    const handler = flowRunOf({
      describeWith: () => Promise.resolve(description),
      callDriver,
      modelLosses: () => Promise.resolve([]),
      lastPromotedModel: () => Promise.resolve(undefined),
    });
    await handler.create(state, context);
    expect(context.lines).toEqual([
      "run SftFlow/7 of the same contents is there already, and none is started; to run them once more, raise `generation`",
    ]);
  });
});

describe("what people read", () => {
  const nothing = { runId: null, pathspec: null, startedAt: null, finishedAt: null };
  const bare = { ...nothing, result: null, cards: [], logFile: null, damage: [], error: null };

  it("progress with step, loss, metrics and time left", () => {
    const event = { event: "progress", phase: "train", step: 20, totalSteps: 300, loss: 1.23456 } as const;
    expect(progressLine({ ...event, metric: { reward: 0.5 }, secondsLeft: 44.4 })).toBe(
      "train 20/300, loss 1.23, reward 0.500, 44 s left",
    );
    expect(progressLine({ ...event, secondsLeft: 600 })).toContain("10.0 min left");
    expect(progressLine({ event: "step", step: "evaluate", state: "started" })).toBe("step evaluate: started");
  });

  it("a model that missed its gate: which condition, by how much, and where it is kept", () => {
    const text = refusal("sft", { ...description, status: "rejected" });
    expect(text).toContain("tiny_sums/exact_match is 0.4100, wanted at least 0.8");
    expect(text).toContain("The model is kept at s3://posttraining/models/sft/7");
  });

  it("every missed condition with what it wanted, and none that is met", () => {
    const [condition] = description.result?.gate ?? [];
    if (description.result == null || condition === undefined) throw new Error("the run has a result with a gate");
    const gate = [
      { ...condition, metric: "a/met", passed: true },
      { ...condition, metric: "a/both", maximum: 0.9, minimumGain: 0.1 },
      { metric: "a/gone", value: null, maximum: 2, passed: false },
      {
        ...{ metric: "a/near", value: 0.6, gain: 0.1, passed: false },
        ...{ minimum: 0.5, minimumGain: 0.02, confidence: 0.99, bounds: { minimumGain: 0.0123456 } },
      },
      { metric: "a/whole", value: 0.6, maximum: 0.5, confidence: 0.995, bounds: { maximum: null }, passed: false },
    ];
    const result = { ...description.result, gate };
    expect(refusal("sft", { ...description, status: "rejected", result })).toBe(
      [
        "run SftFlow/7 finished, but its model did not pass the gate and is not promoted:",
        "  a/both is 0.4100, wanted at least 0.8 and at most 0.9 and a gain of at least 0.1",
        "  a/gone is missing, wanted at most 2",
        "  a/near is 0.6000, wanted at least 0.5 and a gain of at least 0.02 (with 99 % confidence: 0.01235)",
        "  a/whole is 0.6000, wanted at most 0.5 (with 99.5 % confidence nothing can be said of it: its task has no value for each document)",
        "The model is kept at s3://posttraining/models/sft/7; endpoints keep the last model that passed.",
        "Change the recipe (or its gate) and run `pulumi up` again.",
      ].join("\n"),
    );
  });

  it("a rejected run of which little is known", () => {
    expect(refusal("sft", { ...bare, status: "rejected" })).toBe(
      [
        "run sft finished, but its model did not pass the gate and is not promoted:",
        "The model is kept at the store; endpoints keep the last model that passed.",
        "Change the recipe (or its gate) and run `pulumi up` again.",
      ].join("\n"),
    );
  });

  it.each([
    ["failed", "run sft failed: no reason was recorded"],
    ["missing", "run sft failed: no reason was recorded"],
    ["stopped", "run sft was stopped: no reason was recorded"],
  ] as const)("a run that is %s, of which little is known", (status, first) => {
    expect(refusal("sft", { ...bare, status })).toBe(`${first}\n\`pulumi up\` again starts it anew.`);
  });

  it("a failed run: the step, the message, its last log lines, and the whole log's place", () => {
    const text = refusal("sft", {
      ...description,
      status: "failed",
      error: { step: "train", message: "ValueError: no data", lines: ["Traceback", "ValueError: no data"] },
    });
    expect(text).toContain('run SftFlow/7 failed in step "train": ValueError: no data');
    expect(text).toContain("  | ValueError: no data");
    expect(text).toContain("Whole log: /runs/sft/log.txt");
  });

  it("nothing for a run that succeeded, or goes on", () => {
    expect(refusal("sft", description)).toBeUndefined();
    expect(refusal("sft", { ...description, status: "running" })).toBeUndefined();
  });
});

describe("a run's key", () => {
  it("is the same for the same content, and another for another deployment", () => {
    expect(runKey(state)).toBe("sft-aaaaaaaaaaaa");
    expect(runKey({ ...state, name: "other" })).not.toBe(runKey(state));
  });
});

describe("the driver's answer", () => {
  let directory: string;
  beforeEach(() => {
    directory = fs.mkdtempSync(path.join(os.tmpdir(), "driver-"));
  });
  afterEach(() => {
    fs.rmSync(directory, { recursive: true });
  });

  /** A program in the driver's place, to give the answers that the real one must never give. */
  function program(script: string): string {
    const file = path.join(directory, "python");
    fs.writeFileSync(file, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    return file;
  }

  const orchestrator = { kind: "local" as const, runsDirectory: "/runs", environment: {} };
  const call = (python: string, signal?: AbortSignal) =>
    callDriver(orchestrator, { operation: "stop-all" }, { python, ...(signal === undefined ? {} : { signal }) });

  it("that is an error is passed on with its code", async () => {
    const python = program(`echo '{"event":"error","code":"disk-full","message":"no space left in /runs"}'; exit 1`);
    await expect(call(python)).rejects.toMatchObject({ code: "disk-full", message: "no space left in /runs" });
  });

  it("that never comes is explained with what the driver wrote last", async () => {
    const python = program("echo 'No module named metaflow' >&2; exit 1");
    await expect(call(python)).rejects.toThrow(
      /ended without an answer \(exit status 1\). No module named metaflow\n.*npm run bootstrap/,
    );
  });

  it("that cannot come since there is no interpreter says so", async () => {
    await expect(call(path.join(directory, "none"))).rejects.toThrow(/ENOENT.*\n.*npm run bootstrap/);
  });

  it("is not waited for after a cancellation", async () => {
    const controller = new AbortController();
    const answer = call(program("exec sleep 600"), controller.signal);
    setTimeout(() => {
      controller.abort();
    }, 100);
    await expect(answer).rejects.toMatchObject({ code: "cancelled" });
  });
});
