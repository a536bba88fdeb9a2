import * as pulumi from "@pulumi/pulumi";
import type { RehearsalInputs } from "../resources/rehearsal";
import { resourceTypes } from "../resourceTypes";
import { pendingOutputs, type ProgramInputs } from "./inputs";

export type RehearsalArgs = ProgramInputs<RehearsalInputs>;

/** A recipe that has been rehearsed, and passed. */
export class Rehearsal extends pulumi.CustomResource {
  /** ISO 8601 UTC. */
  declare readonly finishedAt: pulumi.Output<string>;
  declare readonly seconds: pulumi.Output<number>;
  declare readonly invariants: pulumi.Output<number>;
  /** Path of its report. */
  declare readonly report: pulumi.Output<string>;

  constructor(name: string, args: RehearsalArgs, options?: pulumi.CustomResourceOptions) {
    const outputs = pendingOutputs("finishedAt", "seconds", "invariants", "report");
    super(resourceTypes.rehearsal, name, { ...outputs, ...args }, options);
  }
}
