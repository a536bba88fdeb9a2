import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { callDriver, type RunDescription } from "../../../provider/driver";
import { flowRun, type FlowRunState, progressLine, refusal, runKey } from "../../../provider/handlers/flowRun";
import { recordingContext } from "./context";

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
    seconds: {},
    baseModelUri: null,
  },
  cards: [],
  logFile: "/runs/sft/log.txt",
  error: null,
};

const state: FlowRunState = {
  name: "sft",
  flow: "sft",
  run: {},
  contentHash: "a".repeat(64),
  orchestrator: { kind: "local", runsDirectory: "/runs" },
  environment: {},
  wait: "completion",
  estimate: { usd: 12.5, minutes: 90, where: "1 p5.48xlarge" },
  status: "succeeded",
  runId: "7",
  pathspec: "SftFlow/7",
  startedAt: null,
  finishedAt: null,
  modelUri: "s3://posttraining/models/sft/7",
  promoted: true,
  metrics: {},
  headline: null,
  cards: [],
  logFile: null,
};

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

  it("may be a new run while the base model is not known", async () => {
    const difference = await flowRun.diff("id", state, { ...state, contentHash: unknown }, recordingContext());
    expect(difference.replaces).toEqual(["contentHash"]);
  });

  it.each(["failed", "stopped", "missing"] as const)("is a new run when the last one is %s", async (status) => {
    const difference = await flowRun.diff("id", { ...state, status }, state, recordingContext());
    expect(difference.replaces).toEqual(["contentHash"]);
  });

  it("starts nothing when only addresses have moved", async () => {
    const news = { ...state, environment: { AWS_ENDPOINT_URL_S3: "http://127.0.0.1:1" } };
    expect(await flowRun.diff("id", state, news, recordingContext())).toEqual({ changes: true, replaces: [] });
  });
});

describe("what people read", () => {
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

  it("nothing for a run that succeeded", () => {
    expect(refusal("sft", description)).toBeUndefined();
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
