import * as pulumi from "@pulumi/pulumi";
import type { PasswordInputs } from "../resources/password";
import { resourceTypes } from "../resourceTypes";
import { pendingOutputs, type ProgramInputs } from "./inputs";

export type PasswordArgs = ProgramInputs<PasswordInputs>;

/** A random password of letters and digits, kept in the stack's state. */
export class Password extends pulumi.CustomResource {
  /** Secret. */
  declare readonly value: pulumi.Output<string>;

  constructor(name: string, args: PasswordArgs, options?: pulumi.CustomResourceOptions) {
    super(
      resourceTypes.password,
      name,
      { ...pendingOutputs("value"), ...args },
      { ...options, additionalSecretOutputs: ["value"] },
    );
  }
}
