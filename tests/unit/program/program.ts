import { createRequire } from "node:module";
import * as path from "node:path";
import * as pulumi from "@pulumi/pulumi";
import * as local from "../../../configuration/local";
import * as localChecks from "../../../preflight/localChecks";
import type { Machine } from "../../../preflight/machine";
import * as modelChecks from "../../../preflight/modelChecks";
import * as rehearsals from "../../../preflight/rehearsals";
import * as platformChecks from "../../../configuration/platformChecks";
import * as index from "../../../index";

/** The program of every stack, as Pulumi runs it: `index.ts` under Pulumi's mocks, with a configuration and a machine of the test's choice. */

/** What Pulumi calls: the module is a function. */
const { default: program } = index as unknown as { readonly default: (machine: Machine) => Promise<unknown> };

const root = path.join(__dirname, "..", "..", "..");
const require = createRequire(__filename);

/**
 * What index.ts loads when it needs it: found where Node looks first, as the test's runner has loaded it. What is not here, above all
 * the programs that register resources, cannot be loaded at all.
 */
function provide(file: string, exports: unknown): void {
  const filename = path.join(root, file);
  require.cache[filename] = { id: filename, filename, loaded: true, exports } as NodeJS.Module;
}

/* eslint-disable-next-line @typescript-eslint/no-deprecated -- the only way to have Node find a file of this ending without a loader */
require.extensions[".ts"] ??= (_module, filename) => {
  throw new Error(`the program went on to load ${filename}`);
};
provide("configuration/local.ts", local);
provide("preflight/localChecks.ts", localChecks);
provide("preflight/modelChecks.ts", modelChecks);
provide("preflight/rehearsals.ts", rehearsals);
provide("configuration/platformChecks.ts", platformChecks);

/** Lets the program of local stacks register something, so that a test can see that it would be seen. */
export function provideLocalStack(localStack: () => Record<string, unknown>): () => void {
  provide("stacks/local.ts", { localStack });
  return () => {
    // eslint-disable-next-line @typescript-eslint/no-dynamic-delete
    delete require.cache[path.join(root, "stacks/local.ts")];
  };
}

const gib = 2 ** 30;

/** A machine without GPUs on which nothing is in the way; the hub knows nothing of any model, and lets everything be read. */
export function machineOf(change: Partial<Machine> = {}): Machine {
  return {
    memory: () => 24 * gib,
    freeDisk: () => 60 * gib,
    hasPython: () => true,
    hasModule: () => true,
    engineProblem: () => undefined,
    portProblem: () => Promise.resolve(undefined),
    askHub: () => Promise.resolve({ kind: "found", content: undefined }),
    hasHubToken: () => false,
    environment: {},
    runsDirectory: "/nowhere/runs",
    hubHome: "/nowhere/huggingface",
    ...change,
  };
}

export interface Outcome {
  readonly failure: unknown;
  /** Types of what was registered. */
  readonly registered: readonly string[];
}

/** Runs the program once, without the stack itself around it, which Pulumi registers whatever the program does. */
export async function runProgram(document: unknown, machine: Machine, stack = "test"): Promise<Outcome> {
  return runProgramWith({ "posttraining:stack": JSON.stringify(document) }, machine, stack);
}

/** @param configuration as Pulumi reads it from the stack's file. */
export async function runProgramWith(
  configuration: Record<string, string>,
  machine: Machine,
  stack = "test",
): Promise<Outcome> {
  const registered: string[] = [];
  await pulumi.runtime.setMocks(
    {
      newResource: ({ type, name, inputs }) => {
        registered.push(type);
        return { id: `${name}-id`, state: inputs as Record<string, unknown> };
      },
      call: ({ inputs }) => inputs as Record<string, unknown>,
    },
    "posttraining",
    stack,
    false,
    "organization",
  );
  pulumi.runtime.setAllConfig(configuration);
  let failure: unknown;
  await program(machine).catch((error: unknown) => (failure = error));
  // What is being registered is waited for.
  await pulumi.runtime.disconnect();
  pulumi.runtime.setAllConfig({});
  return { failure, registered };
}
