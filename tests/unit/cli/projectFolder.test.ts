import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { expect, it } from "vitest";
import { projectFolder } from "../../../cli/projectFolder";
import { projectRoot } from "../../../machine/layout";

it("knows the checkout's project by every folder that has none of its own", () => {
  expect(projectFolder(projectRoot)).toBe(projectRoot);
  expect(projectFolder(path.join(projectRoot, "stacks"))).toBe(projectRoot);
  expect(projectFolder(path.join(projectRoot, "examples"))).toBe(projectRoot);
});

it("tells a project inside of the checkout from it", () => {
  const example = path.join(projectRoot, "examples", "local-chain");
  expect(projectFolder(example)).toBe(example);
});

it("finds none where there is none", () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "posttraining-"));
  expect(projectFolder(folder)).toBeUndefined();
  fs.rmSync(folder, { recursive: true });
});
