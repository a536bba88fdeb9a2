import * as pulumi from "@pulumi/pulumi";
import type { ModelServerInputs, ModelServerState } from "../resources/modelServer";
import { resourceTypes } from "../resourceTypes";
import { pendingOutputs, type ProgramInputs } from "./inputs";

export type ModelServerArgs = ProgramInputs<ModelServerInputs>;

/** An OpenAI-compatible server for one model, on this machine. */
export class ModelServer extends pulumi.CustomResource {
  /** `http://127.0.0.1:<port>/v1` */
  declare readonly url: pulumi.Output<string>;
  declare readonly port: pulumi.Output<number>;
  /** What clients send as bearer token; secret. Null where none is needed. */
  declare readonly apiKey: pulumi.Output<string | null>;
  /** File with the header that clients send, for `curl -H @<file>`; null where none is needed. */
  declare readonly headerFile: pulumi.Output<string | null>;
  declare readonly modelName: pulumi.Output<string>;
  declare readonly modelUri: pulumi.Output<string>;
  declare readonly resolvedEngine: pulumi.Output<ModelServerState["resolvedEngine"]>;
  declare readonly status: pulumi.Output<ModelServerState["status"]>;
  declare readonly logFile: pulumi.Output<string>;

  constructor(name: string, args: ModelServerArgs, options?: pulumi.CustomResourceOptions) {
    const outputs = pendingOutputs("url", "port", "apiKey", "headerFile", "resolvedEngine", "status", "logFile");
    super(
      resourceTypes.modelServer,
      name,
      { ...outputs, ...args },
      {
        ...options,
        additionalSecretOutputs: ["storeEnvironment", "apiKey"],
      },
    );
  }
}
