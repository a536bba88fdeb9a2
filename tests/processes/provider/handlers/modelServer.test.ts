import { once } from "node:events";
import * as fs from "node:fs";
import * as net from "node:net";
import * as os from "node:os";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ModelServerInputs, ModelServerState } from "../../../../provider/resources/modelServer";
import { modelServerOf } from "../../../../provider/handlers/modelServer";
import { adapterArguments } from "../../../../provider/servedAdapters";
import { liveRecord, readRecord, startProcess, stopProcess } from "../../../../machine/supervisedProcess";
import { makeShortLivedFolder, shortLivedFolderOf } from "../../../../machine/shortLivedFolder";
import { recordingContext } from "../../../unit/provider/context";

/**
 * A double for vLLM (the real one is started by the engine tests): it answers with what the model's folder says, or ends.
 * What is tested here is how a server is started, replaced and brought back.
 */
const serverScript = `
  const http = require("node:http");
  const [directory, port] = process.argv.slice(1);
  const behaviour = require("node:fs").readFileSync(directory + "/behaviour", "utf8");
  if (behaviour === "crash") { console.log("cannot load these weights"); process.exit(1); }
  const key = process.env.KEY;
  http.createServer((request, response) => {
    const wrongKey = key !== "none" && request.headers.authorization !== "Bearer " + key;
    if (request.url.endsWith("/completions") && wrongKey) { response.writeHead(401); response.end("wrong key"); return; }
    if (behaviour === "mute" && request.url.endsWith("/completions")) { response.writeHead(500); response.end("no logits"); return; }
    response.end(JSON.stringify({ choices: [{ message: { content: behaviour } }] }));
  }).listen(Number(port), "127.0.0.1");
`;

let root: string;
let inputs: ModelServerInputs;
/** Engines that this machine does not have. */
let missing: string | undefined;

const handlerIn = (stateDirectory: string) =>
  modelServerOf({
    stateDirectory,
    engineProblem: () => missing,
    modelProblem: (folder) => (fs.existsSync(path.join(folder, "behaviour")) ? undefined : "there is no behaviour"),
    download: (_environment, uri, directory) => {
      if (uri === "s3://posttraining/models/gone") return Promise.reject(new Error(`nothing lies below ${uri}`));
      fs.rmSync(directory, { recursive: true, force: true });
      fs.mkdirSync(directory, { recursive: true });
      const name = path.basename(uri);
      if (name.startsWith("adapter")) {
        const base = name === "adapter-of-another" ? "owner/other" : "s3://posttraining/models/first";
        const configuration = JSON.stringify({ r: 8, base_model_name_or_path: base });
        fs.writeFileSync(path.join(directory, "adapter_config.json"), configuration);
        fs.writeFileSync(path.join(directory, "adapter_model.safetensors"), "");
        return Promise.resolve();
      }
      fs.writeFileSync(path.join(directory, "behaviour"), name);
      return Promise.resolve();
    },
    command: (_engine, server) => ({
      command: process.execPath,
      arguments: ["-e", serverScript, server.modelDirectory, String(server.port), ...adapterArguments(server.adapters)],
      environment: { TMPDIR: server.temporaryDirectory, KEY: server.apiKey ?? "none" },
      foreign: /^NONE$/,
    }),
  });
let handler: ReturnType<typeof handlerIn>;

beforeEach(() => {
  root = fs.mkdtempSync(path.join(os.tmpdir(), "model-server-"));
  handler = handlerIn(root);
  missing = undefined;
  inputs = {
    modelUri: "s3://posttraining/models/first",
    modelName: "model",
    engine: "auto",
    key: "required",
    directory: path.join(root, "endpoint"),
    storeEnvironment: {},
  };
});

afterEach(async () => {
  await stopProcess(inputs.directory, 0);
  fs.rmSync(root, { recursive: true, force: true });
  fs.rmSync(shortLivedFolderOf(inputs.directory), { recursive: true, force: true });
});

async function create(): Promise<ModelServerState> {
  return (await handler.create(inputs, recordingContext())).state;
}

async function answerOf(state: ModelServerState): Promise<string | undefined> {
  const headers = { authorization: `Bearer ${state.apiKey ?? ""}` };
  const response = await fetch(`${state.url}/chat/completions`, { method: "POST", headers });
  return ((await response.json()) as { choices: { message: { content: string } }[] }).choices[0]?.message.content;
}

describe("a model server", () => {
  it("is ready once it answers, and ends with nothing left", async () => {
    const state = await create();
    expect(await answerOf(state)).toBe("first");
    const temporary = shortLivedFolderOf(state.directory);
    expect(fs.statSync(temporary).mode & 0o777).toBe(0o700);
    await handler.delete("endpoint", state, recordingContext());
    expect(liveRecord(state.directory)).toBeUndefined();
    expect(fs.existsSync(state.directory)).toBe(false);
    expect(fs.existsSync(temporary)).toBe(false);
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

  it("offers registered adapters beside the model, and goes on without those that do not fit", async () => {
    inputs = { ...inputs, engine: "vllm" };
    const state = await create();
    const before = liveRecord(state.directory);
    const beside = (name: string, ...more: readonly string[]): ModelServerInputs => ({
      ...inputs,
      adapters: [name, ...more].map((each) => ({ name: each, modelUri: `s3://posttraining/models/${each}` })),
    });
    const refused = (news: ModelServerInputs) =>
      expect(handler.update("endpoint", state, news, recordingContext())).rejects;
    await refused(beside("adapter-of-another")).toThrow(/endpoint\.adapters: .*was trained from owner\/other/);
    await refused(beside("second")).toThrow(
      "endpoint.adapters: second (s3://posttraining/models/second) cannot be served",
    );
    await refused(beside("model")).toThrow("endpoint.adapters: the name model stands for two models");
    await refused(beside("a/b")).toThrow('endpoint.adapters: got the name "a/b"');
    await refused({ ...beside("adapter-1"), engine: "transformers" }).toThrow("transformers serves none");
    expect(liveRecord(state.directory)).toEqual(before);

    const updated = await handler.update("endpoint", state, beside("adapter-1", "adapter-2"), recordingContext());
    expect(updated.url).toBe(state.url);
    expect(await answerOf(updated)).toBe("first");
    const served = path.join(state.directory, "model", "adapters");
    expect(fs.readdirSync(served)).toEqual(["adapter-1", "adapter-2"]);
    expect(await handler.diff("endpoint", updated, beside("adapter-1", "adapter-2"), recordingContext())).toMatchObject(
      {
        changes: false,
      },
    );
  });

  it("brings the last model back when the new one cannot be served", async () => {
    const state = await create();
    const context = recordingContext();
    const next = { ...inputs, modelUri: "s3://posttraining/models/crash" };
    await expect(handler.update("endpoint", state, next, context)).rejects.toThrow("ended while it was starting");
    expect(context.lines).toContain("the endpoint does not serve as it was changed; it is brought back as it was");
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
    await stopProcess(state.directory, 0);
    expect((await handler.diff("endpoint", state, inputs, context)).changes).toBe(true);
    const seen = await handler.read("endpoint", state, context);
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

describe("a folder for short-lived files", () => {
  it("is not one to which somebody else leads", () => {
    const folder = shortLivedFolderOf(inputs.directory);
    fs.symlinkSync(root, folder);
    expect(() => {
      makeShortLivedFolder(folder);
    }).toThrow(`${folder} belongs to somebody else or is no folder`);
    fs.rmSync(folder);
    fs.mkdirSync(folder, { mode: 0o777 });
    makeShortLivedFolder(folder);
    expect(fs.statSync(folder).mode & 0o777).toBe(0o700);
  });
});

describe("an update of a server that cannot be done", () => {
  const refusals: [string, () => Promise<Partial<ModelServerInputs>>, RegExp][] = [
    [
      "a port that another program has",
      async () => {
        const taken = net.createServer().listen(0, "127.0.0.1");
        await once(taken, "listening");
        holders.push(taken);
        return { requestedPort: (taken.address() as net.AddressInfo).port };
      },
      /is taken by another program: set endpoint.port/,
    ],
    [
      "an engine that is not installed",
      () => {
        missing = "endpoint.engine: transformers is not installed";
        return Promise.resolve({ engine: "transformers" });
      },
      /transformers is not installed/,
    ],
    [
      "a model without files",
      () => Promise.resolve({ modelUri: "s3://posttraining/models/gone" }),
      /nothing lies below/,
    ],
    ["an empty name", () => Promise.resolve({ modelName: " " }), /endpoint.modelName is empty/],
  ];
  const holders: net.Server[] = [];
  afterEach(() => {
    for (const holder of holders.splice(0)) holder.close();
  });

  it.each(refusals)("is refused before what runs is touched: %s", async (_what, change, message) => {
    const state = await create();
    const before = liveRecord(state.directory);
    const news = { ...inputs, ...(await change()) };
    await expect(handler.update("endpoint", state, news, recordingContext())).rejects.toThrow(message);
    expect(liveRecord(state.directory)).toEqual(before);
    expect(await answerOf(state)).toBe("first");
  });

  it("names all that is wrong in one message", async () => {
    const state = await create();
    missing = "endpoint.engine: vllm is not installed";
    const news = { ...inputs, modelName: "" };
    await expect(handler.update("endpoint", state, news, recordingContext())).rejects.toThrow(/vllm.*\n.*modelName/);
  });

  it("goes back to the name and port that it had when it does not become ready", async () => {
    const state = await create();
    const holder = net.createServer().listen(0, "127.0.0.1");
    await once(holder, "listening");
    const { port } = holder.address() as net.AddressInfo;
    holder.close();
    await once(holder, "close");
    const news = { ...inputs, modelUri: "s3://posttraining/models/mute", requestedPort: port, modelName: "other" };
    await expect(handler.update("endpoint", state, news, recordingContext())).rejects.toThrow("HTTP 500: no logits");
    expect(await answerOf(state)).toBe("first");
    expect(await handler.diff("endpoint", state, inputs, recordingContext())).toEqual({ changes: false, replaces: [] });
  });
});

describe("a server's key", () => {
  it("is asked of everybody, and known to the user alone", async () => {
    const state = await create();
    expect(state.apiKey).toMatch(/^[\w-]{32}$/);
    expect((await fetch(`${state.url}/chat/completions`, { method: "POST" })).status).toBe(401);
    const header = state.headerFile ?? "";
    expect(fs.readFileSync(header, "utf8")).toBe(`authorization: Bearer ${state.apiKey ?? ""}\n`);
    expect(fs.statSync(header).mode & 0o077).toBe(0);
    const { command } = readRecord(state.directory) ?? { command: [] };
    expect(command.join(" ")).not.toContain(state.apiKey);
    expect(handler.secrets).toContain("apiKey");
  });

  it("stays the same when the server is replaced, and is found again when the state is lost", async () => {
    const state = await create();
    const next = { ...inputs, modelUri: "s3://posttraining/models/second" };
    const updated = await handler.update("endpoint", state, next, recordingContext());
    expect(updated.apiKey).toBe(state.apiKey);
    inputs = next;
    expect((await create()).apiKey).toBe(state.apiKey);
  });

  it("can be done without", async () => {
    inputs = { ...inputs, key: "none" };
    const state = await create();
    expect(state).toMatchObject({ apiKey: null, headerFile: null });
    expect((await fetch(`${state.url}/chat/completions`, { method: "POST" })).status).toBe(200);
  });

  it.each([
    [
      "deleted",
      (file: string): void => {
        fs.rmSync(file);
      },
    ],
    [
      "cut off",
      (file: string): void => {
        fs.truncateSync(file, 10);
      },
    ],
  ])("has its file brought back when it was %s", async (_what, damage) => {
    const state = await create();
    damage(state.headerFile ?? "");
    expect((await handler.diff("endpoint", state, inputs, recordingContext())).changes).toBe(true);
    const before = liveRecord(state.directory);
    await handler.update("endpoint", state, inputs, recordingContext());
    expect(fs.readFileSync(state.headerFile ?? "", "utf8")).toBe(`authorization: Bearer ${state.apiKey ?? ""}\n`);
    expect(liveRecord(state.directory)).toEqual(before);
  });
});

describe("a server that an interrupted operation has left", () => {
  it("is the one that is wanted: it is waited for, and no other is started", async () => {
    const state = await create();
    const before = liveRecord(state.directory);
    expect(await create()).toEqual(state);
    expect(liveRecord(state.directory)).toEqual(before);
  });

  it("for another model is replaced", async () => {
    const state = await create();
    const before = liveRecord(state.directory);
    inputs = { ...inputs, modelUri: "s3://posttraining/models/second" };
    expect(await answerOf(await create())).toBe("second");
    expect(liveRecord(state.directory)?.pid).not.toBe(before?.pid);
  });

  it("for another model does not serve what the state says, and is replaced by what does", async () => {
    const state = await create();
    // The update to the second was saved nowhere: the command was killed after it had started the server.
    const next = { ...inputs, modelUri: "s3://posttraining/models/second" };
    const unsaved = await handler.update("endpoint", state, next, recordingContext());
    const context = recordingContext();
    expect((await handler.diff("endpoint", state, inputs, context)).changes).toBe(true);
    expect(context.lines.join()).toContain("what runs was started for another model");
    const seen = await handler.read("endpoint", state, context);
    expect(seen?.status).toBe("stopped");
    // Only the folder tells which model it holds.
    await stopProcess(unsaved.directory, 0);
    expect(await answerOf(await handler.update("endpoint", seen ?? state, inputs, context))).toBe("first");
  });

  it("of a cancelled change is brought back", async () => {
    const state = await create();
    const context = recordingContext();
    context.cancel();
    const next = { ...inputs, modelUri: "s3://posttraining/models/second" };
    await expect(handler.update("endpoint", state, next, context)).rejects.toThrow("was cancelled");
    expect(await answerOf(state)).toBe("first");
  });

  it("and that runs without answering is not ready, whatever the state says", async () => {
    const state = await create();
    // It goes on listening, as a server does whose engine has died.
    fs.writeFileSync(path.join(state.directory, "model", "behaviour"), "mute");
    await startServerAgain(state);
    const context = recordingContext();
    expect((await handler.diff("endpoint", state, inputs, context)).changes).toBe(true);
    expect(context.lines.join()).toContain("the endpoint does not serve (HTTP 500: no logits)");
    expect((await handler.read("endpoint", state, context))?.status).toBe("stopped");
    fs.writeFileSync(path.join(state.directory, "model", "behaviour"), "first");
    expect(await answerOf(await handler.update("endpoint", state, inputs, context))).toBe("first");
  });
});

/** The same server anew, for the same purpose, as if it had been there all the time. */
async function startServerAgain(state: ModelServerState): Promise<void> {
  const record = readRecord(state.directory);
  await startProcess({
    directory: state.directory,
    command: process.execPath,
    arguments: ["-e", serverScript, path.join(state.directory, "model"), String(state.port)],
    environment: { KEY: state.apiKey ?? "none" },
    port: state.port,
    purpose: record?.purpose ?? "",
  });
  while (!(await fetch(`${state.url}/health`).catch(() => undefined))) await sleep(20);
}

describe("what a server leaves", () => {
  it("is what somebody else has put into its folder", async () => {
    const state = await create();
    fs.writeFileSync(path.join(state.directory, "notes.txt"), "mine");
    const context = recordingContext();
    await handler.delete("endpoint", state, context);
    expect(fs.readdirSync(state.directory)).toEqual(["notes.txt"]);
    expect(context.lines.join()).toContain("stays in");
  });

  it("is everything, where it is another checkout's: one that was copied has a state that names the other's folders", async () => {
    await expect(handlerIn(path.join(root, "state")).create(inputs, recordingContext())).rejects.toThrow(
      `${inputs.directory} does not lie below`,
    );
    const state = await create();
    const context = recordingContext();
    await handlerIn(path.join(root, "state")).delete("endpoint", state, context);
    expect(await answerOf(state)).toBe("first");
    expect(context.lines.join()).toContain("the endpoint is another checkout's and stays as it is");
  });

  it("is nothing in the place from which the checkout was moved", async () => {
    const state = await create();
    const moved = path.join(root, "moved");
    fs.renameSync(state.directory, moved);
    await handlerIn(path.join(root, "state")).delete("endpoint", state, recordingContext());
    expect(liveRecord(moved)).toBeUndefined();
    expect(fs.existsSync(state.directory)).toBe(false);
  });
});
