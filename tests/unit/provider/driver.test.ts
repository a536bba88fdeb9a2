import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { RunDescription } from "../../../contracts/driver";
import { recipeSchema } from "../../../contracts/recipe";
import { callDriver, describeWith, type DriverProgress } from "../../../provider/driver";
import { planForThisMachine } from "../../../recipe/plan";
import { sftDocument } from "../recipe/recipes";

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

  it.each([{ "A=B": "hush" }, { "": "hush" }, { "A B": ["hush"] }, "hush", ["hush"]])(
    "is not waited for, and no secret is shown, where the environment is %j",
    async (environment) => {
      const wrong = { ...orchestrator, environment: environment as unknown as Record<string, string> };
      const answer = await describeWith(wrong, request, { python }).catch(String);
      expect(answer).toContain("orchestrator.environment");
      expect(answer).not.toContain("hush");
    },
  );

  it("is not waited for where the request is not valid; what is secret is not shown", async () => {
    driverWrites({ event: "result", description: missing });
    const wrong = { ...orchestrator, environment: { AWS_SECRET_ACCESS_KEY: "hush\0" } };
    const answer = describeWith(wrong, { ...request, key: "../sft" }, { python });
    await expect(answer).rejects.toMatchObject({ code: "invalid-request" });
    await expect(answer).rejects.toThrow(/key: .*that begin with a letter/);
    await expect(answer).rejects.toThrow("orchestrator.environment.AWS_SECRET_ACCESS_KEY: must be a text without NUL");
    await expect(answer).rejects.not.toThrow("hush");
    expect(existsSync(join(folder, "request.json"))).toBe(false);
  });

  it("is not waited for where plan and recipe of a run do not fit", async () => {
    driverWrites({ event: "result", description: missing });
    const recipe = recipeSchema.parse(sftDocument);
    const plan = { ...planForThisMachine(recipe, { gpus: 0 }), microBatch: 5 };
    const run = { recipe, plan, placement: null, baseModelUri: null, modelsRoot: "s3://bucket/models", name: "sft" };
    const answer = describeWith(orchestrator, { operation: "start", key: "sft-1", flow: "sft", run }, { python });
    await expect(answer).rejects.toThrow("run: batch.global: got 32; the plan makes 5 (microBatch) x 1");
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
