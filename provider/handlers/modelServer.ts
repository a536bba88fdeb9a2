import { createHash } from "node:crypto";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { pythonOf } from "../../configuration/layout";
import { changedProperties, type Handler, type OperationContext } from "../handler";
import { engineFor, type ModelServerEngine, serverCommand } from "../modelServerCommand";
import { downloadPrefix, type StoreEnvironment } from "../objectStore";
import { choosePort, loopback } from "../processes/ports";
import {
  lastLogLines,
  liveRecord,
  logFileOf,
  readRecord,
  startProcess,
  stopProcess,
} from "../processes/supervisedProcess";

export interface ModelServerInputs {
  /** Prefix of a promoted model. */
  readonly modelUri: string;
  /** Name under which clients ask for the model. */
  readonly modelName: string;
  readonly engine: "auto" | ModelServerEngine;
  /** Port asked for; left out: a free one is chosen and remembered. */
  readonly requestedPort?: number;
  /** Folder for the model's copy, the process's record and its log. */
  readonly directory: string;
  /** How to reach the store that holds the model. */
  readonly storeEnvironment: StoreEnvironment;
}

export interface ModelServerState extends ModelServerInputs {
  readonly port: number;
  /** `http://127.0.0.1:<port>/v1` */
  readonly url: string;
  readonly resolvedEngine: ModelServerEngine;
  readonly status: "running" | "stopped";
  readonly logFile: string;
}

/** vLLM's imports alone take about a minute on two slow cores; loading and warming up the tiny model takes seconds. */
const readySeconds = 420;

/** Asks for a real completion. Resolves to what is wrong, or undefined when tokens came back. */
async function completionProblem(url: string, modelName: string): Promise<string | undefined> {
  try {
    const response = await fetch(`${url}/chat/completions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({
        model: modelName,
        messages: [{ role: "user", content: "What is 1 plus 1?" }],
        max_tokens: 4,
      }),
      signal: AbortSignal.timeout(120_000),
    });
    if (!response.ok) return `HTTP ${response.status}: ${(await response.text()).slice(0, 500)}`;
    const body = (await response.json()) as { choices?: { message?: { content?: string } }[] };
    return typeof body.choices?.[0]?.message?.content === "string"
      ? undefined
      : `no choices in ${JSON.stringify(body).slice(0, 500)}`;
  } catch (error) {
    return String(error);
  }
}

async function listens(port: number): Promise<boolean> {
  try {
    await fetch(`http://${loopback}:${port}/health`, { signal: AbortSignal.timeout(2000) });
    return true;
  } catch {
    return false;
  }
}

/** vLLM leaves files behind in its temporary folder, so it gets one of its own, which goes with it. */
function temporaryDirectoryOf(directory: string): string {
  return path.join(os.tmpdir(), `posttraining-${createHash("sha256").update(directory).digest("hex").slice(0, 12)}`);
}

const modelDirectory = (inputs: ModelServerInputs): string => path.join(inputs.directory, "model");

/** The two parts that reach outside: the store, and the server's command line. */
export interface ModelServerParts {
  readonly download: typeof downloadPrefix;
  readonly command: typeof serverCommand;
}

/** Fetches the model beside the one that is served, so that a failed download disturbs nothing. */
async function fetchModel(parts: ModelServerParts, inputs: ModelServerInputs): Promise<string> {
  const next = path.join(inputs.directory, "model.next");
  await parts.download(inputs.storeEnvironment, inputs.modelUri, next);
  return next;
}

async function serve(
  parts: ModelServerParts,
  inputs: ModelServerInputs,
  rememberedPort: number | undefined,
  context: OperationContext,
): Promise<ModelServerState> {
  const engine = engineFor(inputs.engine, pythonOf("serve"));
  const port = await choosePort(inputs.requestedPort, rememberedPort, "endpoint.port");
  const url = `http://${loopback}:${port}/v1`;
  const temporaryDirectory = temporaryDirectoryOf(inputs.directory);
  fs.mkdirSync(temporaryDirectory, { recursive: true, mode: 0o700 });
  const command = parts.command(engine, {
    python: pythonOf("serve"),
    modelDirectory: modelDirectory(inputs),
    modelName: inputs.modelName,
    host: loopback,
    port,
    cacheDirectory: path.join(inputs.directory, "cache"),
    temporaryDirectory,
  });
  await startProcess({ directory: inputs.directory, port, ...command });
  const started = Date.now();
  const fail = async (reason: string): Promise<never> => {
    const lines = lastLogLines(inputs.directory, 25);
    await stopServer(inputs.directory);
    throw new Error(
      `the endpoint (${engine}) ${reason}; its last log lines:\n${lines.map((line) => `  | ${line}`).join("\n")}\nWhole log: ${logFileOf(inputs.directory)}`,
    );
  };
  while (!(await listens(port))) {
    const seconds = Math.round((Date.now() - started) / 1000);
    if (liveRecord(inputs.directory) === undefined) await fail("ended while it was starting");
    if (seconds > readySeconds) await fail(`did not listen on port ${port} within ${readySeconds} s`);
    if (context.signal.aborted) await fail("was cancelled while it was starting");
    context.progress(`${engine} is loading, ${Math.floor(seconds / 5) * 5} s (about a minute on two cores)`);
    await sleep(250);
  }
  context.progress("waiting for a first completion");
  const problem = await completionProblem(url, inputs.modelName);
  if (problem !== undefined) await fail(`listens, but did not answer a completion (${problem})`);
  fs.rmSync(previousModel(inputs.directory), { recursive: true, force: true });
  return { ...inputs, port, url, resolvedEngine: engine, status: "running", logFile: logFileOf(inputs.directory) };
}

const previousModel = (directory: string): string => path.join(directory, "model.previous");

/** Puts the fetched model in the place of the served one, which is kept beside it until the new one has answered. */
function swapModel(inputs: ModelServerInputs, next: string): void {
  fs.rmSync(previousModel(inputs.directory), { recursive: true, force: true });
  if (fs.existsSync(modelDirectory(inputs))) fs.renameSync(modelDirectory(inputs), previousModel(inputs.directory));
  fs.renameSync(next, modelDirectory(inputs));
}

function swapBack(state: ModelServerState): void {
  fs.rmSync(modelDirectory(state), { recursive: true, force: true });
  fs.renameSync(previousModel(state.directory), modelDirectory(state));
}

async function stopServer(directory: string): Promise<void> {
  const record = liveRecord(directory);
  if (record !== undefined) await stopProcess(record);
  fs.rmSync(temporaryDirectoryOf(directory), { recursive: true, force: true });
}

/** The handler of an OpenAI-compatible server for one model, out of its parts. */
export const modelServerOf = (parts: ModelServerParts): Handler<ModelServerInputs, ModelServerState> => ({
  secrets: ["storeEnvironment"],

  diff(_id, state, news) {
    const changed = changedProperties<ModelServerInputs>(state, news);
    const died = liveRecord(state.directory) === undefined;
    return Promise.resolve({
      changes: changed.length > 0 || died || state.status === "stopped",
      replaces: changed.filter((key) => key === "directory"),
    });
  },

  async create(inputs, context) {
    const next = await fetchModel(parts, inputs);
    await stopServer(inputs.directory);
    swapModel(inputs, next);
    return {
      id: path.basename(inputs.directory),
      state: await serve(parts, inputs, readRecord(inputs.directory)?.port, context),
    };
  },

  async read(_id, state) {
    const alive =
      liveRecord(state.directory) !== undefined && (await completionProblem(state.url, state.modelName)) === undefined;
    return { ...state, status: alive ? "running" : "stopped" };
  },

  async update(_id, state, news, context) {
    const changed = changedProperties<ModelServerInputs>(state, news);
    const runs = liveRecord(state.directory) !== undefined && state.status === "running";
    const moves = news.requestedPort !== undefined && news.requestedPort !== state.port;
    const restart =
      !runs || moves || changed.some((key) => key === "modelUri" || key === "modelName" || key === "engine");
    if (!restart) return { ...state, ...news };
    const next =
      changed.includes("modelUri") || !fs.existsSync(modelDirectory(state)) ? await fetchModel(parts, news) : undefined;
    await stopServer(state.directory);
    if (next !== undefined) swapModel(news, next);
    try {
      return await serve(parts, news, state.port, context);
    } catch (error) {
      if (next === undefined || !fs.existsSync(previousModel(state.directory))) throw error;
      context.warn("the new model could not be served; the last one is being brought back");
      swapBack(state);
      await serve(parts, state, state.port, context);
      throw error;
    }
  },

  async delete(_id, state) {
    await stopServer(state.directory);
    fs.rmSync(state.directory, { recursive: true, force: true });
  },
});

/** An OpenAI-compatible server for one model, on this machine. */
export const modelServer = modelServerOf({ download: downloadPrefix, command: serverCommand });
