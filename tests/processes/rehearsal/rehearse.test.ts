import * as fs from "node:fs";
import * as path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { layout } from "../../../machine/checkout.mjs";
import { processesOf } from "../../../machine/folderUsers";
import { makePrivateFolder } from "../../../machine/privateFolder";
import { recordsOf } from "../../../rehearsal/records";
import { type Rehearsal, rehearse, requestOf } from "../../../rehearsal/rehearse";
import { contents, identityOf } from "../../unit/rehearsal/records";

const standIn = path.join(__dirname, "standIn.mjs");

describe("a rehearsal", () => {
  let folder: string;
  let lines: string[];
  let ended: AbortController;
  beforeEach(() => {
    makePrivateFolder(layout.rehearsals);
    folder = fs.mkdtempSync(path.join(layout.rehearsals, "test-"));
    lines = [];
    ended = new AbortController();
  });
  afterEach(() => {
    fs.rmSync(folder, { recursive: true });
  });

  const rehearsal = (...words: string[]): Rehearsal => ({
    identity: identityOf(),
    recipe: contents.recipe,
    plan: contents.plan,
    processes: 2,
    fullShape: false,
    folder: path.join(folder, "work"),
    command: [process.execPath, standIn, ...words],
    records: path.join(folder, "records"),
  });
  const run = (...words: string[]) =>
    rehearse(rehearsal(...words), { onLine: (line) => lines.push(line), signal: ended.signal });
  const kept = () => recordsOf("sft-70b", path.join(folder, "records"));
  const work = (): string[] => fs.readdirSync(path.join(folder, "work"));

  it("that passes is kept, tells how far it is, and leaves no folder of work", async () => {
    const record = await run();
    expect(lines).toEqual(["rehearsing sft-70b with 2 processes"]);
    expect(record).toMatchObject({
      report: { passed: true },
      rehearsalCode: "abc1",
      leftOut: ["the dry run at full size"],
    });
    expect(kept()).toEqual([record]);
    expect(work()).toEqual([]);
  });

  it("that fails is kept as one, and its folder of work stays to be looked at", async () => {
    const { report } = await run("fails");
    expect(report.passed).toBe(false);
    expect(kept().map((record) => record.report.passed)).toEqual([false]);
    expect(work()).toHaveLength(1);
    expect(lines.at(-1)).toMatch(/^what it made is kept in \.posttraining\//);
  });

  it.each([
    ["dies", "it ended with status 2\n  | rehearsing sft-70b with 2 processes\n"],
    ["silent", "its report cannot be read"],
    ["garbled", "its report cannot be read"],
    ["odd", "its report is not as contracts/rehearsal.ts says: more: is not a known key"],
    ["other", "its report is of another run"],
    ["lies", "it ended with status 0, and its report says that it failed"],
  ])(
    "whose program %s could not be carried out, which its last lines and its log tell, and nothing is kept",
    async (word, text) => {
      const error: unknown = await run(word).catch((reason: unknown) => reason);
      expect(String(error)).toContain(text);
      expect(String(error)).toContain("  | a warning of a library");
      expect(String(error)).toMatch(/Whole log: .*log\.txt/);
      expect(kept()).toEqual([]);
    },
  );

  it("ends what its program has left behind", async () => {
    await run("leaves");
    expect(lines.at(-1)).toMatch(/^child \d+$/);
    expect(processesOf(folder)).toEqual([]);
  });

  it("that somebody ends leaves no process and proves nothing", async () => {
    const running = run("hangs");
    const outcome = running.then(() => "passed", String);
    while (!lines.some((line) => line.startsWith("child"))) await new Promise((resolve) => setTimeout(resolve, 50));
    expect(processesOf(folder)).toHaveLength(2);
    ended.abort(new Error("ended by hand"));
    expect(await outcome).toBe("Error: ended by hand");
    expect(processesOf(folder)).toEqual([]);
    expect(kept()).toEqual([]);
  });

  it("asks the hub unless the environment says not to", () => {
    expect(requestOf(rehearsal(), folder, {}).useHub).toBe(true);
    expect(requestOf(rehearsal(), folder, { HF_HUB_OFFLINE: "1" }).useHub).toBe(false);
  });
});
