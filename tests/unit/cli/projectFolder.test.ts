import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { expect, it } from "vitest";
import { projectFolder } from "../../../cli/projectFolder";
import { root } from "../../../machine/checkout.mjs";

it("knows the checkout's project by every folder that has none of its own", () => {
  expect(projectFolder(root)).toBe(root);
  expect(projectFolder(path.join(root, "stacks"))).toBe(root);
  expect(projectFolder(path.join(root, "examples"))).toBe(root);
});

it("tells a project inside of the checkout from it", () => {
  const example = path.join(root, "examples", "local-chain");
  expect(projectFolder(example)).toBe(example);
});

it("finds none where there is none", () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "posttraining-"));
  expect(projectFolder(folder)).toBeUndefined();
  fs.rmSync(folder, { recursive: true });
});
