import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { makePrivateFolder } from "../../../machine/privateFolder";

let parent: string;

beforeEach(() => {
  parent = fs.mkdtempSync(path.join(os.tmpdir(), "private-"));
});

afterEach(() => {
  fs.rmSync(parent, { recursive: true });
});

it("a folder is its user's alone, also one that others could enter before", () => {
  const older = path.join(parent, "older");
  fs.mkdirSync(older);
  fs.chmodSync(older, 0o755);
  for (const folder of [older, path.join(parent, "not", "there yet")]) {
    makePrivateFolder(folder);
    expect(fs.statSync(folder).mode & 0o777).toBe(0o700);
  }
});
