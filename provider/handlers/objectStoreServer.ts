import { randomBytes } from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { layout } from "../../machine/checkout.mjs";
import { foreignFolderProblem, removalProblem, removeEntries } from "../../machine/removal";
import { processFiles, storeFolders } from "../../machine/stackFiles";
import { changedProperties, type Difference, type Handler, type OperationContext } from "../handler";
import { ensureBucket } from "../objectStore";
import { choosePort, loopback, portProblem } from "../../machine/freePort";
import { makePrivateFolder } from "../../machine/privateFolder";
import { lastLogLines, liveRecord, readRecord, startProcess, stopProcess } from "../../machine/supervisedProcess";
import { storeEnvironment } from "../../contracts/storeEnvironment";
import type { ObjectStoreServerInputs, ObjectStoreServerState } from "../resources/objectStoreServer";

const readySeconds = 20;

interface KnownStore {
  readonly port?: number;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** Ends what serves this data, and serves it. */
async function start(
  inputs: ObjectStoreServerInputs,
  known: KnownStore,
  context: OperationContext,
): Promise<ObjectStoreServerState> {
  const [objects, metadata] = [path.join(inputs.dataDirectory, "objects"), path.join(inputs.dataDirectory, "metadata")];
  for (const folder of [inputs.dataDirectory, objects, metadata]) makePrivateFolder(folder);
  const remembered = known.port ?? readRecord(inputs.processDirectory, context.warn)?.port;
  await stopProcess(inputs.processDirectory);
  const port = await choosePort(inputs.requestedPort, remembered, "store.port");
  const endpoint = `http://${loopback}:${port}`;
  await startProcess({
    directory: inputs.processDirectory,
    command: "versitygw",
    // Attributes go to plain files beside the data: not every file system has extended attributes.
    arguments: [
      ...["--port", `${loopback}:${port}`, "--health", "/health", "--quiet"],
      // It sets these itself, whatever the process's own mask says.
      ...["posix", "--dir-perms", "0700", "--file-perms", "0600", "--sidecar", metadata, objects],
    ],
    environment: { ROOT_ACCESS_KEY: known.accessKeyId, ROOT_SECRET_KEY: known.secretAccessKey },
    foreign: /^(?:VGW_|ROOT_|AWS_|PULUMI_)/,
    port,
  }).catch((error: unknown) => {
    const isMissing = (error as NodeJS.ErrnoException).code === "ENOENT";
    const remedy = isMissing ? ". `npm run bootstrap` installs it" : "";
    throw new Error(`the object store (versitygw) cannot be started: ${String(error)}${remedy}`);
  });
  const deadline = Date.now() + readySeconds * 1000;
  while (!(await answers(endpoint))) {
    if (liveRecord(inputs.processDirectory) === undefined || Date.now() > deadline || context.signal.aborted) {
      await stopProcess(inputs.processDirectory);
      throw new Error(
        `the object store did not answer on ${endpoint}; its last log lines:\n${lastLogLines(inputs.processDirectory, 10).join("\n")}`,
      );
    }
    await sleep(50);
  }
  const state: ObjectStoreServerState = { ...inputs, ...known, port, endpoint, status: "running" };
  await ensureBucket(storeEnvironment(state), inputs.bucket);
  return state;
}

async function answers(endpoint: string): Promise<boolean> {
  try {
    return (await fetch(`${endpoint}/health`, { signal: AbortSignal.timeout(2000) })).ok;
  } catch {
    return false;
  }
}

/** What keeps the store from serving now; undefined when it does. */
async function servingProblem(state: ObjectStoreServerState, context: OperationContext): Promise<string | undefined> {
  if (liveRecord(state.processDirectory, context.warn) === undefined) return "its process has ended";
  if (!(await answers(state.endpoint))) return `it does not answer on ${state.endpoint}`;
  const bucket = path.join(state.dataDirectory, "objects", state.bucket);
  return fs.existsSync(bucket) ? undefined : `its bucket ${state.bucket} is gone, with all that was in it`;
}

/** An S3-compatible server (versitygw) that keeps its objects as files on disk, below the given folder. */
export const objectStoreServerIn = (
  stateDirectory: string,
): Handler<ObjectStoreServerInputs, ObjectStoreServerState> => ({
  secrets: ["secretAccessKey"],

  async diff(_id, state, news, context): Promise<Difference> {
    const changed = changedProperties<ObjectStoreServerInputs>(state, news).filter(
      (key) => key !== "requestedPort" || (news.requestedPort !== undefined && news.requestedPort !== state.port),
    );
    const replaces = changed.filter((key) => key === "dataDirectory" || key === "bucket");
    if (changed.length > 0 || state.status === "stopped") return { changes: true, replaces };
    const problem = await servingProblem(state, context);
    if (problem !== undefined) context.warn(`the object store does not serve (${problem}): it is brought back`);
    return { changes: problem !== undefined, replaces };
  },

  async create(inputs, context) {
    checkPlaces(stateDirectory, inputs);
    const known = { accessKeyId: randomBytes(10).toString("hex"), secretAccessKey: randomBytes(20).toString("hex") };
    return { id: inputs.bucket, state: await start(inputs, known, context) };
  },

  async read(_id, state, context) {
    const problem = await servingProblem(state, context);
    return { ...state, status: problem === undefined ? "running" : "stopped" };
  },

  async update(_id, state, news, context) {
    const { port, accessKeyId, secretAccessKey } = state;
    const serves = (await servingProblem(state, context)) === undefined;
    const moves = news.requestedPort !== undefined && news.requestedPort !== port;
    if (serves && !moves) return { ...state, ...news, status: "running" };
    checkPlaces(stateDirectory, news);
    const problem = moves ? await portProblem(news.requestedPort, "store.port") : undefined;
    if (problem !== undefined) throw new Error(problem);
    const known = { port, accessKeyId, secretAccessKey };
    try {
      return await start(news, known, context);
    } catch (error) {
      if (!serves) throw error;
      context.warn("the object store does not serve as it was changed; it is brought back as it was");
      await start(state, known, context);
      throw error;
    }
  },

  async delete(_id, state, context) {
    const foreign =
      foreignFolderProblem(stateDirectory, state.processDirectory) ??
      foreignFolderProblem(stateDirectory, state.dataDirectory);
    if (foreign !== undefined) {
      context.warn(`the object store is another checkout's and stays as it is: ${foreign}`);
      return;
    }
    await stopProcess(state.processDirectory);
    // Of a checkout that was moved, nothing lies in this place any more.
    if (!fs.existsSync(state.processDirectory) && !fs.existsSync(state.dataDirectory)) return;
    removeEntries(stateDirectory, state.processDirectory, processFiles);
    switch (state.removal) {
      case "remove": {
        const left = removeEntries(stateDirectory, state.dataDirectory, storeFolders);
        if (left.length > 0) {
          context.info(`stays in ${state.dataDirectory}, as the object store did not make it: ${left.join(", ")}`);
        }
        return;
      }
      case "retain":
        context.info(`models and metrics stay in ${state.dataDirectory} (store.removal is "retain")`);
    }
  },
});

/** @throws if the store would write, and one day remove, outside of the folder that is this project's. */
function checkPlaces(stateDirectory: string, inputs: ObjectStoreServerInputs): void {
  const problems = [inputs.dataDirectory, inputs.processDirectory].flatMap(
    (folder) => removalProblem(stateDirectory, folder) ?? [],
  );
  if (problems.length > 0) throw new Error(problems.join("\n"));
}

export const objectStoreServer = objectStoreServerIn(layout.state);
