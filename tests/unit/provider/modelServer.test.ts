import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ModelServerInputs, ModelServerState } from "../../../provider/handlers/modelServer";
import { modelServerOf } from "../../../provider/handlers/modelServer";
import { engineFor, serverCommand } from "../../../provider/modelServerCommand";
import { liveRecord, stopProcess } from "../../../provider/processes/supervisedProcess";
import { recordingContext } from "./context";

/**
 * A double for vLLM (the real one is started by the engine tests): it answers with what the model's folder says, or ends.
 * What is tested here is how a server is started, replaced and brought back.
 */
const serverScript = `
  const http = require("node:http");
  const [directory, port] = process.argv.slice(1);
  const behaviour = require("node:fs").readFileSync(directory + "/behaviour", "utf8");
  if (behaviour === "crash") { console.log("cannot load these weights"); process.exit(1); }
  http.createServer((request, response) => {
    if (behaviour === "mute" && request.url.endsWith("/completions")) { response.writeHead(500); response.end("no logits"); return; }
    response.end(JSON.stringify({ choices: [{ message: { content: behaviour } }] }));
  }).listen(Number(port), "127.0.0.1");
`;

const handler = modelServerOf({
  download: (_environment, uri, directory) => {
    if (uri === "s3://posttraining/models/gone") return Promise.reject(new Error(`nothing lies below ${uri}`));
    fs.rmSync(directory, { recursive: true, force: true });
    fs.mkdirSync(directory, { recursive: true });
    fs.writeFileSync(path.join(directory, "behaviour"), path.basename(uri));
    return Promise.resolve();
  },
  command: (_engine, server) => ({
    command: process.execPath,
    arguments: ["-e", serverScript, server.modelDirectory, String(server.port)],
    environment: { TMPDIR: server.temporaryDirectory },
  }),
});

let root: string;
let inputs: ModelServerInputs;

beforeEach(() => {
  root = fs.mkdtempSync(path.join(os.tmpdir(), "model-server-"));
  inputs = {
    modelUri: "s3://posttraining/models/first",
    modelName: "model",
    engine: "auto",
    directory: path.join(root, "endpoint"),
    storeEnvironment: {},
  };
});

afterEach(async () => {
  const record = liveRecord(inputs.directory);
  if (record !== undefined) await stopProcess(record, 0);
  fs.rmSync(root, { recursive: true, force: true });
});

async function create(): Promise<ModelServerState> {
  return (await handler.create(inputs, recordingContext())).state;
}

async function answerOf(state: ModelServerState): Promise<string | undefined> {
  const response = await fetch(`${state.url}/chat/completions`, { method: "POST" });
  return ((await response.json()) as { choices: { message: { content: string } }[] }).choices[0]?.message.content;
}

describe("a model server", () => {
  it("is ready once it answers, and ends with nothing left", async () => {
    const state = await create();
    expect(await answerOf(state)).toBe("first");
    const temporary = fs.readdirSync(os.tmpdir()).filter((name) => name.startsWith("posttraining-"));
    await handler.delete("endpoint", state, recordingContext());
    expect(liveRecord(state.directory)).toBeUndefined();
    expect(fs.existsSync(state.directory)).toBe(false);
    const after = fs.readdirSync(os.tmpdir()).filter((name) => name.startsWith("posttraining-"));
    expect(after.length).toBe(temporary.length - 1);
  });

  it("that ends while it starts fails with its last log lines", async () => {
    inputs = { ...inputs, modelUri: "s3://posttraining/models/crash" };
    await expect(create()).rejects.toThrow(/ended while it was starting.*\n.*cannot load these weights/);
  });

  it("that listens but cannot answer is not ready, and is not left running", async () => {
    inputs = { ...inputs, modelUri: "s3://posttraining/models/mute" };
    await expect(create()).rejects.toThrow(/did not answer a completion \(HTTP 500: no logits\)/);
    expect(liveRecord(inputs.directory)).toBeUndefined();
  });

  it("serves a new model under the same address", async () => {
    const state = await create();
    const next = { ...inputs, modelUri: "s3://posttraining/models/second" };
    const updated = await handler.update("endpoint", state, next, recordingContext());
    expect(updated.url).toBe(state.url);
    expect(await answerOf(updated)).toBe("second");
  });

  it("brings the last model back when the new one cannot be served", async () => {
    const state = await create();
    const context = recordingContext();
    const next = { ...inputs, modelUri: "s3://posttraining/models/crash" };
    await expect(handler.update("endpoint", state, next, context)).rejects.toThrow("ended while it was starting");
    expect(context.lines).toContain("the new model could not be served; the last one is being brought back");
    expect(await answerOf(state)).toBe("first");
  });

  it("goes on with the last model when the new one cannot be fetched", async () => {
    const state = await create();
    const before = liveRecord(state.directory);
    const next = { ...inputs, modelUri: "s3://posttraining/models/gone" };
    await expect(handler.update("endpoint", state, next, recordingContext())).rejects.toThrow("nothing lies below");
    expect(liveRecord(state.directory)).toEqual(before);
    expect(await answerOf(state)).toBe("first");
  });

  it("that died is seen by diff and refresh, and comes back on the same port", async () => {
    const state = await create();
    const context = recordingContext();
    expect(await handler.diff("endpoint", state, inputs, context)).toEqual({ changes: false, replaces: [] });
    const record = liveRecord(state.directory);
    if (record === undefined) throw new Error("the server is not running");
    await stopProcess(record, 0);
    expect((await handler.diff("endpoint", state, inputs, context)).changes).toBe(true);
    const seen = await handler.read("endpoint", state);
    expect(seen?.status).toBe("stopped");
    const back = await handler.update("endpoint", seen ?? state, inputs, context);
    expect(back).toEqual(state);
    expect(await answerOf(back)).toBe("first");
  });

  it("is not restarted when only the store has moved", async () => {
    const state = await create();
    const before = liveRecord(state.directory);
    const moved = { ...inputs, storeEnvironment: { AWS_ENDPOINT_URL_S3: "http://127.0.0.1:1" } };
    await handler.update("endpoint", state, moved, recordingContext());
    expect(liveRecord(state.directory)).toEqual(before);
  });

  it("stops loading when the operation is cancelled", async () => {
    const context = recordingContext();
    context.cancel();
    await expect(handler.create(inputs, context)).rejects.toThrow("was cancelled while it was starting");
    expect(liveRecord(inputs.directory)).toBeUndefined();
  });
});

describe("the server's command", () => {
  const server = {
    python: "/env/bin/python",
    modelDirectory: "/a folder/model",
    modelName: "grpo",
    host: "127.0.0.1",
    port: 8000,
    cacheDirectory: "/cache",
    temporaryDirectory: "/tmp/x",
  };

  it("keeps vLLM's precision and everything that it writes inside the stack", () => {
    const command = serverCommand("vllm", server);
    expect(command.arguments.join(" ")).toContain("--dtype float32");
    expect(command.arguments).toContain("/a folder/model");
    for (const name of [
      "HF_HOME",
      "XDG_CACHE_HOME",
      "VLLM_CACHE_ROOT",
      "VLLM_CONFIG_ROOT",
      "TORCHINDUCTOR_CACHE_DIR",
    ]) {
      expect(command.environment[name]).toMatch(/^\/cache/);
    }
  });

  it("falls back to transformers where vLLM is not installed", () => {
    const environment = fs.mkdtempSync(path.join(os.tmpdir(), "environment-"));
    const packages = path.join(environment, "lib", "python3.11", "site-packages");
    fs.mkdirSync(packages, { recursive: true });
    const python = path.join(environment, "bin", "python");
    expect(engineFor("auto", python)).toBe("transformers");
    fs.mkdirSync(path.join(packages, "vllm"));
    expect(engineFor("auto", python)).toBe("vllm");
    expect(engineFor("transformers", python)).toBe("transformers");
    fs.rmSync(environment, { recursive: true });
  });
});
