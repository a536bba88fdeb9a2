import type { Orchestrator } from "../contracts/orchestrator";
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { z } from "zod";
import { flowsDirectory, pythonOf } from "../machine/layout";

/** The Metaflow driver's contract (docs/contracts.md), as this side reads it. */

const gateResult = z.object({
  metric: z.string(),
  value: z.number().nullable(),
  passed: z.boolean(),
  minimum: z.number().nullish(),
  maximum: z.number().nullish(),
  minimumGain: z.number().nullish(),
});

const flowResult = z.object({
  modelUri: z.string(),
  promoted: z.boolean(),
  gate: z.array(gateResult),
  metrics: z.record(z.string(), z.object({ before: z.number().nullable(), after: z.number().nullable() })),
  headline: z.object({ metric: z.string(), before: z.number().nullable(), after: z.number().nullable() }),
  seconds: z.record(z.string(), z.number()),
  baseModelUri: z.string().nullable(),
});
export type FlowResult = z.infer<typeof flowResult>;

const description = z.object({
  status: z.enum(["running", "succeeded", "rejected", "failed", "stopped", "missing"]),
  runId: z.string().nullish(),
  pathspec: z.string().nullish(),
  startedAt: z.string().nullish(),
  finishedAt: z.string().nullish(),
  result: flowResult.nullish(),
  cards: z.array(z.string()).default([]),
  logFile: z.string().nullish(),
  /** What of the run's record could not be read, a sentence each. */
  damage: z.array(z.string()).default([]),
  error: z
    .object({ step: z.string().nullish(), message: z.string(), lines: z.array(z.string()).default([]) })
    .nullish(),
});
export type RunDescription = z.infer<typeof description>;

const progressEvent = z.object({
  event: z.literal("progress"),
  phase: z.string(),
  step: z.number(),
  totalSteps: z.number(),
  loss: z.number().nullish(),
  metric: z.record(z.string(), z.number()).nullish(),
  secondsLeft: z.number().nullish(),
});
const stepEvent = z.object({ event: z.literal("step"), step: z.string(), state: z.string() });
const resultEvent = z.looseObject({ event: z.literal("result") });
const errorEvent = z.object({ event: z.literal("error"), code: z.string(), message: z.string() });
const driverEvent = z.discriminatedUnion("event", [progressEvent, stepEvent, resultEvent, errorEvent]);
export type DriverProgress = z.infer<typeof progressEvent> | z.infer<typeof stepEvent>;

/** Which orchestrator runs flows, and what it needs: `METAFLOW_*` and `AWS_*` variables. */
export type OrchestratorRequest = Orchestrator & { readonly environment: Readonly<Record<string, string>> };

/** How a finished run ended, as the state knows it. */
export interface KnownRun {
  readonly status: "succeeded" | "rejected";
  readonly runId: string | null;
  readonly pathspec: string;
  readonly startedAt: string | null;
  readonly finishedAt: string | null;
  readonly result: FlowResult;
}

export type DriverRequest =
  | { operation: "start"; key: string; flow: string; flowFile?: string; run: unknown; insteadOf?: string }
  | { operation: "repair"; key: string; run: unknown; known: KnownRun }
  | { operation: "watch" | "describe" | "stop" | "delete"; key: string }
  | { operation: "stop-all" };

/** The driver refused or failed; `code` is stable, `message` is for people. */
export class DriverError extends Error {
  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message);
    this.name = "DriverError";
  }
}

export interface DriverOptions {
  readonly onProgress?: (event: DriverProgress) => void;
  /** Ends the driver process; what it watches goes on. */
  readonly signal?: AbortSignal;
  /** Interpreter with Metaflow installed. */
  readonly python?: string;
}

/**
 * Sends one request to the driver and returns its answer.
 *
 * @throws DriverError when the driver says that it failed, cannot be started, or ends without an answer.
 */
export async function callDriver(
  orchestrator: OrchestratorRequest,
  request: DriverRequest,
  options: DriverOptions = {},
): Promise<Record<string, unknown>> {
  const python = options.python ?? pythonOf("train");
  const child = spawn(python, ["-m", "posttraining.driver"], {
    cwd: flowsDirectory,
    env: Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("PYTHON"))),
    stdio: ["pipe", "pipe", "pipe"],
    signal: options.signal,
  });
  let failure: Error | undefined;
  child.once("error", (error) => {
    failure = error;
  });
  child.stdin.once("error", () => {
    // A driver that ended early closes its input; its exit says why.
  });
  child.stdin.end(JSON.stringify({ ...request, orchestrator }));
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr = (stderr + text).slice(-4000);
  });
  let answer: z.infer<typeof driverEvent> | undefined;
  const closed = new Promise<number | null>((resolve) => {
    child.once("close", resolve);
  });
  for await (const line of createInterface({ input: child.stdout })) {
    const event = driverEvent.parse(JSON.parse(line));
    if (event.event === "result" || event.event === "error") answer = event;
    else options.onProgress?.(event);
  }
  const status = await closed;
  if (options.signal?.aborted === true) throw new DriverError("cancelled", "cancelled");
  if (answer?.event === "result") return answer;
  if (answer?.event === "error") throw new DriverError(answer.code, answer.message);
  throw new DriverError(
    "driver-died",
    `the Metaflow driver (${python} -m posttraining.driver) ended without an answer ` +
      `(${failure === undefined ? `exit status ${String(status)}` : failure.message}). ${stderr.trim()}\n` +
      "If Python packages are missing, run `npm run bootstrap`.",
  );
}

/** Calls an operation that answers with a run's description. */
export async function describeWith(
  orchestrator: OrchestratorRequest,
  request: DriverRequest,
  options: DriverOptions = {},
): Promise<RunDescription> {
  return description.parse(await callDriver(orchestrator, request, options));
}
