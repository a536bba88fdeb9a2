import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import * as fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { contentHash, flowCodeHash } from "../../../../components/run/contentHash";

describe("the content hash", () => {
  it("does not depend on the order of keys", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
        const reversed = Object.fromEntries(Object.entries(value).reverse());
        return contentHash(value) === contentHash(reversed);
      }),
    );
  });

  it("differs when any value differs", () => {
    expect(contentHash({ a: [1, 2] })).not.toBe(contentHash({ a: [2, 1] }));
    expect(contentHash({ a: null })).not.toBe(contentHash({}));
  });
});

describe("the hash of a flow's code", () => {
  let directory: string;
  const write = (file: string, text: string): void => {
    fs.mkdirSync(path.dirname(path.join(directory, file)), { recursive: true });
    fs.writeFileSync(path.join(directory, file), text);
  };
  beforeEach(() => {
    directory = fs.mkdtempSync(path.join(os.tmpdir(), "flows-"));
    write("sft/flow.py", "flow");
    write("posttraining/gate.py", "gate");
  });
  afterEach(() => {
    fs.rmSync(directory, { recursive: true });
  });

  it("changes with the flow, the library and its tasks", () => {
    const hashes = new Set([flowCodeHash("sft", directory)]);
    for (const file of ["sft/flow.py", "posttraining/gate.py", "posttraining/tasks/sums.yaml"]) {
      write(file, "changed");
      hashes.add(flowCodeHash("sft", directory));
    }
    expect(hashes.size).toBe(4);
  });

  it("does not change with documentation, caches, the driver or another method's flow", () => {
    const before = flowCodeHash("sft", directory);
    for (const file of [
      "sft/README.md",
      "posttraining/__pycache__/gate.py",
      "posttraining/driver/main.py",
      "dpo/flow.py",
    ]) {
      fs.mkdirSync(path.join(directory, "dpo"), { recursive: true });
      write(file, "changed");
    }
    expect(flowCodeHash("sft", directory)).toBe(before);
  });
});
