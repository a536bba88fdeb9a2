import { z } from "zod";
import { flowResultSchema } from "./flowResult";
import { absolutePathSchema, orchestratorRequestSchema } from "./orchestrator";
import { progressSchema } from "./progress";
import { methodNameSchema } from "./recipe";
import { runDocumentSchema } from "./runDocument";

/** The driver (`python -m posttraining.driver`): one request on standard input, events on standard output, one a line. */

const text = z.string().min(1);
const time = z.string().describe("ISO 8601, UTC.");

const keyRule = "must be 1 to 128 letters, digits, dots, dashes or underscores that begin with a letter or a digit";

/** Safe as a folder name on every file system, and never hidden, so that it cannot meet the driver's own dot files. */
const runKeySchema = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/, keyRule)
  .meta({ rule: keyRule });

const key = runKeySchema.describe(
  "Name of the run, stable for stack, deployment and content hash; safe as a folder name.",
);
const orchestrator = orchestratorRequestSchema;

export const knownRunSchema = z
  .strictObject({
    status: z.enum(["succeeded", "rejected"]).describe("How the run ended."),
    runId: text.nullable().describe("Metaflow's id of the run."),
    pathspec: text.describe("Metaflow's name of the run: without it nothing of the run can be found again."),
    startedAt: text.nullable().describe("ISO 8601, UTC."),
    finishedAt: text.nullable().describe("ISO 8601, UTC."),
    result: flowResultSchema,
  })
  .meta({ id: "KnownRun", description: "How a finished run ended, as the caller knows it." });

export type KnownRun = z.infer<typeof knownRunSchema>;

const startRequestSchema = z
  .strictObject({
    operation: z.literal("start"),
    orchestrator,
    key,
    flow: methodNameSchema.describe("Flow folder below `flows/`."),
    flowFile: absolutePathSchema.nullable().default(null).describe("The flow; null: `flows/<flow>/flow.py`."),
    run: runDocumentSchema,
    insteadOf: text
      .nullable()
      .default(null)
      .describe("A finished run with this run id is run again, since its model is lost; null: none is."),
  })
  .meta({ id: "StartRequest", description: "Starts the run with a key, or finds it." });

const repairRequestSchema = z
  .strictObject({ operation: z.literal("repair"), orchestrator, key, run: runDocumentSchema, known: knownRunSchema })
  .meta({ id: "RepairRequest", description: "Writes anew what is lost of a finished run whose model is there." });

const keyRequestSchema = z
  .strictObject({
    operation: z
      .enum(["watch", "describe", "stop", "delete"])
      .describe("Follow it to its end, say how it stands, end it, or end it and remove its record."),
    orchestrator,
    key,
  })
  .meta({ id: "KeyRequest", description: "What needs nothing but the run's key." });

const stopAllRequestSchema = z
  .strictObject({ operation: z.literal("stop-all"), orchestrator })
  .meta({ id: "StopAllRequest", description: "Ends every live run." });

export const driverRequestSchema = z
  .discriminatedUnion("operation", [startRequestSchema, keyRequestSchema, repairRequestSchema, stopAllRequestSchema])
  .meta({ id: "DriverRequest", description: "What the driver reads from standard input." });

/** A request as it is written: what has a default may be left out. */
export type DriverRequest = z.input<typeof driverRequestSchema>;

export const runStateSchema = z.enum(["running", "succeeded", "rejected", "failed", "stopped", "missing"]).meta({
  id: "RunState",
  description: "`rejected`: the run ended, its model did not pass the gate. `missing`: there is no such run.",
});

export const runDescriptionSchema = z
  .strictObject({
    status: runStateSchema.describe(
      "`rejected`: the run ended, its model did not pass the gate. `missing`: there is no such run, and all else is null or empty.",
    ),
    runId: z.string().nullable().describe("Metaflow's id of the run; null: not known yet."),
    pathspec: z.string().nullable().describe("Metaflow's name of the run: `<Flow>/<run id>`; null: not known yet."),
    startedAt: time.nullable(),
    finishedAt: time.nullable(),
    result: flowResultSchema.nullable().describe("Null until the run has succeeded or was rejected."),
    cards: z.array(z.string()).describe("Absolute paths of the run's cards (HTML), in the order of its steps."),
    logFile: z.string().nullable().describe("Absolute path of the run's log."),
    damage: z.array(z.string()).describe("What of the run's record could not be read, a sentence each."),
    error: z
      .strictObject({
        step: z.string().nullable().describe("The step that failed; null: the flow failed outside of its steps."),
        message: z.string().describe("One line, the exception if there was one."),
        lines: z.array(z.string()).describe("The last log lines of that step, without Metaflow's own."),
      })
      .meta({ id: "RunFailure", description: "Why a run failed." })
      .nullable()
      .describe("Why the run failed; null: it did not."),
  })
  .meta({ id: "RunDescription", description: "How a run stands." });

export type RunDescription = z.infer<typeof runDescriptionSchema>;

const event = <Name extends string>(name: Name) => ({ event: z.literal(name) });

export const progressEventSchema = progressSchema
  .extend(event("progress"))
  .meta({ id: "ProgressEvent", description: "A progress line of the run that is watched." });

export const stepEventSchema = z
  .strictObject({
    ...event("step"),
    step: z.string().describe("Name of the step."),
    state: z.enum(["started", "finished", "failed", "retrying"]).describe("What has become of it."),
  })
  .meta({ id: "StepEvent", description: "A step of the run that is watched began or ended." });

export const errorCodeSchema = z
  .enum([
    "invalid-request",
    "orchestrator-not-available",
    "runs-directory-unusable",
    "temporary-folder-unusable",
    "disk-full",
    "start-failed",
    "processes-remain",
    "not-restored",
    "internal",
  ])
  .meta({ id: "ErrorCode", description: "The kind of an error, for programs." });

export const errorEventSchema = z
  .strictObject({
    ...event("error"),
    code: errorCodeSchema.describe("The kind of the error, for programs."),
    message: z.string().describe("What is wrong and what to do about it, for people."),
  })
  .meta({
    id: "ErrorEvent",
    description: "The last line of a request that could not be carried out; the exit status is 1.",
  });

export const descriptionEventSchema = z
  .strictObject({ ...event("result"), description: runDescriptionSchema })
  .meta({ id: "DescriptionEvent", description: "The last line of a request about one run; the exit status is 0." });

export const stoppedEventSchema = z
  .strictObject({
    ...event("stopped"),
    stopped: z.array(z.string()).describe("Keys of the runs that were live."),
  })
  .meta({ id: "StoppedEvent", description: "The last line of `stop-all`; the exit status is 0." });

/** One line of the driver's standard output. */
export const driverEventSchema = z
  .discriminatedUnion("event", [
    progressEventSchema,
    stepEventSchema,
    descriptionEventSchema,
    stoppedEventSchema,
    errorEventSchema,
  ])
  .meta({ id: "DriverEvent", description: "One line of the driver's standard output." });

export type DriverEvent = z.infer<typeof driverEventSchema>;
