import { type ChildProcess, spawn } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import * as path from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import type { PlatformOutputs, PortForward } from "../contracts/stackOutputs";
import { isFree } from "../machine/freePort";
import { endProcess, isAlive, ownIdentity, type ProcessIdentity, startTimeOf } from "../machine/processes.mjs";
import { layout } from "../machine/checkout.mjs";
import { findCommand, lastLines, runCommand } from "../setup/command.mjs";
import { Problem } from "../setup/problem.mjs";

/** Services of a stack's cluster on 127.0.0.1, by `kubectl port-forward`, for as long as a shell lives. */

export interface ClusterAccess {
  readonly forwards: readonly PortForward[];
  /** Text of the kubeconfig; undefined: the user's own. */
  readonly kubeconfig: string | undefined;
  /** Context in the user's own kubeconfig. */
  readonly context: string | undefined;
}

export interface Forwarding {
  readonly end: () => Promise<void>;
}

/** Seconds that a cluster, and then each of its services, may take to answer. */
const patience = 30;

/** What a platform says of how its cluster is reached. */
export type ClusterOutputs = Pick<PlatformOutputs, "portForwards"> & {
  readonly cluster: Pick<PlatformOutputs["cluster"], "name" | "kubeconfig">;
};

/** How the cluster of a stack is reached. */
export function clusterAccess({ portForwards, cluster: { name, kubeconfig } }: ClusterOutputs): ClusterAccess {
  return {
    forwards: portForwards,
    kubeconfig: kubeconfig ?? undefined,
    context: kubeconfig === null ? name : undefined,
  };
}

/** Of a stack that has no cluster. */
export const noCluster: ClusterAccess = { forwards: [], kubeconfig: undefined, context: undefined };

const directoryOf = (stack: string): string => path.join(layout.state, "shell", stack);

/**
 * Puts the stack's kubeconfig into a file that only the user may read.
 *
 * @returns variables that lead to it; none where the user's own kubeconfig is used
 */
export function kubeconfigVariables(stack: string, { kubeconfig }: ClusterAccess): NodeJS.ProcessEnv {
  if (kubeconfig === undefined) return {};
  const directory = directoryOf(stack);
  mkdirSync(directory, { recursive: true });
  chmodSync(directory, 0o700);
  const file = path.join(directory, "kubeconfig");
  const draft = `${file}.${process.pid}`;
  writeFileSync(draft, kubeconfig, { mode: 0o600 });
  renameSync(draft, file);
  return { KUBECONFIG: file };
}

/**
 * Command that a kubeconfig has called for credentials.
 *
 * @param kubeconfig JSON, as the stack's outputs have it
 */
export function credentialCommand(kubeconfig: string): string | undefined {
  try {
    const { users = [] } = JSON.parse(kubeconfig) as {
      readonly users?: readonly { readonly user?: { readonly exec?: { readonly command?: unknown } } }[];
    };
    return users.map(({ user }) => user?.exec?.command).find((found) => typeof found === "string");
  } catch {
    return undefined;
  }
}

/** The command line that forwards one service, without `kubectl`. */
export function portForwardParameters(
  { namespace, service, localPort, port }: PortForward,
  context: string | undefined,
): string[] {
  return [
    ...(context === undefined ? [] : ["--context", context]),
    ...["port-forward", "--address", "127.0.0.1", "--namespace", namespace],
    ...[`service/${service}`, `${localPort}:${port}`],
  ];
}

/** Lines that say how to forward by hand. */
export function portForwardCommands({ forwards, context }: ClusterAccess): string[] {
  return forwards.map((forward) => `kubectl ${portForwardParameters(forward, context).join(" ")}`);
}

/**
 * Forwards every service, after what can be wrong has been looked at. Pages that are only to look at are for people; where one cannot be
 * forwarded (its port is in use, or the person may not in its namespace) that is said, and the others are.
 *
 * @param options.environment of kubectl: with KUBECONFIG and AWS credentials
 * @param options.interactive a person looks on
 * @throws {Problem} when kubectl or the command for credentials is missing, a port is taken, or cluster or service cannot be reached
 */
export async function startPortForwards({
  stack,
  access,
  environment,
  print,
  interactive,
}: {
  stack: string;
  access: ClusterAccess;
  environment: NodeJS.ProcessEnv;
  print: (line: string) => void;
  interactive: boolean;
}): Promise<Forwarding> {
  const wanted = access.forwards.filter(({ onlyToLookAt = false }) => interactive || !onlyToLookAt);
  if (wanted.length === 0) return { end: () => Promise.resolve() };
  const searchPath = environment.PATH ?? "";
  const kubectl = requireCommands(access, searchPath);
  const other = await otherShell(stack);
  if (other !== undefined) {
    print(
      `Ports are forwarded by the other shell of stack ${stack} (process ${other}), and for as long as that is open.`,
    );
    return { end: () => Promise.resolve() };
  }
  const forwards = await withFreePorts(wanted, print);
  await requireCluster(kubectl, stack, access, environment);

  const forwarding = forwardAll(kubectl, stack, { forwards, context: access.context, environment });
  const failures = await forwarding.failures;
  const fatal = failures.filter(({ forward }) => forward.onlyToLookAt !== true);
  if (fatal.length > 0) {
    await forwarding.end();
    throw new Problem(`Not every service of stack ${stack} can be forwarded:`, fatal.map(explain));
  }
  const failed = new Set(failures.map(({ forward }) => forward));
  for (const forward of forwards)
    if (!failed.has(forward)) print(`${forward.name}: http://127.0.0.1:${forward.localPort}`);
  for (const failure of failures) print(`Not forwarded: ${explain(failure)}`);
  return { end: forwarding.end };
}

/** A service that could not be forwarded. */
interface Failure {
  readonly forward: PortForward;
  /** What kubectl said. */
  readonly errors: string;
}

const explain = ({ forward: { name, namespace, service }, errors }: Failure): string =>
  `${name} (service ${service} in namespace ${namespace}): ${errors}`;

/**
 * Forwards services until it is told to end, or this process ends. A record of what runs is kept for the stack's other shells.
 *
 * @returns `failures`: of those whose port does not answer at first
 */
function forwardAll(
  kubectl: string,
  stack: string,
  {
    forwards,
    context,
    environment,
  }: { forwards: readonly PortForward[]; context: string | undefined; environment: NodeJS.ProcessEnv },
): Forwarding & { readonly failures: Promise<Failure[]> } {
  const record = path.join(directoryOf(stack), `port-forwards.${process.pid}.json`);
  const log = path.join(directoryOf(stack), "port-forwards.log");
  mkdirSync(directoryOf(stack), { recursive: true });
  writeFileSync(log, "");
  const supervised = forwards.map((forward) => ({
    forward,
    ...keepForwarding(kubectl, portForwardParameters(forward, context), environment, log, writeRecord),
  }));
  const runningNow = () => supervised.flatMap(({ running }) => running() ?? []);
  function writeRecord() {
    writeFileSync(record, JSON.stringify({ owner: ownIdentity(), running: runningNow() }));
  }
  const endAtExit = () => {
    for (const { stop } of supervised) stop();
    rmSync(record, { force: true });
  };
  process.once("exit", endAtExit);
  const end = async () => {
    process.off("exit", endAtExit);
    const running = runningNow();
    endAtExit();
    await Promise.all(running.map((identity) => endProcess(identity, 5)));
  };
  writeRecord();
  const failures = Promise.all(
    supervised.map(async ({ forward, started }) => ({ forward, errors: await started })),
  ).then((all) => all.flatMap(({ forward, errors }) => (errors === undefined ? [] : [{ forward, errors }])));
  return { failures, end };
}

/** @returns path of kubectl */
function requireCommands({ kubeconfig }: ClusterAccess, searchPath: string): string {
  const kubectl = findCommand("kubectl", { searchPath });
  if (kubectl === undefined) {
    throw new Problem("kubectl is not on PATH; it is what reaches the services of the cluster.", [
      "Install it (https://kubernetes.io/docs/tasks/tools/), in a version at most one minor away from the cluster's.",
    ]);
  }
  const credentials = kubeconfig === undefined ? undefined : credentialCommand(kubeconfig);
  if (credentials !== undefined && findCommand(credentials, { searchPath }) === undefined) {
    throw new Problem(`${credentials} is not on PATH; kubectl calls it for credentials of the cluster.`, [
      credentials === "aws"
        ? "Install the AWS CLI (https://docs.aws.amazon.com/cli/latest/userguide/getting-started-install.html) and sign in."
        : `Install ${credentials}.`,
    ]);
  }
  return kubectl;
}

/** Process id of another shell that forwards for the stack. What a shell that was killed has left is ended. */
async function otherShell(stack: string): Promise<number | undefined> {
  const directory = directoryOf(stack);
  const records = existsSync(directory)
    ? readdirSync(directory).filter((file) => /^port-forwards\.\d+\.json$/.test(file))
    : [];
  let found: number | undefined;
  for (const name of records) {
    const file = path.join(directory, name);
    const { owner, running } = readRecord(file);
    if (owner !== undefined && isAlive(owner)) {
      found = owner.pid;
      continue;
    }
    await Promise.all(running.map((identity) => endProcess(identity, 5)));
    rmSync(file, { force: true });
  }
  return found;
}

interface ForwardingRecord {
  readonly owner?: ProcessIdentity;
  readonly running: readonly ProcessIdentity[];
}

function readRecord(file: string): ForwardingRecord {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as ForwardingRecord;
  } catch {
    // Its shell was killed while it wrote.
    return { running: [] };
  }
}

/** @returns without those that are only to look at and whose port is in use */
async function withFreePorts(forwards: readonly PortForward[], print: (line: string) => void): Promise<PortForward[]> {
  const free = await Promise.all(forwards.map(({ localPort }) => isFree(localPort)));
  const occupied = forwards.filter((_, index) => free[index] !== true);
  const taken = occupied.filter(({ onlyToLookAt }) => onlyToLookAt !== true);
  if (taken.length === 0) {
    for (const { name, localPort } of occupied) print(`Not forwarded: ${name}, since 127.0.0.1:${localPort} is in use`);
    return forwards.filter((_, index) => free[index] === true);
  }
  throw new Problem(
    taken.length === 1
      ? "A port that the stack's services are forwarded to is in use on this machine:"
      : "Ports that the stack's services are forwarded to are in use on this machine:",
    [
      ...taken.map(({ name, localPort }) => `127.0.0.1:${localPort}, for ${name}`),
      "End what listens there (lsof -iTCP -sTCP:LISTEN shows it), then open the shell again.",
    ],
  );
}

async function requireCluster(
  kubectl: string,
  stack: string,
  { kubeconfig, context }: ClusterAccess,
  environment: NodeJS.ProcessEnv,
): Promise<void> {
  const where = context === undefined ? [] : ["--context", context];
  // Its version is what a cluster tells everybody who has signed in.
  const { status, output } = await runCommand(
    kubectl,
    [...where, "get", "--raw", "/version", "--request-timeout", `${patience}s`],
    { environment, timeoutSeconds: patience + 10 },
  );
  if (status === 0) return;
  const remedies =
    kubeconfig === undefined
      ? [`kubectl ${where.join(" ")} get --raw /version must work first.`]
      : [
          "No answer: its endpoint is private unless the configuration says otherwise. Use a VPN or a machine in its network, or set",
          "compute.cluster.endpoint to { kind: public, allowedCidrs: [your address] }.",
          "Unauthorized, or no credentials: sign in to AWS as one of compute.cluster.administrators.",
        ];
  throw new Problem(`The cluster of stack ${stack} cannot be reached:`, [...lastLines(output, 5), ...remedies]);
}

/**
 * Starts one `kubectl port-forward`.
 *
 * @param log file that gets what kubectl says
 */
function forwardOnce(kubectl: string, parameters: readonly string[], environment: NodeJS.ProcessEnv, log: string) {
  const child = spawn(kubectl, parameters, {
    env: environment,
    // A session of its own: Ctrl-C at the user's command is none of its business.
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let errors = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    errors = (errors + text).slice(-2000);
    writeFileSync(log, text, { flag: "a" });
  });
  /** Why it ended. */
  const ended = new Promise<string>((resolve) => {
    child.once("error", (error) => {
      resolve(error.message);
    });
    child.once("close", () => {
      resolve(lastLines(errors, 3).join(" ") || "kubectl ended without a word");
    });
  });
  /** Whether the port answered before it ended. */
  const forwarding = new Promise<boolean>((resolve) => {
    createInterface({ input: child.stdout }).on("line", (line) => {
      if (line.startsWith("Forwarding from")) resolve(true);
    });
    void ended.then(() => {
      resolve(false);
    });
  });
  return { child, identity: identityOf(child), forwarding, ended };
}

function identityOf({ pid }: ChildProcess): ProcessIdentity | undefined {
  return pid === undefined ? undefined : { pid, startTime: startTimeOf(pid) ?? "" };
}

/**
 * Keeps one service forwarded: kubectl ends when the pod does that it has chosen, and is started again then.
 *
 * @param changed told whenever the process is another one
 * @returns `started`: undefined once the port answers, else why it does not
 */
function keepForwarding(
  kubectl: string,
  parameters: readonly string[],
  environment: NodeJS.ProcessEnv,
  log: string,
  changed: () => void,
): { started: Promise<string | undefined>; running: () => ProcessIdentity | undefined; stop: () => void } {
  const stopping = new AbortController();
  const isStopped = (): boolean => stopping.signal.aborted;
  let current = forwardOnce(kubectl, parameters, environment, log);

  async function firstAnswer() {
    const timeout = new AbortController();
    const late = sleep(patience * 1000, undefined, { signal: timeout.signal }).catch(() => undefined);
    const forwarding = await Promise.race([current.forwarding, late]);
    timeout.abort();
    if (forwarding === undefined) return `kubectl did not forward it within ${patience} s`;
    if (!forwarding) return current.ended;
    void startAgain();
    return undefined;
  }

  async function startAgain() {
    let pause = 500;
    for (;;) {
      await current.ended;
      if (isStopped()) return;
      await sleep(pause, undefined, { ref: false });
      if (isStopped()) return;
      current = forwardOnce(kubectl, parameters, environment, log);
      changed();
      pause = (await current.forwarding) ? 500 : Math.min(pause * 2, 30_000);
    }
  }

  return {
    started: firstAnswer(),
    running: () => (current.identity !== undefined && isAlive(current.identity) ? current.identity : undefined),
    stop: () => {
      stopping.abort();
      try {
        if (current.child.pid !== undefined && current.child.exitCode === null)
          process.kill(-current.child.pid, "SIGTERM");
      } catch {
        // It ended in between.
      }
    },
  };
}
