import { once } from "node:events";
import * as fs from "node:fs";
import * as net from "node:net";
import * as os from "node:os";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { isFree } from "../../../provider/processes/ports";
import { isAlive, startTimeOf } from "../../../provider/processes/processIdentity";
import {
  lastLogLines,
  liveRecord,
  type ProcessRecord,
  readRecord,
  startProcess,
  stopProcess,
} from "../../../provider/processes/supervisedProcess";

let directory: string;
const started: ProcessRecord[] = [];

beforeEach(() => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), "supervised process "));
});

afterEach(async () => {
  for (const record of started.splice(0)) await stopProcess(record, 0);
  fs.rmSync(directory, { recursive: true, force: true });
});

async function start(script: string): Promise<ProcessRecord> {
  const record = await startProcess({
    directory,
    command: process.execPath,
    arguments: ["-e", script],
    environment: {},
    port: 0,
  });
  started.push(record);
  return record;
}

async function logOf(lines: number): Promise<string[]> {
  for (let tries = 0; tries < 200 && lastLogLines(directory, 9).join("").length === 0; tries++) await sleep(20);
  return lastLogLines(directory, lines);
}

const forever = "setInterval(() => {}, 1000);";

describe("a supervised process", () => {
  it("is remembered, alive, and ends when stopped", async () => {
    const record = await start(forever);
    expect(liveRecord(directory)).toEqual(record);
    await stopProcess(record);
    expect(isAlive(record)).toBe(false);
    expect(liveRecord(directory)).toBeUndefined();
    expect(readRecord(directory)).toEqual(record);
  });

  it("takes its children with it", async () => {
    const record = await start(
      `const child = require("node:child_process").spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"]);
       console.log(child.pid); ${forever}`,
    );
    const child = Number((await logOf(1))[0]);
    expect(startTimeOf(child)).toBeDefined();
    await stopProcess(record);
    expect(startTimeOf(child)).toBeUndefined();
  });

  it("is killed when it ignores the request to end", async () => {
    const record = await start(`process.on("SIGTERM", () => {}); console.log("ready"); ${forever}`);
    await logOf(1);
    await stopProcess(record, 0.2);
    expect(isAlive(record)).toBe(false);
  });

  it("has let go of its port once it counts as ended", async () => {
    // What a thread that ends a moment after its process does: it holds the port meanwhile.
    const holder = net.createServer().listen(0, "127.0.0.1");
    await once(holder, "listening");
    const { port } = holder.address() as net.AddressInfo;
    const record = { ...(await start(forever)), port };
    setTimeout(() => holder.close(), 300);
    await stopProcess(record);
    expect(await isFree(port)).toBe(true);
  });

  it("is never taken for a later process with the same number", async () => {
    const record = await start(forever);
    const stale = { ...record, startTime: "1" };
    fs.writeFileSync(path.join(directory, "process.json"), JSON.stringify(stale));
    expect(liveRecord(directory)).toBeUndefined();
    await stopProcess(stale);
    expect(isAlive(record)).toBe(true);
  });

  it("keeps the log of the run before", async () => {
    const first = await start(`console.log("first"); ${forever}`);
    await logOf(1);
    await stopProcess(first);
    await start(`console.log("second"); ${forever}`);
    expect(await logOf(1)).toEqual(["second"]);
    expect(fs.readFileSync(path.join(directory, "log.previous.txt"), "utf8")).toBe("first\n");
  });

  it("says why when the command does not exist, and leaves no record", async () => {
    const missing = { directory, command: "no-such-command", arguments: [], environment: {}, port: 0 };
    await expect(startProcess(missing)).rejects.toThrow("ENOENT");
    expect(readRecord(directory)).toBeUndefined();
  });
});
