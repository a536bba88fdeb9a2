import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import * as net from "node:net";
import * as path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { endProcess, isAlive, startTimeOf } from "../../../tools/process-identity.mjs";
import { TemporaryCheckout } from "./temporaryCheckout";

type Leftovers = typeof import("../../../tools/leftovers.mjs");

let checkout: TemporaryCheckout;
let leftovers: Leftovers;
let children: ChildProcess[];

beforeEach(async () => {
  checkout = new TemporaryCheckout();
  leftovers = await checkout.load<Leftovers>("leftovers.mjs");
  children = [];
});

afterEach(() => {
  for (const { pid } of children) {
    try {
      process.kill(-(pid ?? 0), "SIGKILL");
    } catch {
      // It has ended.
    }
  }
  checkout.remove();
});

/** A process in a group of its own that has told that it runs. */
async function start(script: string, environment: NodeJS.ProcessEnv = {}): Promise<number> {
  const child = spawn(process.execPath, ["-e", `${script}; console.log("ready"); setInterval(() => {}, 1000)`], {
    detached: true,
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, ...environment },
  });
  children.push(child);
  await new Promise((resolve) => child.stdout.once("data", resolve));
  return child.pid ?? 0;
}

const record = (name: string, content: unknown) =>
  checkout.write(`.posttraining/stacks/local/processes/${name}/process.json`, JSON.stringify(content));

const identify = (pid: number) => ({ pid, startTime: startTimeOf(pid) ?? "" });

describe("recordedBy", () => {
  it("finds a server that still runs, and nothing once it has ended", async () => {
    const pid = await start("");
    record("store", { ...identify(pid), port: 4321 });
    const [server] = leftovers.recordedBy("local");
    expect(server).toMatchObject({ name: "store", port: 4321 });
    expect(server?.live().map((found) => found.pid)).toEqual([pid]);
    await endProcess(identify(pid));
    expect(server?.live()).toEqual([]);
  });

  it("finds the children of a server that died without them", async () => {
    const pid = await start(
      `require("child_process").spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"], { stdio: "ignore" })`,
    );
    record("endpoint", { ...identify(pid), port: 4321 });
    process.kill(pid, "SIGKILL");
    while (startTimeOf(pid) !== undefined) await new Promise((resolve) => setTimeout(resolve, 10));
    const [server] = leftovers.recordedBy("local");
    const live = server?.live() ?? [];
    expect(live).toHaveLength(1);
    expect(live[0]?.pid).not.toBe(pid);
  });

  it("does not take another process for a server because it got its number", async () => {
    const pid = await start("");
    record("store", { pid, startTime: "1", port: 4321 });
    expect(leftovers.recordedBy("local")[0]?.live()).toEqual([]);
  });

  it("finds the processes of a run by their mark", async () => {
    const directory = checkout.file(".posttraining", "stacks", "local", "runs", "sft-abc");
    fs.mkdirSync(directory, { recursive: true });
    const mark = createHash("sha256").update(fs.realpathSync(directory)).digest("hex").slice(0, 32);
    const pid = await start("", { POSTTRAINING_RUN: mark });
    await start("", { POSTTRAINING_RUN: "0".repeat(32) });
    const [run] = leftovers.recordedBy("local");
    expect(run?.name).toBe("run sft-abc");
    expect(run?.live().map((found) => found.pid)).toEqual([pid]);
  });

  it("is not stopped by a record that was cut off", () => {
    checkout.write(".posttraining/stacks/local/processes/store/process.json", '{"pid": 12');
    expect(leftovers.recordedBy("local")).toEqual([]);
    expect(leftovers.recordedBy("never-made")).toEqual([]);
  });
});

describe("isListening", () => {
  it("tells an open port from a closed one", async () => {
    const server = net.createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const { port } = server.address() as net.AddressInfo;
    expect(await leftovers.isListening(port)).toBe(true);
    await new Promise((resolve) => server.close(resolve));
    expect(await leftovers.isListening(port)).toBe(false);
  });
});

describe("endProcess", () => {
  it("ends a process that ignores a polite request, with its children", async () => {
    const pid = await start(
      `process.on("SIGTERM", () => {}); require("child_process").spawn(process.execPath, ["-e", "process.on('SIGTERM', () => {}); setInterval(() => {}, 1000)"], { stdio: "ignore" })`,
    );
    const identity = identify(pid);
    await endProcess(identity, 0.2);
    expect(isAlive(identity)).toBe(false);
  });

  it("leaves a process alone that only has the number", async () => {
    const pid = await start("");
    await endProcess({ pid, startTime: "1" });
    expect(isAlive(identify(pid))).toBe(true);
  });
});

describe("teardown", () => {
  it("has nothing to do in a fresh checkout, and says so", async () => {
    const { status, output } = await checkout.run(["tools/teardown.mjs"], { PATH: path.dirname(process.execPath) });
    expect(output).toContain("There is nothing of stack local to delete.");
    expect(status).toBe(0);
  });

  it("ends a server of which Pulumi knows nothing, and says so", async () => {
    const pid = await start("");
    const identity = identify(pid);
    record("store", { ...identity, port: 1 });
    const { status, output } = await checkout.run(["tools/teardown.mjs", "local"], {
      PATH: path.dirname(process.execPath),
    });
    expect(output).toContain(`Ending process ${pid} of "store"`);
    expect(isAlive(identity)).toBe(false);
    expect(status).toBe(0);
  });

  it("fails while something still answers on the stack's port", async () => {
    const server = net.createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const { port } = server.address() as net.AddressInfo;
    record("store", { pid: 1, startTime: "1", port });
    const { status, output } = await checkout.run(["tools/teardown.mjs"], { PATH: path.dirname(process.execPath) });
    server.close();
    expect(status).toBe(1);
    expect(output).toContain(`port ${port} of "store" still answers`);
  });
});
