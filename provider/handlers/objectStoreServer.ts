import { randomBytes } from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { changedProperties, type Difference, type Handler, type OperationContext } from "../handler";
import { ensureBucket, type StoreEnvironment } from "../objectStore";
import { choosePort, loopback } from "../processes/ports";
import { lastLogLines, liveRecord, readRecord, startProcess, stopProcess } from "../processes/supervisedProcess";

export interface ObjectStoreServerInputs {
  /** Folder for the data; objects are plain files in it. */
  readonly dataDirectory: string;
  /** Folder for the process's record and log. */
  readonly processDirectory: string;
  readonly bucket: string;
  /** Port asked for; left out: a free one is chosen and remembered. */
  readonly requestedPort?: number;
  /** What deletion does with the data. */
  readonly removal: "remove" | "retain";
}

export interface ObjectStoreServerState extends ObjectStoreServerInputs {
  readonly port: number;
  /** `http://127.0.0.1:<port>` */
  readonly endpoint: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly status: "running" | "stopped";
}

const readySeconds = 20;

/** Environment that points any AWS client at the server. */
export function storeEnvironment(
  state: Pick<ObjectStoreServerState, "endpoint" | "accessKeyId" | "secretAccessKey">,
): StoreEnvironment {
  return {
    AWS_ENDPOINT_URL_S3: state.endpoint,
    AWS_ACCESS_KEY_ID: state.accessKeyId,
    AWS_SECRET_ACCESS_KEY: state.secretAccessKey,
    AWS_REGION: "us-east-1",
    AWS_DEFAULT_REGION: "us-east-1",
    AWS_EC2_METADATA_DISABLED: "true",
  };
}

async function start(
  inputs: ObjectStoreServerInputs,
  known: { port?: number; accessKeyId: string; secretAccessKey: string },
  context: OperationContext,
): Promise<ObjectStoreServerState> {
  const objects = path.join(inputs.dataDirectory, "objects");
  const metadata = path.join(inputs.dataDirectory, "metadata");
  fs.mkdirSync(objects, { recursive: true });
  fs.mkdirSync(metadata, { recursive: true });
  const left = liveRecord(inputs.processDirectory);
  if (left !== undefined) await stopProcess(left);
  const port = await choosePort(
    inputs.requestedPort,
    known.port ?? readRecord(inputs.processDirectory)?.port,
    "store.port",
  );
  const endpoint = `http://${loopback}:${port}`;
  const record = await startProcess({
    directory: inputs.processDirectory,
    command: "versitygw",
    // Attributes go to plain files beside the data: not every file system has extended attributes.
    arguments: [
      "--port",
      `${loopback}:${port}`,
      "--health",
      "/health",
      "--quiet",
      "posix",
      "--sidecar",
      metadata,
      objects,
    ],
    environment: { ROOT_ACCESS_KEY: known.accessKeyId, ROOT_SECRET_KEY: known.secretAccessKey },
    port,
  }).catch((error: unknown) => {
    throw new Error(
      `the object store (versitygw) cannot be started: ${String(error)}. \`npm run bootstrap\` installs it`,
    );
  });
  const deadline = Date.now() + readySeconds * 1000;
  while (!(await answers(endpoint))) {
    if (liveRecord(inputs.processDirectory) === undefined || Date.now() > deadline || context.signal.aborted) {
      await stopProcess(record);
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

/** An S3-compatible server (versitygw) that keeps its objects as files on disk. */
export const objectStoreServer: Handler<ObjectStoreServerInputs, ObjectStoreServerState> = {
  secrets: ["secretAccessKey"],

  diff(_id, state, news): Promise<Difference> {
    const changed = changedProperties<ObjectStoreServerInputs>(state, news).filter(
      (key) => key !== "requestedPort" || (news.requestedPort !== undefined && news.requestedPort !== state.port),
    );
    const replaces = changed.filter((key) => key === "dataDirectory" || key === "bucket");
    const died = liveRecord(state.processDirectory) === undefined;
    return Promise.resolve({ changes: changed.length > 0 || died || state.status === "stopped", replaces });
  },

  async create(inputs, context) {
    const known = { accessKeyId: randomBytes(10).toString("hex"), secretAccessKey: randomBytes(20).toString("hex") };
    return { id: inputs.bucket, state: await start(inputs, known, context) };
  },

  async read(_id, state) {
    const alive = liveRecord(state.processDirectory) !== undefined && (await answers(state.endpoint));
    return { ...state, status: alive ? "running" : "stopped" };
  },

  async update(_id, state, news, context) {
    const { port, accessKeyId, secretAccessKey } = state;
    const runs = liveRecord(state.processDirectory) !== undefined && (await answers(state.endpoint));
    const moves = news.requestedPort !== undefined && news.requestedPort !== port;
    if (runs && !moves) return { ...state, ...news, status: "running" };
    return start(news, { port, accessKeyId, secretAccessKey }, context);
  },

  async delete(_id, state, context) {
    const record = liveRecord(state.processDirectory);
    if (record !== undefined) await stopProcess(record);
    fs.rmSync(state.processDirectory, { recursive: true, force: true });
    switch (state.removal) {
      case "remove":
        fs.rmSync(state.dataDirectory, { recursive: true, force: true });
        return;
      case "retain":
        context.info(`models and metrics stay in ${state.dataDirectory} (store.removal is "retain")`);
    }
  },
};
