import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { endProcess, startTimeOf } from "../../../machine/processes.mjs";
import { TemporaryCheckout } from "../../unit/setup/temporaryCheckout";
import { endStarted, identify, start, started } from "../startedProcesses";

type Leftovers = typeof import("../../../cli/leftovers");

let checkout: TemporaryCheckout;
let leftovers: Leftovers;

beforeEach(async () => {
  checkout = new TemporaryCheckout();
  checkout.linkPackages();
  leftovers = await checkout.load<Leftovers>("cli/leftovers.ts");
});

afterEach(() => {
  endStarted();
  checkout.remove();
});

const record = (name: string, content: unknown) =>
  checkout.write(`.posttraining/stacks/local/processes/${name}/process.json`, JSON.stringify(content));

/** A script that starts a child and says its number. */
const withChild = (options: string) =>
  `const child = require("child_process").spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"], ${options}); process.stdout.write(child.pid + "\\n")`;

/** The processes that the machine shows of stack `local`. */
const look = () => leftovers.lookAtMachine("local", leftovers.recordsOf("local"));
const pidsOf = (users: readonly { process: { pid: number } }[]) => users.map(({ process: found }) => found.pid);

describe("what a stack has left", () => {
  it("is a server that still runs, and nothing once it has ended", async () => {
    const pid = await start("");
    record("store", { ...identify(pid), port: 4321 });
    expect(leftovers.recordsOf("local").ports).toEqual([{ name: "store", port: 4321 }]);
    expect(pidsOf(look().ours)).toEqual([pid]);
    await endProcess(identify(pid));
    expect(look().ours).toEqual([]);
  });

  it("is the children of a server that died without them", async () => {
    const pid = await start(withChild("{ stdio: 'ignore' }"));
    record("endpoint", { ...identify(pid), port: 4321 });
    process.kill(pid, "SIGKILL");
    while (startTimeOf(pid) !== undefined) await new Promise((resolve) => setTimeout(resolve, 10));
    const [child, ...others] = pidsOf(look().ours);
    expect(others).toEqual([]);
    expect(child).not.toBe(pid);
  });

  it("is not another process that got the number of a server", async () => {
    const pid = await start("");
    record("store", { pid, startTime: "1", port: 4321 });
    expect(look().ours).toEqual([]);
  });

  it("is the processes of a run, by the mark of its directory", async () => {
    const directory = checkout.file(".posttraining", "stacks", "local", "runs", "sft-abc");
    fs.mkdirSync(directory, { recursive: true });
    const mark = createHash("sha256").update(fs.realpathSync(directory)).digest("hex").slice(0, 32);
    const pid = await start("", { POSTTRAINING_RUN: mark });
    await start("", { POSTTRAINING_RUN: "0".repeat(32) });
    expect(pidsOf(look().ours)).toEqual([pid]);
  });

  it("is found by the machine alone where no record names it: by owner, and by the log that it writes", async () => {
    const directory = checkout.file(".posttraining", "stacks", "local", "processes", "store");
    fs.mkdirSync(directory, { recursive: true });
    const owned = await start("", { POSTTRAINING_DIRECTORY: directory });
    const log = fs.openSync(path.join(directory, "log.txt"), "a");
    const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"], {
      detached: true,
      stdio: ["ignore", log, log],
    });
    fs.closeSync(log);
    const logging = started(child);
    expect(pidsOf(look().ours).sort()).toEqual([owned, logging].sort());
    // A folder whose name only begins the same way is another stack's.
    await start("", { POSTTRAINING_DIRECTORY: checkout.file(".posttraining", "stacks", "local-2") });
    expect(look().ours).toHaveLength(2);
  });

  it("is told with the ports on which it listens", async () => {
    const directory = checkout.file(".posttraining", "stacks", "local");
    fs.mkdirSync(directory, { recursive: true });
    const script = `const server = require("net").createServer().listen(0, "127.0.0.1"); setTimeout(() => console.log("ready"), 50)`;
    const pid = await start(script, { POSTTRAINING_DIRECTORY: directory });
    let [found] = look().ours;
    for (let tries = 0; tries < 100 && found?.ports.length === 0; tries++) [found] = look().ours;
    expect(found?.ports).toHaveLength(1);
    expect(leftovers.leftLines(look())[0]).toMatch(
      new RegExp(`^process ${pid} \\(environment, listening on port ${found?.ports[0] ?? 0}\\)`),
    );
  });

  it("is never what a person works with: that is told and left alone", async () => {
    const directory = checkout.file(".posttraining", "stacks", "local", "runs");
    fs.mkdirSync(directory, { recursive: true });
    const pid = await start("", { METAFLOW_HOME: path.join(path.dirname(directory), "metaflow") });
    expect(look()).toMatchObject({ ours: [], strangers: [] });
    expect(pidsOf(look().visitors)).toEqual([pid]);
    expect(leftovers.leftLines(look())).toEqual([]);
    expect(leftovers.noticeLines(look())[0]).toContain(`left alone: process ${pid} (environment)`);
  });

  it("may be what works in the stack's folder without a terminal, whoever started it: that is told", async () => {
    const directory = checkout.file(".posttraining", "stacks", "local", "runs");
    fs.mkdirSync(directory, { recursive: true });
    const pid = await start(`process.chdir(${JSON.stringify(directory)})`);
    expect(pidsOf(look().strangers)).toEqual([pid]);
    expect(leftovers.leftLines(look())[0]).toMatch(/nothing says who started it: end it yourself/);
  });

  it("is asked of the machine where a record was cut off, which is told", async () => {
    const directory = checkout.file(".posttraining", "stacks", "local", "processes", "store");
    const pid = await start("", { POSTTRAINING_DIRECTORY: directory });
    checkout.write(".posttraining/stacks/local/processes/store/process.json", '{"pid": 12');
    const { damaged, ports } = leftovers.recordsOf("local");
    expect(damaged.join()).toContain(path.join(directory, "process.json"));
    expect(ports).toEqual([]);
    expect(pidsOf(look().ours)).toEqual([pid]);
    expect(leftovers.recordsOf("never-made").damaged).toEqual([]);
  });

  it("is a port that still answers, unless it is known to be another's", () => {
    const findings = { ours: [], strangers: [], visitors: [] };
    const port = (pids: readonly number[]) => ({ ...findings, ports: [{ name: "store", port: 4321, pids }] });
    // Another user's process cannot be looked into: whose it is nobody can tell.
    expect(leftovers.leftLines(port([]))).toEqual(['port 4321 of "store" still answers']);
    expect(leftovers.leftLines(port([99]))).toEqual([]);
    expect(leftovers.noticeLines(port([99]))[0]).toContain("belongs to process 99 now, which is not of the stack");
  });
});
