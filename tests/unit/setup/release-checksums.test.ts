import * as fs from "node:fs";
import * as path from "node:path";
import { expect, it } from "vitest";
import { requiredVersion } from "../../../setup/go.mjs";
import { versitygwRelease } from "../../../setup/object-store-server.mjs";
import { pulumiRelease } from "../../../setup/pulumi-engine.mjs";
import { releaseChecksums } from "../../../setup/release-checksums.mjs";

const tools = path.join(__dirname, "..", "..", "..", "setup");

const required = (folder: string, module: string) =>
  requiredVersion(fs.readFileSync(path.join(tools, folder, "go.mod"), "utf8"), module);
const machines = [
  ["linux", "x64"],
  ["linux", "arm64"],
  ["darwin", "x64"],
  ["darwin", "arm64"],
] as const;

it("the releases have known checksums, each its own, for the versions that go.mod requires", () => {
  const pulumi = required("engine", "github.com/pulumi/pulumi/pkg/v3");
  const versitygw = required("object-store", "github.com/versity/versitygw");
  for (const [platform, architecture] of machines) {
    expect(pulumiRelease(pulumi, platform, architecture)).toBeDefined();
    expect(versitygwRelease(versitygw, platform, architecture)).toBeDefined();
  }
  const sums = Object.values(releaseChecksums).flatMap(({ sha256 }) => Object.values(sha256));
  expect(new Set(sums).size).toBe(8);
  for (const sum of sums) expect(sum).toMatch(/^[0-9a-f]{64}$/);
  expect(pulumiRelease("3.1.0", "linux", "x64")).toBeUndefined();
});
