import * as fs from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { stackNames } from "./documents";
import { platformOutputsSchema, sealedPlatformOutputsSchema } from "../../contracts/stackOutputs";
import { type Dump, withText } from "./dump";
import { dumpStack, goldenFile, stackText } from "./stacks";

describe.each(stackNames)("%s", (name) => {
  let dump: Dump;

  beforeAll(async () => {
    dump = await dumpStack(name);
  });

  it("registers what the committed file says; `npm run golden` writes it anew", () => {
    expect(stackText(name, dump)).toBe(fs.readFileSync(goldenFile(name), "utf8"));
  });

  it("has the outputs that contracts/stackOutputs.ts promises, and no others", () => {
    const outputs = withText(dump.outputs) as Record<string, unknown>;
    expect(platformOutputsSchema.safeParse(outputs).error).toBeUndefined();
    expect(platformOutputsSchema.safeParse({ ...outputs, more: 1 }).success).toBe(false);
    expect(sealedPlatformOutputsSchema.parse({ ...outputs, metaflowEnvironment: { sealed: true } }).kind).toBe(
      "platform",
    );
  });

  it("leaves no resource to a provider that the environment would choose", () => {
    const left = dump.resources.filter(
      ({ type, provider }) => /^(?:aws|kubernetes):/.test(type) && provider === undefined,
    );
    expect(left.map(({ path }) => path)).toEqual([]);
  });

  it("puts no value into a string that does not exist", () => {
    expect(stackText(name, dump)).not.toMatch(/\bundefined\b|\[object Object\]|Calling \[toString\]/);
  });

  it("gives every resource a name of its own", () => {
    const names = dump.resources.map(({ type, path }) => `${type} ${path.split("/").at(-1) ?? ""}`);
    expect(names.filter((each, index) => names.indexOf(each) !== index)).toEqual([]);
  });
});
