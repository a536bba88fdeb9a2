import { describe, expect, it } from "vitest";
import { parsePsLine } from "../../../machine/processes.mjs";

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
