import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { endProcess, isAlive, startTimeOf } from "../../../machine/processes.mjs";
import { TemporaryCheckout } from "../../unit/setup/temporaryCheckout";

type Leftovers = typeof import("../../../cli/leftovers");

let checkout: TemporaryCheckout;
let leftovers: Leftovers;
let children: ChildProcess[];

beforeEach(async () => {
  checkout = new TemporaryCheckout();
  checkout.linkPackages();
  leftovers = await checkout.load<Leftovers>("cli/leftovers.ts");
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
    children.push(child);
    expect(pidsOf(look().ours).sort()).toEqual([owned, child.pid ?? 0].sort());
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

/** Runs teardown in the checkout as a person does, with nothing set up but the packages. */
const teardown = (...parameters: readonly string[]) =>
  checkout.run(["setup/run.mjs", "cli/teardown.ts", ...parameters], { PATH: path.dirname(process.execPath) });

describe("teardown", () => {
  it("wants the stack's name, and lists what there is", async () => {
    checkout.write(".posttraining/stacks/local/processes/store/log.txt", "kept");
    const { status, output } = await teardown();
    expect(status).toBe(1);
    expect(output).toMatch(/Which stack\?[^]*npm run teardown -- <stack>; there are: local, platform/);
    expect(fs.existsSync(checkout.file(".posttraining/stacks/local/processes/store/log.txt"))).toBe(true);
  });

  it("has nothing to do in a fresh checkout, and says so", async () => {
    const { status, output } = await teardown("local");
    expect(output).toContain("There is nothing of stack local to delete.");
    expect(status).toBe(0);
  });

  it("ends a server of which Pulumi knows nothing, and says so", async () => {
    const pid = await start("");
    const identity = identify(pid);
    record("store", { ...identity, port: 1 });
    const { status, output } = await teardown("local");
    expect(output).toContain(`Ending process ${pid}, which an interrupted command has left`);
    expect(isAlive(identity)).toBe(false);
    expect(status).toBe(0);
  });

  it("fails while something still works in the stack's folder, and keeps its records", async () => {
    const pid = await start("");
    record("store", { pid: 1, startTime: "1", port: 1 });
    const directory = checkout.file(".posttraining", "stacks", "local");
    const stranger = await start(`process.chdir(${JSON.stringify(directory)})`);
    const { status, output } = await teardown("local");
    expect(status).toBe(1);
    expect(output).toContain(`process ${stranger} (working folder)`);
    expect(fs.existsSync(path.join(directory, "processes", "store", "process.json"))).toBe(true);
    expect(startTimeOf(pid)).toBeDefined();
  });

  it.each(["../../victim", "local/"])("refuses %j, which is none of its stacks, and touches nothing", async (name) => {
    for (const folder of ["victim", ".posttraining/stacks/local"]) {
      for (const entry of ["runs", "processes/store", "cache"]) checkout.write(`${folder}/${entry}/file`, "kept");
    }
    const { status, output } = await teardown(name);
    expect(status).toBe(1);
    expect(output).toMatch(/There is no stack ".*" in this checkout\.\n(?:.*\n)*.*Its stacks: local, platform/);
    expect(output).not.toMatch(/^\s+at /m);
    for (const folder of ["victim", ".posttraining/stacks/local"]) {
      for (const entry of ["runs", "processes/store", "cache"]) {
        expect(fs.readFileSync(checkout.file(folder, entry, "file"), "utf8")).toBe("kept");
      }
    }
  });

  it.each([
    [["cli/pulumi.ts", "up", "-s", "../victim"], "../victim"],
    [["cli/pulumi.ts", "stack", "rm", "local/"], "local/"],
    [["cli/pulumi.ts", "cancel", "Local"], "Local"],
    [["cli/shell.ts", "local/"], "local/"],
  ])("is not the only command that asks for a stack's name: %j", async (parameters, name) => {
    const { status, output } = await checkout.run(["setup/run.mjs", ...parameters], {
      PATH: path.dirname(process.execPath),
    });
    expect(status).toBe(1);
    expect(output).toContain(`There is no stack ${JSON.stringify(name)} in this checkout.`);
    expect(fs.existsSync(checkout.file(".posttraining", "tools"))).toBe(false);
  });

  it("removes what the stack has made and nothing else, and through no link", async () => {
    checkout.write("elsewhere/objects/file", "kept");
    checkout.write(".posttraining/stacks/local/processes/store/log.txt", "gone");
    checkout.write(".posttraining/stacks/local/processes/store/notes.txt", "kept");
    checkout.write(".posttraining/stacks/local/runs/sft-0123456789ab/status.json", "gone");
    checkout.write(".posttraining/stacks/local/runs/analysis.ipynb", "kept");
    fs.symlinkSync(checkout.file("elsewhere"), checkout.file(".posttraining/stacks/local/cache"));
    const { status, output } = await teardown("local");
    expect(status).toBe(0);
    const left = fs
      .readdirSync(checkout.file(".posttraining", "stacks"), { recursive: true, encoding: "utf8" })
      .filter((file) => file.includes("."));
    expect(left.sort()).toEqual(["local/processes/store/notes.txt", "local/runs/analysis.ipynb"]);
    expect(output).toContain("Stays in .posttraining/stacks/local");
    expect(fs.readFileSync(checkout.file("elsewhere/objects/file"), "utf8")).toBe("kept");
  });

  it("ends nothing of a checkout from which this one was copied", async () => {
    const other = checkout.file("other", ".posttraining", "stacks", "local", "processes", "store");
    fs.mkdirSync(other, { recursive: true });
    const pid = await start("", { POSTTRAINING_DIRECTORY: other });
    record("store", { ...identify(pid), port: 1 });
    const { status, output } = await teardown("local");
    expect(output).not.toContain(`Ending process ${pid}`);
    expect(startTimeOf(pid)).toBeDefined();
    expect(status).toBe(0);
  });

  it("goes through no link that stands for one of its folders", async () => {
    checkout.write("elsewhere/sft-0123456789ab/status.json", "kept");
    fs.mkdirSync(checkout.file(".posttraining/stacks/local"), { recursive: true });
    fs.symlinkSync(checkout.file("elsewhere"), checkout.file(".posttraining/stacks/local/runs"));
    const { status, output } = await teardown("local");
    expect(status).toBe(1);
    expect(output).toContain("by a link, which does not lie below");
    expect(fs.existsSync(checkout.file("elsewhere/sft-0123456789ab/status.json"))).toBe(true);
  });
});

describe("a run of no stage", () => {
  it("is a live one of which the state knows nothing; it is ended with its record, and no other is", async () => {
    const strays = await checkout.load<typeof import("../../../cli/strayRuns")>("cli/strayRuns.ts");
    const runs = ".posttraining/stacks/local/runs";
    const keys = ["sft-0123456789ab", "old-0123456789ab", "done-0123456789ab"] as const;
    const pids = await Promise.all(keys.map((key) => start("", { POSTTRAINING_DIRECTORY: checkout.file(runs, key) })));
    keys.forEach((key, index) => {
      const { pid, startTime } = identify(pids[index] ?? 0);
      checkout.write(`${runs}/${key}/supervisor.json`, JSON.stringify({ pid, started: startTime }));
      checkout.write(`${runs}/.${key}.lock`, "");
    });
    await endProcess(identify(pids[2] ?? 0));
    const resources = [{ urn: "u", type: "t", id: "sft-0123456789ab" }];
    checkout.write(
      ".posttraining/pulumi/state/.pulumi/stacks/posttraining/local.json",
      JSON.stringify({ checkpoint: { latest: { resources } } }),
    );
    const lines: string[] = [];
    await strays.endStrayRuns("local", (line) => lines.push(line));
    expect(lines).toEqual([expect.stringContaining("Ending run old-0123456789ab")]);
    expect(startTimeOf(pids[0] ?? 0)).toBeDefined();
    expect(startTimeOf(pids[1] ?? 0)).toBeUndefined();
    expect(fs.readdirSync(checkout.file(runs)).sort()).toEqual(
      [".done-0123456789ab.lock", ".sft-0123456789ab.lock", "done-0123456789ab", "sft-0123456789ab"].sort(),
    );
  });
});

describe("a stack whose state cannot be read", () => {
  const states = ".posttraining/pulumi/state/.pulumi/stacks/posttraining";
  const good = JSON.stringify({
    version: 3,
    checkpoint: { stack: "local", latest: { resources: [{ urn: "u", type: "t" }] } },
  });

  it.each([
    ["was cut off", good.slice(0, 40)],
    ["is empty", ""],
    ["holds something else", "[]"],
  ])("is told with its file, what is beside it and how to restore it, when it %s", async (_, text) => {
    checkout.write(`${states}/platform.json`, text);
    checkout.write(`${states}/platform.json.bak`, good);
    const { status, output } = await teardown("platform");
    expect(status).toBe(1);
    expect(output).toContain(`The state of stack platform, ${states}/platform.json, cannot be read`);
    expect(output).toMatch(/Beside it lies the one before, of \d{4}-.*, with 1 resources/);
    expect(output).toContain(`cp ${states}/platform.json.bak ${states}/platform.json`);
    expect(fs.readFileSync(checkout.file(states, "platform.json"), "utf8")).toBe(text);
  });

  it("is ended without it, by its records and the machine, where it is one of this machine", async () => {
    checkout.write(`${states}/local.json`, good.slice(0, 40));
    const directory = checkout.file(".posttraining", "stacks", "local", "processes", "store");
    const pid = await start("", { POSTTRAINING_DIRECTORY: directory });
    record("store", { ...identify(pid), port: 1 });
    checkout.write(".posttraining/stacks/local/store/objects/posttraining/models/sft/1/config.json", "{}");
    const { status, output } = await teardown("local");
    expect(status).toBe(0);
    expect(startTimeOf(pid)).toBeUndefined();
    expect(output).toContain("Stack local is ended by its records and by what this machine shows.");
    expect(fs.existsSync(checkout.file(states, "local.json"))).toBe(false);
    // Nothing that may be of use is gone: what could not be read was set aside.
    expect(output).toMatch(/Its state lies in \.posttraining\/pulumi\/set-aside\/local-\d{4}/);
    expect(fs.existsSync(checkout.file(".posttraining", "stacks", "local"))).toBe(false);
  });

  it("is not taken for one that was never there when its file is gone", async () => {
    checkout.write(".posttraining/pulumi/configuration/Pulumi.platform.yaml", "encryptionsalt: v1:a\n");
    checkout.write(`${states}/platform.json.bak`, good);
    const { status, output } = await teardown("platform");
    expect(status).toBe(1);
    expect(output).toContain(`The state of stack platform, ${states}/platform.json, is gone`);
    expect(output).toContain(`cp ${states}/platform.json.bak ${states}/platform.json`);
    expect(fs.existsSync(checkout.file(".posttraining/pulumi/configuration/Pulumi.platform.yaml"))).toBe(true);
  });

  it("is ended by its records, with the data that goes with it, when the file is gone of one of this machine", async () => {
    checkout.write(".posttraining/pulumi/configuration/Pulumi.local.yaml", "encryptionsalt: v1:a\n");
    checkout.write(".posttraining/stacks/local/store/objects/posttraining/models/sft/1/config.json", "{}");
    checkout.write(".posttraining/stacks/local/metaflow/config.json", "{}");
    const { status, output } = await teardown("local");
    expect(status).toBe(0);
    expect(output).not.toContain("the state of stack local");
    expect(fs.existsSync(checkout.file(".posttraining", "stacks", "local"))).toBe(false);
    expect((await teardown("local")).output).toContain("There is nothing of stack local to delete.");
  });

  it("does not concern another stack", async () => {
    checkout.write(`${states}/platform.json`, good.slice(0, 40));
    expect((await teardown("local")).status).toBe(0);
  });

  it("cannot be ended by force where its resources are in a cloud", async () => {
    const { status, output } = await teardown("platform", "--without-state");
    expect(status).toBe(1);
    expect(output).toContain("Stack platform has resources in a cloud");
  });
});
