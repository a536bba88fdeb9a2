import * as pulumi from "@pulumi/pulumi";
import type { MetaflowHomeInputs } from "../resources/metaflowHome";
import { resourceTypes } from "../resourceTypes";
import type { ProgramInputs } from "./inputs";

export type MetaflowHomeArgs = ProgramInputs<MetaflowHomeInputs>;

/** Metaflow's home folder on this machine, with its configuration file. Deleting it stops every run that it started. */
export class MetaflowHome extends pulumi.CustomResource {
  declare readonly directory: pulumi.Output<string>;
  declare readonly configuration: pulumi.Output<Record<string, string>>;

  constructor(name: string, args: MetaflowHomeArgs, options?: pulumi.CustomResourceOptions) {
    super(resourceTypes.metaflowHome, name, args, options);
  }
}
