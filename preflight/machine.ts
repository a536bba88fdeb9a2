import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { engineProblem } from "../provider/modelServerCommand";
import { processesOf } from "../machine/folderUsers";
import { portProblem } from "../machine/freePort";
import { listeningPorts } from "../machine/ports";
import { type HubAnswer, askHub, hubToken } from "./hub";
import { layout, pythonOf, stackLayout } from "../machine/checkout.mjs";

/** What the checks of a local stack ask of the machine that it runs on. Each thing is looked at when it is first asked for. */
export interface Machine {
  /** Memory that processes may take, bytes: the machine's, or what a container is limited to. */
  memory(): number;
  /** Free on the disk of `.posttraining`, bytes. */
  freeDisk(): number;
  hasPython(environment: "train" | "serve"): boolean;
  /** Whether flows can import a module of Python. */
  hasModule(module: string): boolean;
  /** Why an engine cannot be started; undefined when it can. */
  engineProblem(engine: "auto" | "vllm" | "transformers"): string | undefined;
  /** Why a server of the stack cannot listen on a port; undefined when it can, or does. */
  portProblem(port: number, server: "store" | "endpoint"): Promise<string | undefined>;
  /** Asks the hub for a file, or whether it may be read; never throws. */
  askHub(url: string): Promise<HubAnswer>;
  /** Whether runs would show the hub who they are. */
  hasHubToken(): boolean;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Folder of the stack's runs, one record in each. */
  readonly runsDirectory: string;
  /** Home of the hub's libraries in the stack's runs: `HF_HOME`. */
  readonly hubHome: string;
}

/** The machine that this process runs on, as a stack of this name sees it. */
export function thisMachine(stack: string): Machine {
  const folders = stackLayout(stack);
  const hubHome = path.join(folders.cache, "huggingface");
  return {
    memory: totalMemory,
    freeDisk: () => freeBytes(layout.state),
    hasPython: (environment) => fs.existsSync(pythonOf(environment)),
    hasModule: (module) => packagesOf("train").some((folder) => isModule(folder, module)),
    engineProblem: (engine) => engineProblem(engine, pythonOf("serve")),
    portProblem: async (port, server) => {
      const problem = await portProblem(port, `${server}.port`);
      return problem === undefined || listensItself(port, path.join(folders.processes, server)) ? undefined : problem;
    },
    askHub: (url) => askHub(url, process.env, hubHome),
    hasHubToken: () => hubToken(process.env, hubHome) !== undefined,
    environment: process.env,
    runsDirectory: folders.runs,
    hubHome,
  };
}

function entriesOf(folder: string): readonly string[] {
  try {
    return fs.readdirSync(folder);
  } catch {
    return [];
  }
}

function totalMemory(): number {
  // 0, or more than there is, where no container limits it.
  const limit = process.constrainedMemory();
  return limit > 0 ? Math.min(limit, os.totalmem()) : os.totalmem();
}

/** Bytes that a user may still write to the disk of a folder, which need not exist yet. */
function freeBytes(folder: string): number {
  let there = folder;
  while (!fs.existsSync(there)) there = path.dirname(there);
  const { bavail, bsize } = fs.statfsSync(there);
  return bavail * bsize;
}

function packagesOf(environment: "train" | "serve"): readonly string[] {
  const libraries = path.join(path.dirname(path.dirname(pythonOf(environment))), "lib");
  return entriesOf(libraries).map((version) => path.join(libraries, version, "site-packages"));
}

const isModule = (folder: string, module: string): boolean =>
  fs.existsSync(path.join(folder, module)) || fs.existsSync(path.join(folder, `${module}.py`));

/** Whether it is the stack's own server that holds a port. Asked when a port is taken: it reads all of the machine's processes. */
function listensItself(port: number, processDirectory: string): boolean {
  const holders = listeningPorts().flatMap((listening) => (listening.port === port ? listening.pids : []));
  const own = new Set(processesOf(processDirectory).map(({ pid }) => pid));
  return holders.length > 0 && holders.every((pid) => own.has(pid));
}
