import * as path from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { ModelServer, type ModelServerArgs } from "../../provider/sdk/modelServer";
import type { ArtifactStore } from "../store/artifactStore";
import { componentTypes } from "../core/componentTypes";
import type { InferenceEndpoint } from "./inferenceEndpoint";
import { type Transform, transformed } from "../core/transform";

/**
 * Arguments of `LocalInferenceEndpoint`. The model is an Input: it is a run's output. The rest is plain on purpose: it is this machine's,
 * and the preview shows it.
 */
export interface LocalInferenceEndpointArgs {
  /** Store that holds the model. */
  store: ArtifactStore;

  /**
   * Prefix of the promoted model to serve.
   *
   * @example
   * ```ts
   * { modelUri: grpo.modelUri }
   * ```
   */
  modelUri: pulumi.Input<string>;

  /**
   * Name under which clients ask for the model.
   *
   * @example
   * ```ts
   * { modelName: "grpo" }
   * ```
   */
  modelName: string;

  /**
   * Registered adapters that were trained from that model, each offered beside it by its own name. vLLM alone serves them. Their
   * chat template is the server's, so it must be the same for all.
   *
   * @default none
   * @example
   * ```ts
   * { modelUri: sft.modelUri, modelName: "sft", adapters: [{ name: "dpo", modelUri: dpo.modelUri }] }
   * ```
   */
  adapters?: {
    /** Name under which clients ask for it. */
    name: string;
    /** Prefix of the registered model that has the adapter. */
    modelUri: pulumi.Input<string>;
  }[];

  /** Folder under which the server keeps the model's copy, its process record and its log. */
  processesDirectory: string;

  /**
   * Server to run: vLLM (its CPU build), or `transformers serve`, which starts faster but lists no models.
   *
   * @default `"auto"`: vLLM where it is installed
   * @example
   * ```ts
   * { engine: "vllm" }
   * ```
   */
  engine?: "auto" | "vllm" | "transformers";

  /**
   * Whether clients must send a key. It is made once and kept as a secret; without one, any user of the machine may ask the model.
   *
   * @default `"required"`
   * @example
   * ```ts
   * { key: "none" }
   * ```
   */
  key?: "required" | "none";

  /**
   * Port on 127.0.0.1.
   *
   * @default a free one, chosen once and remembered
   * @example
   * ```ts
   * { port: 8000 }
   * ```
   */
  port?: number;

  /** Changes what the component makes: arguments, options and names. */
  transform?: { server?: Transform<ModelServerArgs> };
}

/**
 * A model behind an OpenAI-compatible server on this machine. Ready means that a real completion was answered.
 * The server outlives `pulumi up`; when it died, a refresh shows it and `up` brings it back.
 *
 * **Cost**: none; vLLM takes about 3 GiB of memory.
 *
 * **Teardown**: exactly this process and its children end; the model stays in the store.
 *
 * @example
 * ```ts
 * new LocalInferenceEndpoint("endpoint", { store, modelUri: grpo.modelUri, modelName: "grpo", processesDirectory });
 * ```
 */
export class LocalInferenceEndpoint extends pulumi.ComponentResource implements InferenceEndpoint {
  readonly url: pulumi.Output<string>;
  readonly modelName: pulumi.Output<string>;
  readonly modelUri: pulumi.Output<string>;
  /** What clients send as bearer token; secret. Null where none is needed. */
  readonly apiKey: pulumi.Output<string | null>;
  /** File with the header that clients send; null where none is needed. */
  readonly headerFile: pulumi.Output<string | null>;
  /** The resources inside, for what the outputs above do not say. */
  readonly nodes: { readonly server: ModelServer };

  constructor(name: string, args: LocalInferenceEndpointArgs, options?: pulumi.ComponentResourceOptions) {
    super(componentTypes.inferenceEndpoint, name, {}, options);
    const server = new ModelServer(
      ...transformed(
        args.transform?.server,
        `${name}-server`,
        {
          modelUri: args.modelUri,
          modelName: args.modelName,
          engine: args.engine ?? "auto",
          ...(args.adapters === undefined ? {} : { adapters: pulumi.output(args.adapters) }),
          ...(args.port === undefined ? {} : { requestedPort: args.port }),
          key: args.key ?? "required",
          directory: path.join(args.processesDirectory, name),
          storeEnvironment: args.store.environment,
        },
        { parent: this },
      ),
    );
    this.nodes = { server };
    this.url = server.url;
    this.apiKey = pulumi.secret(server.apiKey);
    this.headerFile = server.headerFile;
    this.modelName = server.modelName;
    this.modelUri = server.modelUri;
    this.registerOutputs({ url: this.url, modelName: this.modelName, modelUri: this.modelUri });
  }
}
