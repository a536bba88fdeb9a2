import { createHash, randomBytes } from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { canonical } from "../../contracts/canonical";
import { foreignFolderProblem, removalProblem, removeEntries } from "../../machine/removal";
import { makeShortLivedFolder, shortLivedFolderOf } from "../../machine/shortLivedFolder";
import { anyOf, modelServerFiles, processFiles } from "../../machine/stackFiles";
import { layout, pythonOf } from "../../machine/checkout.mjs";
import { changedProperties, type Handler, type OperationContext } from "../handler";
import { Heartbeat } from "../heartbeat";
import { engineFor, engineProblem, type ModelServerEngine, serverCommand } from "../modelServerCommand";
import { chatTemplateArgumentsOf, modelFolderProblem } from "../modelFolder";
import { adaptersProblem, readAdapter, type ServedAdapter } from "../servedAdapters";
import { downloadPrefix } from "../objectStore";
import { choosePort, isFree, loopback, portProblem } from "../../machine/freePort";
import {
  lastLogLines,
  liveRecord,
  logFileOf,
  type ProcessRecord,
  readRecord,
  startProcess,
  stopProcess,
} from "../../machine/supervisedProcess";
import type { ModelServerInputs, ModelServerState } from "../resources/modelServer";

/** vLLM's imports alone take about a minute on two slow cores; loading and warming up the tiny model takes seconds. */
const readySeconds = 420;

/** For one completion of a server that has just loaded, and may still compile. */
const firstAnswerSeconds = 120;

/** For one completion of a server that runs: one that takes longer is of no use to anybody. */
const answerSeconds = 30;

/** Asks for a real completion. Resolves to what is wrong, or undefined when tokens came back. */
async function completionProblem(
  { url, modelName, apiKey }: Pick<ModelServerState, "url" | "modelName" | "apiKey">,
  seconds: number,
): Promise<string | undefined> {
  try {
    const response = await fetch(`${url}/chat/completions`, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        ...(apiKey === null ? {} : { authorization: `Bearer ${apiKey}` }),
      },
      body: JSON.stringify({
        model: modelName,
        messages: [{ role: "user", content: "What is 1 plus 1?" }],
        max_tokens: 4,
      }),
      signal: AbortSignal.timeout(seconds * 1000),
    });
    if (!response.ok) return `HTTP ${response.status}: ${(await response.text()).slice(0, 500)}`;
    const body = (await response.json()) as { choices?: { message?: { content?: string } }[] };
    return typeof body.choices?.[0]?.message?.content === "string"
      ? undefined
      : `no choices in ${JSON.stringify(body).slice(0, 500)}`;
  } catch (error) {
    return error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error);
  }
}

/**
 * What keeps the endpoint from serving now what the state says; undefined when it has just answered. The one meaning of 'ready'
 * and 'running'.
 */
async function servingProblem(state: ModelServerState, context: OperationContext): Promise<string | undefined> {
  const record = liveRecord(state.directory, context.warn);
  if (record === undefined) return "its process has ended";
  // A command that was killed between starting another server and saving that has left it.
  if (record.purpose !== undefined && record.purpose !== purposeOf(state, state.resolvedEngine, state.apiKey)) {
    return "what runs was started for another model, name, engine or key";
  }
  return whileAsking(context, completionProblem(state, answerSeconds));
}

const whileAsking = <T>(context: OperationContext, answer: Promise<T>): Promise<T> =>
  new Heartbeat(context, "asking the endpoint for a completion").during(answer);

async function listens(port: number): Promise<boolean> {
  try {
    await fetch(`http://${loopback}:${port}/health`, { signal: AbortSignal.timeout(2000) });
    return true;
  } catch {
    return false;
  }
}

const urlOf = (port: number): string => `http://${loopback}:${port}/v1`;

const modelDirectory = (inputs: ModelServerInputs): string => path.join(inputs.directory, "model");
const previousModel = (directory: string): string => path.join(directory, "model.previous");
const headerFileOf = (directory: string): string => path.join(directory, "authorization.txt");

/** The parts that reach outside: the store, the server's command line, and where things may lie. */
export interface ModelServerParts {
  readonly download: typeof downloadPrefix;
  readonly command: typeof serverCommand;
  readonly engineProblem: typeof engineProblem;
  /** What a model's folder lacks to be served. */
  readonly modelProblem: typeof modelFolderProblem;
  /** Folder below which everything lies that this handler makes and removes. */
  readonly stateDirectory: string;
}

/** Fetches the model beside the one that is served, so that a failed download disturbs nothing. */
async function fetchModel(
  parts: ModelServerParts,
  inputs: ModelServerInputs,
  context: OperationContext,
): Promise<string> {
  const next = path.join(inputs.directory, "model.next");
  const heartbeat = new Heartbeat(context, `fetching ${inputs.modelUri}`);
  await heartbeat.during(parts.download(inputs.storeEnvironment, inputs.modelUri, next));
  const problem = parts.modelProblem(next);
  if (problem !== undefined) throw new Error(`model ${inputs.modelUri} cannot be served: ${problem}`);
  for (const { name, modelUri } of inputs.adapters ?? []) {
    await heartbeat.during(parts.download(inputs.storeEnvironment, modelUri, adapterFolder(next, name)));
  }
  const unfit = adaptersProblem(inputs.modelUri, adaptersIn(next, inputs));
  if (unfit !== undefined) throw new Error(`endpoint.adapters: ${unfit}`);
  fs.writeFileSync(path.join(next, uriFile), sourceOf(inputs));
  return next;
}

const adapterFolder = (model: string, name: string): string => path.join(model, "adapters", name);

/** The adapters that were fetched beside a model. */
function adaptersIn(model: string, { adapters = [] }: ModelServerInputs): readonly ServedAdapter[] {
  return adapters.map(({ name, modelUri }) => {
    try {
      return readAdapter(name, adapterFolder(model, name));
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new Error(`endpoint.adapters: ${name} (${modelUri}) cannot be served: ${reason}`, { cause: error });
    }
  });
}

/** Where a folder's content comes from: the model, and the adapters beside it. */
const sourceOf = ({ modelUri, adapters = [] }: ModelServerInputs): string =>
  [modelUri, ...adapters.map((adapter) => `${adapter.name}=${adapter.modelUri}`)].join("\n");

/** What is wrong with adapters before any is fetched. */
function adapterProblems({ modelName, adapters = [] }: ModelServerInputs, engine: ModelServerEngine): string[] {
  if (adapters.length === 0) return [];
  const names = [modelName, ...adapters.map(({ name }) => name)];
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  const odd = adapters.find(({ name }) => !/^[\w.-]+$/.test(name) || /^\.+$/.test(name));
  return [
    engine === "vllm" ? undefined : `endpoint.adapters: ${engine} serves none: set endpoint.engine to vllm`,
    twice === undefined
      ? undefined
      : `endpoint.adapters: the name ${twice} stands for two models: give one another name`,
    odd === undefined
      ? undefined
      : `endpoint.adapters: got the name ${JSON.stringify(odd.name)}; write letters, digits, . _ or -`,
  ].filter((problem) => problem !== undefined);
}

/** In a model's folder: where the model came from. It moves with the folder. */
const uriFile = ".model-uri";

/** Where the model in a folder came from; undefined when there is none. */
function uriOf(folder: string): string | undefined {
  try {
    return fs.readFileSync(path.join(folder, uriFile), "utf8");
  } catch {
    return undefined;
  }
}

/** What a server is started for: one that was started for the same is the one that is wanted. */
function purposeOf(inputs: ModelServerInputs, engine: ModelServerEngine, apiKey: string | null): string {
  const { modelUri, modelName, adapters } = inputs;
  const beside = adapters === undefined || adapters.length === 0 ? {} : { adapters };
  return createHash("sha256")
    .update(canonical({ modelUri, modelName, engine, apiKey, ...beside }))
    .digest("hex");
}

/** The key that clients of this folder's server have, from the last time that there was one; else a new one. */
function keyFor(inputs: ModelServerInputs): string | null {
  if (inputs.key === "none") return null;
  try {
    const known = /^authorization: Bearer ([\w-]{20,})\n$/.exec(
      fs.readFileSync(headerFileOf(inputs.directory), "utf8"),
    )?.[1];
    if (known !== undefined) return known;
  } catch {
    // None was written yet.
  }
  return randomBytes(24).toString("base64url");
}

const headerOf = (apiKey: string): string => `authorization: Bearer ${apiKey}\n`;

/** Whether clients find the key where they look for it. */
function hasHeader({ headerFile, apiKey }: ModelServerState): boolean {
  if (headerFile === null || apiKey === null) return true;
  try {
    return fs.readFileSync(headerFile, "utf8") === headerOf(apiKey);
  } catch {
    return false;
  }
}

function writeHeader(directory: string, apiKey: string | null): string | null {
  const file = headerFileOf(directory);
  if (apiKey === null) {
    fs.rmSync(file, { force: true });
    return null;
  }
  fs.writeFileSync(file, headerOf(apiKey), { mode: 0o600 });
  return file;
}

/**
 * The server that an interrupted operation has started for the same, if it loads or answers; undefined when one has to be started.
 */
async function startedBefore(
  inputs: ModelServerInputs,
  purpose: string,
  apiKey: string | null,
  context: OperationContext,
): Promise<ProcessRecord | undefined> {
  const found = liveRecord(inputs.directory, context.warn);
  if (found?.purpose !== purpose || found.port !== (inputs.requestedPort ?? found.port)) return undefined;
  // While it loads, nothing listens yet; one that hangs still does, without an answer.
  if (await isFree(found.port)) return found;
  const url = urlOf(found.port);
  const answer = completionProblem({ url, modelName: inputs.modelName, apiKey }, answerSeconds);
  const isStuck = (await whileAsking(context, answer)) !== undefined;
  return isStuck ? undefined : found;
}

/** Ends what serves in this folder, and starts a server. */
async function startServer(
  parts: ModelServerParts,
  inputs: ModelServerInputs,
  engine: ModelServerEngine,
  purpose: string,
  known: { readonly port: number | undefined; readonly apiKey: string | null },
): Promise<ProcessRecord> {
  const { directory, modelName } = inputs;
  await stopProcess(directory);
  const port = await choosePort(inputs.requestedPort, known.port, "endpoint.port");
  // vLLM leaves files behind in its temporary folder, so it gets one of its own, which goes with it.
  const temporaryDirectory = shortLivedFolderOf(directory);
  makeShortLivedFolder(temporaryDirectory);
  const command = parts.command(engine, {
    python: pythonOf("serve"),
    modelDirectory: modelDirectory(inputs),
    modelName,
    host: loopback,
    port,
    apiKey: known.apiKey,
    cacheDirectory: path.join(directory, "cache"),
    temporaryDirectory,
    chatTemplateArguments: chatTemplateArgumentsOf(modelDirectory(inputs)),
    adapters: adaptersIn(modelDirectory(inputs), inputs),
  });
  return startProcess({ directory, port, purpose, ...command });
}

/** Starts a server unless there is one already, and waits for its first answer. */
async function serve(
  parts: ModelServerParts,
  inputs: ModelServerInputs,
  known: { readonly port: number | undefined; readonly apiKey: string | null },
  context: OperationContext,
): Promise<ModelServerState> {
  const { directory, modelName } = inputs;
  const engine = engineFor(inputs.engine, pythonOf("serve"));
  const purpose = purposeOf(inputs, engine, known.apiKey);
  const headerFile = writeHeader(directory, known.apiKey);
  const { port } =
    (await startedBefore(inputs, purpose, known.apiKey, context)) ??
    (await startServer(parts, inputs, engine, purpose, known));
  const url = urlOf(port);
  const began = Date.now();
  const fail = async (reason: string): Promise<never> => {
    const lines = lastLogLines(directory, 25);
    await stopServer(directory);
    throw new Error(
      `the endpoint (${engine}) ${reason}; its last log lines:\n${lines.map((line) => `  | ${line}`).join("\n")}\nWhole log: ${logFileOf(directory)}`,
    );
  };
  while (!(await listens(port))) {
    const seconds = Math.round((Date.now() - began) / 1000);
    if (liveRecord(directory) === undefined) await fail("ended while it was starting");
    if (seconds > readySeconds) await fail(`did not listen on port ${port} within ${readySeconds} s`);
    if (context.signal.aborted) await fail("was cancelled while it was starting");
    context.progress(`${engine} is loading, ${Math.floor(seconds / 5) * 5} s (about a minute on two cores)`);
    await sleep(50);
  }
  const heartbeat = new Heartbeat(context, "");
  heartbeat.progress("waiting for a first completion");
  const problem = await heartbeat.during(
    completionProblem({ url, modelName, apiKey: known.apiKey }, firstAnswerSeconds),
  );
  if (problem !== undefined) await fail(`listens, but did not answer a completion (${problem})`);
  removeEntries(parts.stateDirectory, directory, /^model\.previous$/);
  return {
    ...inputs,
    port,
    url,
    apiKey: known.apiKey,
    headerFile,
    resolvedEngine: engine,
    status: "running",
    logFile: logFileOf(directory),
  };
}

/** Puts the fetched model in the place of the served one, which is kept beside it until the new one has answered. */
function swapModel(inputs: ModelServerInputs, next: string): void {
  fs.rmSync(previousModel(inputs.directory), { recursive: true, force: true });
  if (fs.existsSync(modelDirectory(inputs))) fs.renameSync(modelDirectory(inputs), previousModel(inputs.directory));
  fs.renameSync(next, modelDirectory(inputs));
}

function swapBack(state: ModelServerState): void {
  const source = sourceOf(state);
  if (uriOf(modelDirectory(state)) === source || uriOf(previousModel(state.directory)) !== source) return;
  fs.rmSync(modelDirectory(state), { recursive: true, force: true });
  fs.renameSync(previousModel(state.directory), modelDirectory(state));
}

async function stopServer(directory: string): Promise<void> {
  await stopProcess(directory);
  fs.rmSync(shortLivedFolderOf(directory), { recursive: true, force: true });
}

/**
 * All that can be found wrong with what is wanted before anything that runs is touched.
 *
 * @param own port on which this server listens now.
 * @throws naming every wrong input.
 */
async function checkInputs(parts: ModelServerParts, inputs: ModelServerInputs, own: number | undefined): Promise<void> {
  const python = pythonOf("serve");
  const { requestedPort } = inputs;
  const problems = [
    removalProblem(parts.stateDirectory, inputs.directory),
    parts.engineProblem(inputs.engine, python),
    ...adapterProblems(inputs, engineFor(inputs.engine, python)),
    inputs.modelName.trim() === "" ? "endpoint.modelName is empty" : undefined,
    requestedPort === undefined || requestedPort === own
      ? undefined
      : await portProblem(requestedPort, "endpoint.port"),
  ].filter((problem) => problem !== undefined);
  if (problems.length > 0) throw new Error(problems.join("\n"));
}

/** The handler of an OpenAI-compatible server for one model, out of its parts. */
export const modelServerOf = (parts: ModelServerParts): Handler<ModelServerInputs, ModelServerState> => ({
  secrets: ["storeEnvironment", "apiKey"],

  async diff(_id, state, news, context) {
    const changed = changedProperties<ModelServerInputs>(state, news);
    const replaces = changed.filter((key) => key === "directory");
    if (changed.length > 0 || state.status === "stopped") return { changes: true, replaces };
    const problem = await servingProblem(state, context);
    if (problem !== undefined) context.warn(`the endpoint does not serve (${problem}): it is brought back`);
    return { changes: problem !== undefined || !hasHeader(state), replaces };
  },

  async create(inputs, context) {
    const apiKey = keyFor(inputs);
    const known = readRecord(inputs.directory, context.warn);
    const live = liveRecord(inputs.directory);
    await checkInputs(parts, inputs, live?.port);
    const engine = engineFor(inputs.engine, pythonOf("serve"));
    // An interrupted `up` may have started it already.
    if (live?.purpose !== purposeOf(inputs, engine, apiKey)) {
      const next = await fetchModel(parts, inputs, context);
      await stopServer(inputs.directory);
      swapModel(inputs, next);
    }
    return {
      id: path.basename(inputs.directory),
      state: await serve(parts, inputs, { port: known?.port, apiKey }, context),
    };
  },

  async read(_id, state, context) {
    const problem = await servingProblem(state, context);
    return { ...state, status: problem === undefined ? "running" : "stopped" };
  },

  async update(_id, state, news, context) {
    const changed = changedProperties<ModelServerInputs>(state, news);
    const moves = news.requestedPort !== undefined && news.requestedPort !== state.port;
    const differs = changed.some((key) => ["modelUri", "modelName", "engine", "key", "adapters"].includes(key));
    const serves = (await servingProblem(state, context)) === undefined;
    if (serves && !moves && !differs) {
      return { ...state, ...news, status: "running", headerFile: writeHeader(state.directory, state.apiKey) };
    }
    await checkInputs(parts, news, state.port);
    const next =
      uriOf(modelDirectory(state)) !== sourceOf(news) || parts.modelProblem(modelDirectory(state)) !== undefined
        ? await fetchModel(parts, news, context)
        : undefined;
    if (next !== undefined) {
      await stopServer(state.directory);
      swapModel(news, next);
    }
    try {
      const apiKey = news.key === "none" ? null : (state.apiKey ?? keyFor(news));
      return await serve(parts, news, { port: state.port, apiKey }, context);
    } catch (error) {
      // What did not serve before cannot be gone back to.
      if (!serves) throw error;
      context.warn("the endpoint does not serve as it was changed; it is brought back as it was");
      swapBack(state);
      // A cancellation ended the change; what served goes on serving.
      const goesOn = { ...context, signal: new AbortController().signal };
      await serve(parts, state, { port: state.port, apiKey: state.apiKey }, goesOn).catch((again: unknown) => {
        context.warn(`that failed too: ${again instanceof Error ? again.message : String(again)}`);
      });
      throw error;
    }
  },

  async delete(_id, state, context) {
    const foreign = foreignFolderProblem(parts.stateDirectory, state.directory);
    if (foreign !== undefined) {
      context.warn(`the endpoint is another checkout's and stays as it is: ${foreign}`);
      return;
    }
    await new Heartbeat(context, "ending the endpoint").during(stopServer(state.directory));
    if (!fs.existsSync(state.directory)) return;
    const left = removeEntries(parts.stateDirectory, state.directory, anyOf(processFiles, modelServerFiles));
    if (left.length > 0)
      context.info(`stays in ${state.directory}, as the endpoint did not make it: ${left.join(", ")}`);
  },
});

/** An OpenAI-compatible server for one model, on this machine. */
export const modelServer = modelServerOf({
  download: downloadPrefix,
  command: serverCommand,
  engineProblem,
  modelProblem: modelFolderProblem,
  stateDirectory: layout.state,
});
