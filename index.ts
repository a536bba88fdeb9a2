import * as pulumi from "@pulumi/pulumi";
import { ConfigurationError } from "./validation/configurationError";
import type { Machine } from "./preflight/machine";
import { missingConfiguration, stackKind } from "./configuration/stackKind";
import { stackNameProblem } from "./machine/stackName";

/**
 * The program of every stack. All that can be known from configuration, recipes and this machine is decided before the first resource
 * is registered, and refused with one message. Each program, and what judges its configuration, loads when it is the one to run: the
 * AWS and Kubernetes SDKs take a second, which the local stack need not wait for.
 */

/* eslint-disable @typescript-eslint/no-require-imports */

async function localProgram(document: unknown, stack: string, machine?: Machine): Promise<Record<string, unknown>> {
  const { readLocal } = require("./configuration/local") as typeof import("./configuration/local");
  const { demandsRehearsals, machineErrors, refersElsewhere } =
    require("./preflight/localChecks") as typeof import("./preflight/localChecks");
  const here = machine ?? (require("./preflight/machine") as typeof import("./preflight/machine")).thisMachine(stack);
  const reading = readLocal(document);
  const errors = [...reading.errors, ...(await machineErrors(reading, here))];
  const isElsewhere = refersElsewhere(reading);
  if (isElsewhere) {
    const { modelErrors } = require("./preflight/modelChecks") as typeof import("./preflight/modelChecks");
    errors.push(...(await modelErrors(reading, here, (line) => void pulumi.log.info(line))));
  }
  if (demandsRehearsals(reading)) {
    const { rehearsalErrors } = require("./preflight/rehearsals") as typeof import("./preflight/rehearsals");
    errors.push(...rehearsalErrors(reading));
  }
  const { configuration } = reading;
  if (configuration === undefined || errors.length > 0) throw new ConfigurationError(errors);
  const { localStack } = require("./stacks/local") as typeof import("./stacks/local");
  const hoursOf = isElsewhere
    ? (require("./sizing/modelHours") as typeof import("./sizing/modelHours")).modelHours
    : undefined;
  return localStack(configuration, stack, hoursOf);
}

function platformProgram(document: unknown, stack: string): Record<string, unknown> {
  const { parsePlatform } =
    require("./configuration/platformChecks") as typeof import("./configuration/platformChecks");
  const configuration = parsePlatform(document);
  return (require("./stacks/platform") as typeof import("./stacks/platform")).platformStack(configuration, stack);
}

/* eslint-enable @typescript-eslint/no-require-imports */

/** The message alone is shown: it is for whoever wrote the configuration. */
function refusal(message: string): pulumi.RunError {
  const error = new pulumi.RunError(message);
  delete error.stack;
  return error;
}

/**
 * Takes the engine's own frames out of an error's trace. Pulumi has Node format every trace, shown or not (cmd/run/error.js), and Node 20
 * goes round in circles for a quarter of a minute over a frame such as `node_modules/@pulumi/resource.ts`, with nothing below the package
 * (markNodeModules in lib/internal/util/inspect.js). An asynchronous program has such a frame in every trace.
 */
function withoutEngineFrames(error: unknown): unknown {
  if (error instanceof Error && error.stack !== undefined) {
    const lines = error.stack.split("\n");
    error.stack = lines.filter((line) => !/[\\/]node_modules[\\/]@[^\\/]+[\\/][^\\/]*$/.test(line)).join("\n");
  }
  return error;
}

/** @param machine what to decide from; left out: the machine that this runs on */
async function program(machine?: Machine): Promise<Record<string, unknown>> {
  const stack = pulumi.getStack();
  const problem = stackNameProblem(stack);
  if (problem !== undefined) throw refusal(`The name of the stack, ${JSON.stringify(stack)}, ${problem}.`);
  try {
    const written: unknown = new pulumi.Config("posttraining").getObject("stack");
    if (written === undefined) throw refusal(missingConfiguration(stack, Object.keys(pulumi.runtime.allConfig())));
    const document = written ?? {};
    return stackKind(document) === "local"
      ? await localProgram(document, stack, machine)
      : platformProgram(document, stack);
  } catch (error) {
    throw error instanceof ConfigurationError ? refusal(error.messageFor(stack)) : withoutEngineFrames(error);
  }
}

module.exports = program;
