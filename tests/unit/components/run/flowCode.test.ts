import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { flowCode, rehearsalCodeHash } from "../../../../components/run/flowCode";
import { layout } from "../../../../machine/checkout.mjs";

describe("what of a checkout a run is made of", () => {
  let directory: string;
  const write = (file: string, text: string): void => {
    fs.mkdirSync(path.dirname(path.join(directory, file)), { recursive: true });
    fs.writeFileSync(path.join(directory, file), text);
  };
  const code = (): string => flowCode("sft", directory).code;
  const packages = (): string => flowCode("sft", directory).packages;
  beforeEach(() => {
    directory = fs.mkdtempSync(path.join(os.tmpdir(), "flows-"));
    write("sft/flow.py", "flow");
    write("posttraining/gate.py", "gate");
    for (const file of ["uv.lock", ".python-version"])
      fs.copyFileSync(path.join(layout.flows, file), path.join(directory, file));
  });
  afterEach(() => {
    fs.rmSync(directory, { recursive: true });
  });

  it("is another code with the flow, the library, its tasks and the method's own module", () => {
    const hashes = new Set([code()]);
    for (const file of [
      "sft/flow.py",
      "posttraining/gate.py",
      "posttraining/tasks/sums.yaml",
      "posttraining/methods/sft.py",
      "posttraining/chat_templates/plain.jinja",
      "posttraining/methods/method.py",
      "posttraining/grpo.py",
    ]) {
      write(file, "changed");
      hashes.add(code());
    }
    expect(hashes.size).toBe(8);
  });

  it("is the same code with other documentation, caches, driver, types, facts, other methods and their list", () => {
    const before = code();
    for (const file of [
      "sft/README.md",
      "posttraining/__pycache__/gate.py",
      "posttraining/driver/main.py",
      "posttraining/rehearsal/scaling.py",
      "sizing_oracle/trace.py",
      "posttraining/contracts/recipe.py",
      "posttraining/methods/sft.facts.json",
      "posttraining/methods/grpo.py",
      "posttraining/methods/__init__.py",
      "dpo/flow.py",
    ]) {
      write(file, "changed");
      expect(code(), file).toBe(before);
    }
  });

  it("is rehearsed by code of its own, which is another with each of its files and no other", () => {
    const hashes = [rehearsalCodeHash(directory)];
    for (const file of [
      "posttraining/rehearsal/scaling.py",
      "posttraining/rehearsal/families.json",
      "sizing_oracle/trace.py",
    ]) {
      write(file, "changed");
      hashes.push(rehearsalCodeHash(directory));
    }
    expect(new Set(hashes).size).toBe(4);
    write("posttraining/gate.py", "changed");
    write("sft/flow.py", "changed");
    expect(rehearsalCodeHash(directory)).toBe(hashes.at(-1));
  });

  it("is the same code while an editor keeps files of its own beside it, links to nothing among them", () => {
    const before = code();
    fs.symlinkSync("somebody@a-machine.4711", path.join(directory, "posttraining", ".#gate.py"));
    write("posttraining/.ipynb_checkpoints/gate.py", "a copy");
    expect(code()).toBe(before);
  });

  it.each([
    ["is not there", undefined],
    ["holds a conflict", "<<<<<<< HEAD\nversion = 1\n=======\nversion = 2\n>>>>>>> other\n"],
    ["is of another form", "version = 2\npackage = []\n"],
  ])("cannot be told, by name, while the lock %s", (_how, text) => {
    if (text === undefined) fs.rmSync(path.join(directory, "uv.lock"));
    else write("uv.lock", text);
    expect(packages).toThrow(`${path.join(directory, "uv.lock")}, which names the packages of runs, cannot be read: `);
  });

  it("is other packages with another TRL, also of what it needs, and the same with another linter", () => {
    const lock = fs.readFileSync(path.join(directory, "uv.lock"), "utf8");
    const withVersion = (name: string): string =>
      lock.replace(new RegExp(`name = "${name}"\\nversion = "[^"]+"`), `name = "${name}"\nversion = "99.0"`);
    const [before, codeBefore] = [packages(), code()];
    for (const [name, changes] of [
      ["trl", true],
      ["lm-eval", true],
      ["metaflow", true],
      // Of transformers.
      ["safetensors", true],
      ["ruff", false],
      ["pytest", false],
      ["vllm", false],
    ] as const) {
      expect(withVersion(name)).not.toBe(lock);
      write("uv.lock", withVersion(name));
      expect(packages() !== before, name).toBe(changes);
      expect(code()).toBe(codeBefore);
    }
    write("uv.lock", `# a comment\n${lock}`);
    expect(packages()).toBe(before);
  });
});
