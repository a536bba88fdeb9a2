import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readRecipe } from "../../../recipe/read";
import { keepRecord, recordFile, recordsOf } from "../../../rehearsal/records";
import { broken, contents, identityOf, recordOf } from "./records";

describe("what is kept of rehearsals", () => {
  let folder: string;
  beforeEach(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), "rehearsals-"));
  });
  afterEach(() => {
    fs.rmSync(folder, { recursive: true });
  });

  it("is read again, the newest first, and is of its recipe alone", () => {
    const [first, second] = [identityOf(), identityOf({ code: "0ther" })];
    keepRecord(recordOf(first, { at: "2026-11-29T12:00:00Z" }), folder);
    keepRecord(recordOf(second, { at: "2026-11-29T13:00:00Z" }), folder);
    keepRecord(recordOf(identityOf({ recipe: readRecipe("sft-3b") })), folder);
    expect(recordsOf("sft-70b", folder).map(({ report }) => report.identity)).toEqual([
      second.identity,
      first.identity,
    ]);
    expect(recordsOf("sft", folder)).toEqual([]);
  });

  it("takes the place of what was kept of the same run", () => {
    keepRecord(recordOf(identityOf(), broken), folder);
    const file = keepRecord(recordOf(identityOf()), folder);
    expect(file).toBe(recordFile("sft-70b", identityOf().identity, folder));
    expect(recordsOf("sft-70b", folder).map(({ report }) => report.passed)).toEqual([true]);
  });

  it.each(["", "{", '{"report": {"passed": true}}'])("proves nothing where a file holds %j", (text) => {
    fs.writeFileSync(recordFile("sft-70b", identityOf().identity, folder), text);
    expect(recordsOf("sft-70b", folder)).toEqual([]);
  });

  it("is nothing where nothing was rehearsed", () => {
    expect(recordsOf("sft-70b", path.join(folder, "missing"))).toEqual([]);
  });

  it("is no more than sixteen of a recipe: the oldest goes", () => {
    const identities = Array.from({ length: 17 }, (_, index) =>
      identityOf({ plan: { ...contents.plan, microBatch: index + 1 } }),
    );
    identities.forEach((identity, index) => {
      const file = keepRecord(recordOf(identity), folder);
      fs.utimesSync(file, index, index);
    });
    const kept = recordsOf("sft-70b", folder).map(({ report }) => report.identity);
    expect(kept).toHaveLength(16);
    expect(kept).not.toContain(identities[0]?.identity);
  });

  it("is for this user alone", () => {
    const file = keepRecord(recordOf(identityOf()), folder);
    expect(fs.statSync(file).mode & 0o077).toBe(0);
  });
});
