import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import {
  type DriverEvent,
  driverEventSchema,
  type DriverRequest as WholeRequest,
  driverRequestSchema,
  type RunDescription,
} from "../contracts/driver";
import type { OrchestratorRequest } from "../contracts/orchestrator";
import { layout, pythonOf } from "../machine/checkout.mjs";
import { runDocumentErrors } from "../recipe/runDocument";
import { errorMessage, type FieldError } from "../validation/explain";
import { explainIssues } from "../validation/explainIssues";

/** The Metaflow driver, as this side calls it. Its requests and events are those of contracts/driver.ts. */

export type { FlowResult } from "../contracts/flowResult";
export type { OrchestratorRequest, RunDescription };

/** What comes before the answer of `watch`. */
export type DriverProgress = Extract<DriverEvent, { event: "progress" | "step" }>;

/** The last line of a request that was carried out. */
export type DriverAnswer = Extract<DriverEvent, { event: "result" | "stopped" }>;

/** Each alternative of a union without a key. */
type Without<Union, Key extends PropertyKey> = Union extends unknown ? Omit<Union, Key> : never;

/** A request but for who carries it out. */
export type DriverRequest = Without<WholeRequest, "orchestrator">;

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
 * @throws DriverError when the request or an event is not as contracts/driver.ts says, the driver says that it failed, cannot be
 *   started, or ends without an answer.
 */
export async function callDriver(
  orchestrator: OrchestratorRequest,
  request: DriverRequest,
  options: DriverOptions = {},
): Promise<DriverAnswer> {
  const whole = { ...request, orchestrator };
  checkRequest(whole);
  const python = options.python ?? pythonOf("train");
  const child = spawn(python, ["-m", "posttraining.driver"], {
    cwd: layout.flows,
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
  child.stdin.end(JSON.stringify(whole));
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr = (stderr + text).slice(-4000);
  });
  let answer: Exclude<DriverEvent, DriverProgress> | undefined;
  let misfit: DriverError | undefined;
  const closed = new Promise<number | null>((resolve) => {
    child.once("close", resolve);
  });
  for await (const line of createInterface({ input: child.stdout })) {
    const event = eventIn(line);
    if (event instanceof DriverError) misfit ??= event;
    else if (event.event === "progress" || event.event === "step") options.onProgress?.(event);
    else answer = event;
  }
  const status = await closed;
  if (options.signal?.aborted === true) throw new DriverError("cancelled", "cancelled");
  if (misfit !== undefined) throw misfit;
  if (answer?.event === "error") throw new DriverError(answer.code, answer.message);
  if (answer !== undefined) return answer;
  throw driverDied(python, failure, status, stderr);
}

function driverDied(python: string, failure: Error | undefined, status: number | null, stderr: string): DriverError {
  const cause = failure?.message ?? `exit status ${String(status)}`;
  return new DriverError(
    "driver-died",
    `the Metaflow driver (${python} -m posttraining.driver) ended without an answer (${cause}). ${stderr.trim()}\n` +
      "If Python packages are missing, run `npm run bootstrap`.",
  );
}

function checkRequest(request: unknown): void {
  const errors = requestErrors(request);
  if (errors.length === 0) return;
  throw new DriverError("invalid-request", errorMessage("The request to the Metaflow driver is not valid:", errors));
}

/** What is wrong with a request. Values of the environment may be secrets: none is shown. */
function requestErrors(request: unknown): FieldError[] {
  const read = driverRequestSchema.safeParse(request);
  if (!read.success) {
    return explainIssues(read.error.issues, request).map(({ path, reason }) =>
      /^orchestrator\.environment\b/.test(path)
        ? { path, reason: "must be a text without NUL characters, by the name of an environment variable" }
        : { path, reason },
    );
  }
  if (!("run" in read.data)) return [];
  return runDocumentErrors(read.data.run).map(({ path, reason }) => ({ path: `run: ${path}`, reason }));
}

/** What a line of the driver's standard output says, or the error that it says something else than the contract. */
function eventIn(line: string): DriverEvent | DriverError {
  const refused = (problem: string): DriverError =>
    new DriverError(
      "invalid-answer",
      `the Metaflow driver wrote a line that contracts/driver.ts does not know: ${problem}\n  ${line.slice(0, 300)}`,
    );
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    return refused(error instanceof Error ? error.message : String(error));
  }
  const event = driverEventSchema.safeParse(value);
  if (event.success) return event.data;
  return refused(
    explainIssues(event.error.issues, value)
      .map(({ path, reason }) => `${path}: ${reason}`)
      .join("; "),
  );
}

/** Calls an operation that answers with a run's description. */
export async function describeWith(
  orchestrator: OrchestratorRequest,
  request: Exclude<DriverRequest, { operation: "stop-all" }>,
  options: DriverOptions = {},
): Promise<RunDescription> {
  const answer = await callDriver(orchestrator, request, options);
  if (answer.event === "result") return answer.description;
  throw new DriverError(
    "invalid-answer",
    `the Metaflow driver answered "${request.operation}" as if it were "stop-all"`,
  );
}
