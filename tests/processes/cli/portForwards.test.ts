import { type ChildProcess, spawn } from "node:child_process";
import * as fs from "node:fs";
import * as net from "node:net";
import * as path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ClusterAccess } from "../../../cli/portForwards";
import {
  clusterAccess,
  credentialCommand,
  portForwardCommands,
  portForwardParameters,
} from "../../../cli/portForwards";
import type { PortForward } from "../../../contracts/stackOutputs";
import { startTimeOf } from "../../../machine/processes.mjs";
import { TemporaryCheckout } from "../../unit/setup/temporaryCheckout";

const metadata: PortForward = {
  name: "metadata service",
  namespace: "metaflow",
  service: "metaflow-metadata",
  localPort: 8080,
  port: 8080,
};

/** As EKS wants it: kubectl calls `aws` for credentials. */
const kubeconfig = JSON.stringify({
  apiVersion: "v1",
  kind: "Config",
  users: [{ name: "eks", user: { exec: { command: "aws", args: ["eks", "get-token"] } } }],
});

/**
 * Stands in for kubectl: it forwards for real, to a server that says the service's name. What else it does lies in `plan.json`:
 * whether the cluster answers, and which services fail, end after one connection, or never come.
 */
const fakeKubectl = `#!/usr/bin/env node
const fs = require("node:fs");
const net = require("node:net");
const path = require("node:path");
const parameters = process.argv.slice(2);
const plan = JSON.parse(fs.readFileSync(path.join(__dirname, "plan.json"), "utf8"));
fs.appendFileSync(
  path.join(__dirname, "calls"),
  JSON.stringify({ pid: process.pid, parameters, kubeconfig: process.env.KUBECONFIG ?? null }) + "\\n",
);
if (parameters.includes("get")) {
  if (plan.unreachable === undefined) {
    console.log("{}");
  } else {
    console.error(plan.unreachable);
    process.exitCode = 1;
  }
} else {
  const [service, ports] = parameters.slice(-2);
  const [localPort, port] = ports.split(":");
  if (plan.failing === service) {
    console.error('Error from server (NotFound): services "' + service + '" not found');
    process.exit(1);
  }
  const server = net.createServer((socket) => {
    socket.end(service);
    if (plan.endingOnce === service && !fs.existsSync(path.join(__dirname, "ended"))) {
      fs.writeFileSync(path.join(__dirname, "ended"), "");
      console.error("error: lost connection to pod");
      socket.on("close", () => process.exit(1));
    }
  });
  server.listen(Number(localPort), "127.0.0.1", () => console.log("Forwarding from 127.0.0.1:" + localPort + " -> " + port));
}
`;

/** The shell's part: forwards until its input ends, and says when it has begun. */
const driver = `
import { startPortForwards, clusterAccess, kubeconfigVariables } from "./cli/portForwards";
import { runMain } from "./setup/problem.mjs";
import { readFileSync } from "node:fs";
void runMain(async () => {
  const access = clusterAccess(JSON.parse(readFileSync("outputs.json", "utf8")));
  const environment = { ...process.env, ...kubeconfigVariables("platform", access) };
  const interactive = process.env.COMMAND === undefined;
  const forwarding = await startPortForwards({ stack: "platform", access, environment, print: console.error, interactive });
  console.log("forwarding");
  await new Promise((resolve) => process.stdin.once("end", resolve).resume());
  await forwarding.end();
  return 0;
});
`;

let checkout: TemporaryCheckout;
let bin: string;
const shells: ChildProcess[] = [];

/** A checkout with the stand-ins on PATH, and an end to all that a test has started. */
function withCheckout(): void {
  beforeEach(() => {
    checkout = new TemporaryCheckout();
    bin = checkout.file("bin");
    install("kubectl", fakeKubectl);
    install("aws", "#!/bin/sh\n");
    // The scripts name node without a path.
    fs.symlinkSync(process.execPath, path.join(bin, "node"));
    plan({});
    checkout.linkPackages();
    checkout.write("driver.ts", driver);
  });

  afterEach(() => {
    for (const shell of shells.splice(0)) shell.kill("SIGKILL");
    for (const { pid } of calls()) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // It has ended, as it should.
      }
    }
    checkout.remove();
  });
}

function install(command: string, text: string): void {
  fs.chmodSync(checkout.write(path.join("bin", command), text), 0o755);
}

function plan(what: { unreachable?: string; failing?: string; endingOnce?: string }): void {
  checkout.write(path.join("bin", "plan.json"), JSON.stringify(what));
}

interface Call {
  readonly pid: number;
  readonly parameters: readonly string[];
  readonly kubeconfig: string | null;
}

function calls(): Call[] {
  const file = path.join(bin, "calls");
  if (!fs.existsSync(file)) return [];
  return fs
    .readFileSync(file, "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Call);
}

const forwardCalls = () => calls().filter(({ parameters }) => parameters.includes("port-forward"));

/** Ports that nobody listens on. */
async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(Array.from({ length: count }, () => listen(0)));
  const ports = servers.map((server) => (server.address() as net.AddressInfo).port);
  await Promise.all(servers.map(close));
  return ports;
}

function listen(port: number): Promise<net.Server> {
  return new Promise((resolve, reject) => {
    const server = net.createServer().once("error", reject);
    server.listen(port, "127.0.0.1", () => {
      resolve(server);
    });
  });
}

function close(server: net.Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => {
      resolve();
    });
  });
}

/** What the other end of a local port says; undefined when nobody listens. */
function ask(port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    let answer = "";
    const socket = net.connect(port, "127.0.0.1");
    socket.setEncoding("utf8").on("data", (text: string) => (answer += text));
    socket.once("error", () => {
      resolve(undefined);
    });
    socket.once("close", () => {
      resolve(answer);
    });
  });
}

async function eventually<T>(look: () => T | Promise<T>, wanted: (found: T) => boolean): Promise<T> {
  for (;;) {
    const found = await look();
    if (wanted(found)) return found;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** A process that has ended and that nobody has waited for is not running. */
const isRunning = (pid: number) => startTimeOf(pid) !== undefined;

interface Outcome {
  readonly status: number | null;
  readonly output: string;
}

interface Shell {
  readonly child: ChildProcess;
  /** True once the services are forwarded; false when it ended before. */
  readonly forwarding: Promise<boolean>;
  readonly outcome: Promise<Outcome>;
}

function open(outputs: Record<string, unknown>, searchPath = bin, variables: Record<string, string> = {}): Shell {
  checkout.write("outputs.json", JSON.stringify(outputs));
  const env = { PATH: searchPath, ...variables };
  const child = spawn(process.execPath, ["setup/run.mjs", "driver.ts"], { cwd: checkout.root, env });
  shells.push(child);
  let output = "";
  const forwarding = new Promise<boolean>((resolve) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        output += text;
        if (/^forwarding$/m.test(output)) resolve(true);
      });
    }
    child.once("close", () => {
      resolve(false);
    });
  });
  const outcome = new Promise<Outcome>((resolve) => {
    child.once("close", (status) => {
      resolve({ status, output });
    });
  });
  return { child, forwarding, outcome };
}

async function outputsFor(services: readonly string[]): Promise<{ outputs: Record<string, unknown>; ports: number[] }> {
  const ports = await freePorts(services.length);
  const portForwards = services.map((service, index) => ({
    ...metadata,
    name: `the ${service}`,
    service,
    localPort: ports[index] ?? 0,
  }));
  return { outputs: { portForwards, cluster: { name: "platform", kubeconfig } }, ports };
}

describe("startPortForwards", () => {
  withCheckout();

  it("forwards every service, with the stack's kubeconfig, until the shell ends", async () => {
    const { outputs, ports } = await outputsFor(["one", "two"]);
    const shell = open(outputs);
    expect(await shell.forwarding).toBe(true);
    expect(await Promise.all(ports.map(ask))).toEqual(["service/one", "service/two"]);
    const file = checkout.file(".posttraining", "shell", "platform", "kubeconfig");
    expect(calls().map((call) => call.kubeconfig)).toEqual([file, file, file]);
    expect(fs.readFileSync(file, "utf8")).toBe(kubeconfig);
    expect(fs.statSync(file).mode & 0o777).toBe(0o600);

    shell.child.stdin?.end();
    const { status, output } = await shell.outcome;
    expect(status).toBe(0);
    expect(output).toContain(`the one: http://127.0.0.1:${ports[0] ?? 0}`);
    expect(await Promise.all(ports.map(ask))).toEqual([undefined, undefined]);
    expect(forwardCalls().map(({ pid }) => isRunning(pid))).toEqual([false, false]);
    expect(fs.readdirSync(path.dirname(file)).filter((name) => name.endsWith(".json"))).toEqual([]);
  });

  it("uses the context of the user's own kubeconfig for a cluster that was there", async () => {
    const { outputs } = await outputsFor(["one"]);
    const shell = open({ ...outputs, cluster: { name: "lab", kubeconfig: null } });
    expect(await shell.forwarding).toBe(true);
    for (const call of calls()) {
      expect(call.parameters.slice(0, 2)).toEqual(["--context", "lab"]);
      expect(call.kubeconfig).toBeNull();
    }
  });

  it("does nothing for a stack without services to forward", async () => {
    const shell = open({ portForwards: [], cluster: { name: "platform", kubeconfig } });
    expect(await shell.forwarding).toBe(true);
    expect(calls()).toEqual([]);
  });

  it("starts a forward again that ended with its pod", async () => {
    const { outputs, ports } = await outputsFor(["one"]);
    plan({ endingOnce: "service/one" });
    const shell = open(outputs);
    expect(await shell.forwarding).toBe(true);
    expect(await ask(ports[0] ?? 0)).toBe("service/one");
    const [first] = forwardCalls();
    await eventually(
      () => isRunning(first?.pid ?? 0),
      (running) => !running,
    );
    expect(
      await eventually(
        () => ask(ports[0] ?? 0),
        (answer) => answer !== undefined,
      ),
    ).toBe("service/one");
    shell.child.stdin?.end();
    expect((await shell.outcome).status).toBe(0);
    expect(forwardCalls().map(({ pid }) => isRunning(pid))).toEqual([false, false]);
  });

  it("ends its forwards when it is told to end", async () => {
    const { outputs } = await outputsFor(["one", "two"]);
    const shell = open(outputs);
    expect(await shell.forwarding).toBe(true);
    shell.child.kill("SIGTERM");
    await shell.outcome;
    await eventually(
      () => forwardCalls().filter(({ pid }) => isRunning(pid)),
      (running) => running.length === 0,
    );
  });

  it("ends what a shell that was killed has left, and forwards anew", async () => {
    const { outputs, ports } = await outputsFor(["one"]);
    const killed = open(outputs);
    expect(await killed.forwarding).toBe(true);
    killed.child.kill("SIGKILL");
    await killed.outcome;
    const [left] = forwardCalls();
    expect(isRunning(left?.pid ?? 0)).toBe(true);
    const shell = open(outputs);
    expect(await shell.forwarding).toBe(true);
    expect(isRunning(left?.pid ?? 0)).toBe(false);
    expect(await ask(ports[0] ?? 0)).toBe("service/one");
  });

  it("uses the forwards of another shell of the stack", async () => {
    const { outputs } = await outputsFor(["one"]);
    const first = open(outputs);
    expect(await first.forwarding).toBe(true);
    const second = open(outputs);
    expect(await second.forwarding).toBe(true);
    expect(forwardCalls()).toHaveLength(1);
    second.child.stdin?.end();
    expect((await second.outcome).output).toContain(`other shell of stack platform (process ${first.child.pid ?? 0})`);
    expect(isRunning(forwardCalls()[0]?.pid ?? 0)).toBe(true);
  });
});

describe("pages that are only to look at", () => {
  withCheckout();

  /** Forwards to `one`, which commands need, and to `pages`, which they do not. */
  async function withPages(): Promise<{ outputs: Record<string, unknown>; ports: number[] }> {
    const { outputs, ports } = await outputsFor(["one", "pages"]);
    const [one, pages] = outputs.portForwards as Record<string, unknown>[];
    return { outputs: { ...outputs, portForwards: [one, { ...pages, onlyToLookAt: true }] }, ports };
  }

  it("are forwarded for a person and not for a command", async () => {
    const { outputs, ports } = await withPages();
    const person = open(outputs);
    expect(await person.forwarding).toBe(true);
    expect(await Promise.all(ports.map(ask))).toEqual(["service/one", "service/pages"]);
    person.child.stdin?.end();
    await person.outcome;
    const command = open(outputs, bin, { COMMAND: "python flow.py run" });
    expect(await command.forwarding).toBe(true);
    expect(await Promise.all(ports.map(ask))).toEqual(["service/one", undefined]);
  });

  it("stop nothing when their port is in use", async () => {
    const { outputs, ports } = await withPages();
    const other = await listen(ports[1] ?? 0);
    const shell = open(outputs);
    expect(await shell.forwarding).toBe(true);
    expect(await ask(ports[0] ?? 0)).toBe("service/one");
    shell.child.stdin?.end();
    const { output } = await shell.outcome;
    await close(other);
    expect(output).toContain(`Not forwarded: the pages, since 127.0.0.1:${ports[1] ?? 0} is in use`);
    expect(output).not.toContain("the pages: http");
  });

  it("stop nothing when they cannot be forwarded", async () => {
    const { outputs, ports } = await withPages();
    plan({ failing: "service/pages" });
    const shell = open(outputs);
    expect(await shell.forwarding).toBe(true);
    expect(await ask(ports[0] ?? 0)).toBe("service/one");
    shell.child.stdin?.end();
    const { status, output } = await shell.outcome;
    expect(status).toBe(0);
    expect(output).toMatch(/Not forwarded: the pages \(service pages in namespace metaflow\): Error from server/);
    expect(output).not.toContain("the pages: http");
  });
});

describe("what startPortForwards refuses", () => {
  withCheckout();

  async function refused(outputs: Record<string, unknown>, searchPath?: string): Promise<string> {
    const { status, output } = await open(outputs, searchPath).outcome;
    expect(status).toBe(1);
    expect(output).not.toContain("    at ");
    return output;
  }

  it("to go on without kubectl", async () => {
    const { outputs } = await outputsFor(["one"]);
    fs.rmSync(path.join(bin, "kubectl"));
    expect(await refused(outputs)).toMatch(/kubectl is not on PATH[^]*Install it/);
  });

  it("to go on without the command that the kubeconfig calls for credentials", async () => {
    const { outputs } = await outputsFor(["one"]);
    fs.rmSync(path.join(bin, "aws"));
    expect(await refused(outputs)).toMatch(/aws is not on PATH[^]*Install the AWS CLI/);
    expect(calls()).toEqual([]);
  });

  it("ports that are taken, all of them at once", async () => {
    const { outputs, ports } = await outputsFor(["one", "two", "three"]);
    const servers = await Promise.all(ports.slice(0, 2).map(listen));
    const output = await refused(outputs);
    await Promise.all(servers.map(close));
    expect(output).toContain(`127.0.0.1:${ports[0] ?? 0}, for the one`);
    expect(output).toContain(`127.0.0.1:${ports[1] ?? 0}, for the two`);
    expect(output).not.toContain("the three");
    expect(calls()).toEqual([]);
  });

  it("a cluster that does not answer, with what kubectl said and what to do", async () => {
    const { outputs } = await outputsFor(["one"]);
    plan({ unreachable: "Unable to connect to the server: dial tcp 10.64.3.7:443: i/o timeout" });
    const output = await refused(outputs);
    expect(output).toContain("The cluster of stack platform cannot be reached");
    expect(output).toContain("dial tcp 10.64.3.7:443: i/o timeout");
    expect(output).toContain("compute.cluster.endpoint");
    expect(forwardCalls()).toEqual([]);
  });

  it("a service that is not there, and ends the forwards of the others", async () => {
    const { outputs } = await outputsFor(["one", "two"]);
    plan({ failing: "service/two" });
    const output = await refused(outputs);
    expect(output).toContain("the two (service two in namespace metaflow): Error from server (NotFound)");
    expect(output).not.toContain("the one (");
    expect(forwardCalls().map(({ pid }) => isRunning(pid))).toEqual([false, false]);
  });
});

describe("clusterAccess", () => {
  it("takes kubeconfig and forwards from the outputs of a stack", () => {
    expect(clusterAccess({ portForwards: [metadata], cluster: { name: "eks", kubeconfig } })).toEqual({
      forwards: [metadata],
      kubeconfig,
      context: undefined,
    });
  });

  it("takes the context of a cluster that the user's own kubeconfig knows", () => {
    expect(clusterAccess({ portForwards: [], cluster: { name: "lab", kubeconfig: null } })).toEqual({
      forwards: [],
      kubeconfig: undefined,
      context: "lab",
    });
  });
});

describe("portForwardCommands", () => {
  const access: ClusterAccess = {
    forwards: [{ ...metadata, localPort: 18080 }],
    kubeconfig: undefined,
    context: "lab",
  };

  it("says how to forward by hand what the shell forwards", () => {
    expect(portForwardCommands(access)).toEqual([
      "kubectl --context lab port-forward --address 127.0.0.1 --namespace metaflow service/metaflow-metadata 18080:8080",
    ]);
  });

  it("listens on this machine only", () => {
    expect(portForwardParameters(metadata, undefined).join(" ")).toContain("--address 127.0.0.1");
  });
});

describe("credentialCommand", () => {
  it("finds what kubectl will call", () => {
    expect(credentialCommand(kubeconfig)).toBe("aws");
  });

  it.each(["{}", "users: []", '{"users":[{"user":{"token":"x"}}]}'])("finds nothing in %s", (text) => {
    expect(credentialCommand(text)).toBeUndefined();
  });
});
