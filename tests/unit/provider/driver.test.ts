import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { RunDescription } from "../../../contracts/driver";
import { callDriver, describeWith, type DriverProgress } from "../../../provider/driver";

const orchestrator = { kind: "local", runsDirectory: "/runs", environment: {} } as const;
const request = { operation: "describe", key: "sft-1" } as const;

const missing: RunDescription = {
  ...{ status: "missing", runId: null, pathspec: null, startedAt: null, finishedAt: null, result: null },
  ...{ cards: [], logFile: null, damage: [], error: null },
};

describe("an answer of the driver", () => {
  let folder: string;
  let python: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "driver-"));
    python = join(folder, "python");
  });

  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  /** Has the driver write these lines. */
  function driverWrites(...lines: unknown[]): void {
    const texts = lines.map((line) => (typeof line === "string" ? line : JSON.stringify(line)));
    writeFileSync(python, `#!/bin/sh\ncat > "${folder}/request.json"\ncat <<'END'\n${texts.join("\n")}\nEND\n`);
    chmodSync(python, 0o700);
  }

  it("is the description of a run, after its progress", async () => {
    driverWrites(
      { event: "progress", phase: "train", step: 1, totalSteps: 4, loss: null, secondsLeft: 3.5 },
      { event: "step", step: "train", state: "finished" },
      { event: "result", description: missing },
    );
    const events: DriverProgress[] = [];
    const onProgress = (event: DriverProgress): void => void events.push(event);
    expect(await describeWith(orchestrator, request, { python, onProgress })).toEqual(missing);
    expect(events.map(({ event }) => event)).toEqual(["progress", "step"]);
  });

  it.each([
    [{ event: "result", description: { ...missing, colour: "red" } }, /description.*colour/],
    [{ event: "result", description: { ...missing, status: "lost" } }, /description\.status/],
    [{ event: "step", step: "train", state: "over" }, /state/],
    [{ event: "news" }, /event/],
    ["Traceback", /not valid JSON|Unexpected token/],
  ])("that is not in the contract is an error that names it: %j", async (line, problem) => {
    driverWrites(line, { event: "result", description: missing });
    const answer = describeWith(orchestrator, request, { python });
    await expect(answer).rejects.toThrow(problem);
    await expect(answer).rejects.toMatchObject({ code: "invalid-answer" });
  });

  it("may be an error, whose code it keeps", async () => {
    driverWrites({ event: "error", code: "disk-full", message: "make room" });
    const answer = callDriver(orchestrator, { operation: "stop-all" }, { python });
    await expect(answer).rejects.toMatchObject({ code: "disk-full", message: "make room" });
  });

  it("to one operation is not taken for that to another", async () => {
    driverWrites({ event: "stopped", stopped: [] });
    await expect(describeWith(orchestrator, request, { python })).rejects.toMatchObject({ code: "invalid-answer" });
    expect(await callDriver(orchestrator, { operation: "stop-all" }, { python })).toEqual({
      event: "stopped",
      stopped: [],
    });
  });
});
