import * as fs from "node:fs";
import * as path from "node:path";

export type ModelServerEngine = "vllm" | "transformers";

/** What a server needs to know, whichever it is. */
export interface ServerArguments {
  readonly python: string;
  readonly modelDirectory: string;
  readonly modelName: string;
  readonly host: string;
  readonly port: number;
  /** Everything that the server would keep in the user's home goes here. */
  readonly cacheDirectory: string;
  /** Folder for sockets and other short-lived files; a short path, since a Unix socket's may have 107 characters at most. */
  readonly temporaryDirectory: string;
}

export interface ServerCommand {
  readonly command: string;
  readonly arguments: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
}

/** The engine to use: the one asked for, else vLLM where the environment of `python` has it. */
export function engineFor(requested: "auto" | ModelServerEngine, python: string): ModelServerEngine {
  switch (requested) {
    case "vllm":
    case "transformers":
      return requested;
    case "auto": {
      const libraries = path.join(path.dirname(python), "..", "lib");
      const versions = fs.existsSync(libraries) ? fs.readdirSync(libraries) : [];
      const hasVllm = versions.some((version) => fs.existsSync(path.join(libraries, version, "site-packages", "vllm")));
      return hasVllm ? "vllm" : "transformers";
    }
  }
}

/** Command line and environment of a server; a pure function of its arguments. */
export function serverCommand(engine: ModelServerEngine, server: ServerArguments): ServerCommand {
  const environment = {
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
        ],
        environment: {
          ...environment,
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
          ...["-m", "transformers.cli.transformers", "serve", server.modelDirectory],
          ...["--host", server.host, "--port", String(server.port), "--dtype", "float32", "--device", "cpu"],
        ],
        environment,
      };
  }
}
