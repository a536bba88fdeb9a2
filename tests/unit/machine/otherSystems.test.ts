import { describe, expect, it } from "vitest";
import { names, parseLsof } from "../../../machine/folderUsers";
import { parseListeningLsof, parseSocketTable } from "../../../machine/ports";
import { parsePsLine } from "../../../machine/processes.mjs";
import { askSystem } from "../../../machine/system-program.mjs";

/** How the answers of the programs that systems without /proc have, and of the kernel's tables, are read. */

describe("ps", () => {
  it("shows a process with its start, its group and whether a person's terminal has it", () => {
    const line = "  501     1   501 ttys001 S+   Sat Nov 28 20:42:05 2026 /usr/bin/vim a (b) c";
    expect(parsePsLine(line)).toEqual({
      pid: 501,
      parent: 1,
      group: 501,
      session: 501,
      hasTerminal: true,
      startTime: "Sat Nov 28 20:42:05 2026",
      command: "/usr/bin/vim a (b) c",
    });
    expect(parsePsLine(line.replace("ttys001", "??     "))?.hasTerminal).toBe(false);
  });

  it("shows no process that has ended, nor what is no process", () => {
    expect(parsePsLine("  501     1   501 ??  Z    Sat Nov 28 20:42:05 2026 (node)")).toBeUndefined();
    expect(parsePsLine("PID PPID")).toBeUndefined();
  });
});

describe("lsof", () => {
  it("shows who works in a folder, has files of it open, and writes its log", () => {
    const text = [
      ...["p10", "fcwd", "n/state/stacks/local/runs", "ftxt", "n/usr/bin/node"],
      ...["p11", "f1", "aw", "n/state/stacks/local/processes/store/log.txt"],
      ...["p12", "f5", "ar", "n/state/stacks/local/processes/store/log.txt", "f6", "au", "n/elsewhere/log.txt"],
      ...["p13", "fcwd", "n/state/stacks/local-2"],
    ].join("\n");
    const found = parseLsof(text, ["/state/stacks/local"]);
    expect([...found.keys()]).toEqual([10, 11, 12]);
    expect(found.get(10)).toEqual({ workingFolder: true, reads: false, writesLog: false });
    expect(found.get(11)).toEqual({ workingFolder: false, reads: true, writesLog: true });
    expect(found.get(12)).toEqual({ workingFolder: false, reads: true, writesLog: false });
  });

  it("shows the ports on which this machine listens", () => {
    const text = "p10\nf7\nn127.0.0.1:9000\np11\nf7\nn*:9000\nf8\nn[::1]:9001\n";
    expect(parseListeningLsof(text)).toEqual([
      { port: 9000, pids: [10, 11] },
      { port: 9001, pids: [11] },
    ]);
  });
});

describe("a program of the system", () => {
  it("is found where the shell's PATH lacks its folder", () => {
    expect(askSystem("ps", ["-p", "1", "-o", "pid="], { PATH: "" }).trim()).toBe("1");
  });

  it("that found nothing has said so, and one that did not run has said nothing", () => {
    expect(askSystem("sh", ["-c", "echo some; exit 1"])).toBe("some\n");
    expect(() => askSystem("no-such-program", [])).toThrow(
      /no-such-program cannot be run, and without it nobody knows/,
    );
  });
});

describe("the kernel's table of sockets", () => {
  it("shows those that listen", () => {
    const table = [
      "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode",
      "   0: 0100007F:7A4A 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4242 1 0 100 0 0 10 0",
      "   1: 0100007F:7A4A 0100007F:D431 01 00000000:00000000 00:00000000 00000000     0        0 4243 1 0 20 4 30 10 -1",
    ].join("\n");
    expect(parseSocketTable(table)).toEqual([{ port: 0x7a4a, inode: "4242" }]);
  });
});

describe("a text", () => {
  it.each([
    ["HOME=/state/stacks/local", true],
    ["A=/x:/state/stacks/local:/y", true],
    ["A=/state/stacks/local/store", true],
    ["A=/state/stacks/local-2", false],
    ["A=/state/stacks/local.old and /state/stacks/local", true],
    ["A=/state/stacks", false],
  ])("%s names the folder or does not", (text, expected) => {
    expect(names(text, "/state/stacks/local")).toBe(expected);
  });
});
