import { describe, expect, it } from "vitest";
import { names, parseLsof } from "../../../machine/folderUsers";
import { parseListeningLsof } from "../../../machine/ports";

/** How the answers of the programs that systems without /proc have, and of the kernel's tables, are read. */

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
