import * as pulumi from "@pulumi/pulumi";
import type { ObjectStoreServerInputs } from "../resources/objectStoreServer";
import { resourceTypes } from "../resourceTypes";
import { pendingOutputs, type ProgramInputs } from "./inputs";

export type ObjectStoreServerArgs = ProgramInputs<ObjectStoreServerInputs>;

/** An S3-compatible server on this machine that keeps its data on disk. */
export class ObjectStoreServer extends pulumi.CustomResource {
  /** `http://127.0.0.1:<port>` */
  declare readonly endpoint: pulumi.Output<string>;
  declare readonly port: pulumi.Output<number>;
  declare readonly bucket: pulumi.Output<string>;
  declare readonly accessKeyId: pulumi.Output<string>;
  /** Secret. */
  declare readonly secretAccessKey: pulumi.Output<string>;
  declare readonly status: pulumi.Output<"running" | "stopped">;

  constructor(name: string, args: ObjectStoreServerArgs, options?: pulumi.CustomResourceOptions) {
    const outputs = pendingOutputs("endpoint", "port", "accessKeyId", "secretAccessKey", "status");
    super(
      resourceTypes.objectStoreServer,
      name,
      { ...outputs, ...args },
      {
        ...options,
        additionalSecretOutputs: ["secretAccessKey"],
      },
    );
  }
}
