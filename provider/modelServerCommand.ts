import * as fs from "node:fs";
import * as path from "node:path";
import { layout } from "../machine/checkout.mjs";
import { adapterArguments, type ServedAdapter } from "./servedAdapters";

export type ModelServerEngine = "vllm" | "transformers";

/** What a server needs to know, whichever it is. */
export interface ServerArguments {
  readonly python: string;
  readonly modelDirectory: string;
  readonly modelName: string;
  readonly host: string;
  readonly port: number;
  /** What clients must send as bearer token; null: nothing. It travels in the environment, which only its user can read. */
  readonly apiKey: string | null;
  /** Everything that the server would keep in the user's home goes here. */
  readonly cacheDirectory: string;
  /** Folder for sockets and other short-lived files; a short path, since a Unix socket's may have 107 characters at most. */
  readonly temporaryDirectory: string;
  /** What the chat template is handed where a request does not say otherwise: what the model was trained with. */
  readonly chatTemplateArguments: ChatTemplateArguments;
  /** What is offered beside the model, each by its own name; vLLM alone can. */
  readonly adapters: readonly ServedAdapter[];
}

export type ChatTemplateArguments = Readonly<Record<string, string | number | boolean>>;

export interface ServerCommand {
  readonly command: string;
  readonly arguments: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** Variables that it must not inherit, by their names. */
  readonly foreign: RegExp;
}

/**
 * Settings of a person, or of a cluster's job, for the same libraries: the server would listen elsewhere, join a group of
 * processes, or compute with other kernels than those that the gate measured with.
 */
const foreign =
  /^(?:VLLM_|HF_|TRANSFORMERS_|TORCH|AWS_|PULUMI_|SLURM_|RANK$|WORLD_SIZE$|LOCAL_RANK$|MASTER_(?:ADDR|PORT)$|GLOO_|NCCL_)/;

/** Whether the environment of a Python interpreter has a package. */
function hasPackage(python: string, name: string): boolean {
  const libraries = path.join(path.dirname(python), "..", "lib");
  const versions = fs.existsSync(libraries) ? fs.readdirSync(libraries) : [];
  return versions.some((version) => fs.existsSync(path.join(libraries, version, "site-packages", name)));
}

/** What an engine needs beside itself: `transformers` places a model on a device with accelerate. */
const packagesOf: Readonly<Record<ModelServerEngine, readonly string[]>> = {
  vllm: ["vllm"],
  transformers: ["transformers", "accelerate"],
};

/** Why an engine cannot be started; undefined when it can. */
export function engineProblem(requested: "auto" | ModelServerEngine, python: string): string | undefined {
  const engine = engineFor(requested, python);
  const missing = packagesOf[engine].filter((name) => !hasPackage(python, name));
  if (missing.length === 0) return undefined;
  return `endpoint.engine: ${engine} needs ${missing.join(" and ")}, not installed in ${path.dirname(path.dirname(python))}: run \`npm run bootstrap\`, or set another engine`;
}

/** The engine to use: the one asked for, else vLLM where the environment of `python` has it. */
export function engineFor(requested: "auto" | ModelServerEngine, python: string): ModelServerEngine {
  switch (requested) {
    case "vllm":
    case "transformers":
      return requested;
    case "auto":
      return hasPackage(python, "vllm") ? "vllm" : "transformers";
  }
}

const templateOption = (name: string, { chatTemplateArguments }: ServerArguments): readonly string[] =>
  Object.keys(chatTemplateArguments).length === 0 ? [] : [name, JSON.stringify(chatTemplateArguments)];

/** Command line and environment of a server; a pure function of its arguments. */
export function serverCommand(engine: ModelServerEngine, server: ServerArguments): ServerCommand {
  const environment = {
    HOME: path.join(server.cacheDirectory, "home"),
    HF_HUB_OFFLINE: "1",
    HF_HOME: path.join(server.cacheDirectory, "huggingface"),
    XDG_CACHE_HOME: server.cacheDirectory,
    XDG_CONFIG_HOME: path.join(server.cacheDirectory, "config"),
    TRITON_CACHE_DIR: path.join(server.cacheDirectory, "triton"),
    TORCHINDUCTOR_CACHE_DIR: path.join(server.cacheDirectory, "inductor"),
    TMPDIR: server.temporaryDirectory,
    OMP_NUM_THREADS: "1",
    DO_NOT_TRACK: "1",
  };
  switch (engine) {
    case "vllm":
      return {
        command: server.python,
        // The module, not the `vllm` command: under the CPU distribution the command looks for a package named vllm and fails.
        arguments: [
          ...["-m", "vllm.entrypoints.openai.api_server"],
          ...["--host", server.host, "--port", String(server.port)],
          ...["--model", server.modelDirectory, "--served-model-name", server.modelName],
          // `auto` would serve a float32 model in half precision: answers would differ from what the gate measured.
          ...["--dtype", "float32", "--max-num-seqs", "8", "--enforce-eager"],
          // As much of the context as the cache has room for (VLLM_CPU_KVCACHE_SPACE, GiB): a model whose whole context needs more
          // would not be served at all.
          ...["--max-model-len", "-1"],
          ...adapterArguments(server.adapters),
          ...templateOption("--default-chat-template-kwargs", server),
        ],
        foreign,
        environment: {
          ...environment,
          ...(server.apiKey === null ? {} : { VLLM_API_KEY: server.apiKey }),
          // Its processes talk to each other by sockets too, which else listen on whatever the host's name stands for.
          VLLM_HOST_IP: server.host,
          GLOO_SOCKET_IFNAME: process.platform === "darwin" ? "lo0" : "lo",
          VLLM_CACHE_ROOT: path.join(server.cacheDirectory, "vllm"),
          VLLM_CONFIG_ROOT: path.join(server.cacheDirectory, "config", "vllm"),
          VLLM_NO_USAGE_STATS: "1",
          VLLM_CPU_KVCACHE_SPACE: "1",
          VLLM_CPU_OMP_THREADS_BIND: "nobind",
          // vLLM compiles its sampler even with --enforce-eager: that takes a C++ compiler, 15 s before the first answer, and a
          // checkout without a space in its path (Inductor calls the compiler without quotes).
          TORCH_COMPILE_DISABLE: "1",
        },
      };
    case "transformers":
      return {
        command: server.python,
        arguments: [
          // `transformers serve` itself asks for no key, and knows the model by its path alone (flows/serving/transformers_server.py).
          ...["-m", "serving.transformers_server", "serve", server.modelDirectory],
          ...["--host", server.host, "--port", String(server.port), "--dtype", "float32", "--device", "cpu"],
          ...templateOption("--chat-template-kwargs", server),
        ],
        foreign,
        environment: {
          ...environment,
          PYTHONPATH: layout.flows,
          POSTTRAINING_MODEL_NAME: server.modelName,
          ...(server.apiKey === null ? {} : { POSTTRAINING_ENDPOINT_KEY: server.apiKey }),
        },
      };
  }
}
