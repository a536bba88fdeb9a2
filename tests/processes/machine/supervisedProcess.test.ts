import { once } from "node:events";
import * as fs from "node:fs";
import * as net from "node:net";
import * as os from "node:os";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { isFree } from "../../../machine/freePort";
import { processesOf } from "../../../machine/folderUsers";
import { isAlive, startTimeOf } from "../../../machine/processes.mjs";
import {
  lastLogLines,
  liveRecord,
  type ProcessRecord,
  readRecord,
  recordFile,
  startProcess,
  stopProcess,
} from "../../../machine/supervisedProcess";

let directory: string;
beforeEach(() => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), "supervised process "));
});

afterEach(async () => {
  await stopProcess(directory, 0);
  fs.rmSync(directory, { recursive: true, force: true });
});

function start(script: string, port = 0): Promise<ProcessRecord> {
  return startProcess({ directory, command: process.execPath, arguments: ["-e", script], environment: {}, port });
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
    await stopProcess(directory);
    expect(isAlive(record)).toBe(false);
    expect(liveRecord(directory)).toBeUndefined();
    expect(readRecord(directory)).toEqual(record);
  });

  it("takes its children with it", async () => {
    await start(
      `const child = require("node:child_process").spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"]);
       console.log(child.pid); ${forever}`,
    );
    const child = Number((await logOf(1))[0]);
    expect(startTimeOf(child)).toBeDefined();
    await stopProcess(directory);
    expect(startTimeOf(child)).toBeUndefined();
  });

  it("is killed when it ignores the request to end", async () => {
    const record = await start(`process.on("SIGTERM", () => {}); console.log("ready"); ${forever}`);
    await logOf(1);
    await stopProcess(directory, 0.2);
    expect(isAlive(record)).toBe(false);
  });

  it("has let go of its port once it counts as ended", async () => {
    // What a thread that ends a moment after its process does: it holds the port meanwhile.
    const holder = net.createServer().listen(0, "127.0.0.1");
    await once(holder, "listening");
    const { port } = holder.address() as net.AddressInfo;
    await start(forever, port);
    setTimeout(() => holder.close(), 300);
    await stopProcess(directory);
    expect(await isFree(port)).toBe(true);
  });

  it("is never taken for a later process with the same number", async () => {
    const record = await start(forever);
    const elsewhere = fs.mkdtempSync(path.join(os.tmpdir(), "another process "));
    fs.writeFileSync(recordFile(elsewhere), JSON.stringify({ ...record, startTime: "1" }));
    expect(liveRecord(elsewhere)).toBeUndefined();
    await stopProcess(elsewhere);
    expect(isAlive(record)).toBe(true);
    fs.rmSync(elsewhere, { recursive: true });
  });

  it("keeps the log of the run before", async () => {
    await start(`console.log("first"); ${forever}`);
    await logOf(1);
    await stopProcess(directory);
    await start(`console.log("second"); ${forever}`);
    expect(await logOf(1)).toEqual(["second"]);
    expect(fs.readFileSync(path.join(directory, "log.previous.txt"), "utf8")).toBe("first\n");
  });

  it("is ended with its children after it was killed alone, as by a kernel without memory", async () => {
    const record = await start(
      `const child = require("node:child_process").spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"],
         { stdio: "ignore", cwd: "/", env: {} });
       console.log(child.pid); ${forever}`,
    );
    const child = Number((await logOf(1))[0]);
    process.kill(record.pid, "SIGKILL");
    while (isAlive(record)) await sleep(10);
    expect(startTimeOf(child)).toBeDefined();
    await stopProcess(directory);
    expect(startTimeOf(child)).toBeUndefined();
  });

  it("is not the one of another checkout whose record was copied, and that one lives on", async () => {
    const original = await start(forever);
    const copy = fs.mkdtempSync(path.join(os.tmpdir(), "copied process "));
    fs.copyFileSync(recordFile(directory), recordFile(copy));
    expect(liveRecord(copy)).toBeUndefined();
    expect(processesOf(copy, { leaders: [original] })).toEqual([]);
    await stopProcess(copy, 0);
    fs.rmSync(copy, { recursive: true });
    expect(isAlive(original)).toBe(true);
    expect(liveRecord(directory)?.pid).toBe(original.pid);
  });

  it("is the one of a checkout that was moved", async () => {
    const original = await start(forever);
    const moved = `${directory} moved`;
    fs.renameSync(directory, moved);
    expect(liveRecord(moved)?.pid).toBe(original.pid);
    await stopProcess(moved, 0);
    fs.renameSync(moved, directory);
    expect(isAlive(original)).toBe(false);
  });

  it("never starts beside what an earlier one has left", async () => {
    const first = await start(
      `const child = require("node:child_process").spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"], { stdio: "inherit" });
       console.log(child.pid); ${forever}`,
    );
    const child = Number((await logOf(1))[0]);
    process.kill(first.pid, "SIGKILL");
    while (isAlive(first)) await sleep(10);
    const second = await start(forever);
    expect(startTimeOf(child)).toBeUndefined();
    expect(processesOf(directory).map(({ pid }) => pid)).toEqual([second.pid]);
  });

  it.each([
    [
      "was cut off",
      (file: string): void => {
        fs.truncateSync(file, 10);
      },
      "cannot be read",
    ],
    [
      "names no process",
      (file: string): void => {
        fs.writeFileSync(file, "{}");
      },
      "cannot be read",
    ],
  ])(
    "whose record %s is found on the machine, which is told, and its record is written anew",
    async (_, damage, told) => {
      const listening = `require("node:net").createServer().listen(0, "127.0.0.1", function () { console.log(this.address().port); });`;
      const record = await start(listening);
      const port = Number((await logOf(1))[0]);
      damage(recordFile(directory));
      const lines: string[] = [];
      const found = liveRecord(directory, (line) => lines.push(line));
      expect(found).toMatchObject({ pid: record.pid, startTime: record.startTime, port });
      expect(lines.join()).toContain(`${recordFile(directory)} ${told}`);
      expect(lines.join()).toContain(`its process was found on this machine (${record.pid})`);
      expect(liveRecord(directory, (line) => lines.push(line))).toEqual(found);
      expect(lines).toHaveLength(1);
      await stopProcess(directory);
      expect(isAlive(record)).toBe(false);
    },
  );

  it("of which nothing lives and whose record cannot be read is told too", async () => {
    await start(forever);
    await stopProcess(directory);
    fs.truncateSync(recordFile(directory), 10);
    const lines: string[] = [];
    expect(readRecord(directory, (line) => lines.push(line))).toBeUndefined();
    expect(lines.join()).toContain("no process of it lives on this machine");
  });

  it("inherits nothing that its command is not to inherit, and writes what only its user can read", async () => {
    process.env.FOREIGN_SETTING = "elsewhere";
    await startProcess({
      directory,
      command: process.execPath,
      arguments: [
        "-e",
        `console.log(JSON.stringify([process.env.FOREIGN_SETTING ?? "none", process.env.OWN])); ${forever}`,
      ],
      environment: { OWN: "here" },
      foreign: /^FOREIGN_/,
      port: 0,
    });
    delete process.env.FOREIGN_SETTING;
    expect(await logOf(1)).toEqual(['["none","here"]']);
    for (const name of ["", "process.json", "log.txt"]) {
      expect(fs.statSync(path.join(directory, name)).mode & 0o077).toBe(0);
    }
  });

  it("says why when the command does not exist, and leaves no record", async () => {
    const missing = { directory, command: "no-such-command", arguments: [], environment: {}, port: 0 };
    await expect(startProcess(missing)).rejects.toThrow("ENOENT");
    expect(readRecord(directory)).toBeUndefined();
  });
});
