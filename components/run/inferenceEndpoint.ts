import type * as pulumi from "@pulumi/pulumi";

/** An OpenAI-compatible server for a promoted model. */
export interface InferenceEndpoint {
  /** Base URL for clients, ending in `/v1`. */
  readonly url: pulumi.Output<string>;
  /** Name under which clients ask for the model. */
  readonly modelName: pulumi.Output<string>;
  /** Prefix of the model that is served. */
  readonly modelUri: pulumi.Output<string>;
}
