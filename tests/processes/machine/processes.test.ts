import { afterEach, describe, expect, it } from "vitest";
import { endProcess, isAlive } from "../../../machine/processes.mjs";
import { endStarted, identify, start } from "../startedProcesses";

afterEach(endStarted);

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
