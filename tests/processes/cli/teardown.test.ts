import * as fs from "node:fs";
import * as path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { isAlive, startTimeOf } from "../../../machine/processes.mjs";
import { TemporaryCheckout } from "../../unit/setup/temporaryCheckout";
import { endStarted, identify, start } from "../startedProcesses";

let checkout: TemporaryCheckout;

beforeEach(() => {
  checkout = new TemporaryCheckout();
  checkout.linkPackages();
});

afterEach(() => {
  endStarted();
  checkout.remove();
});

const record = (name: string, content: unknown) =>
  checkout.write(`.posttraining/stacks/local/processes/${name}/process.json`, JSON.stringify(content));

/** Runs teardown in the checkout as a person does, with nothing set up but the packages. */
const teardown = (...parameters: readonly string[]) =>
  checkout.run(["setup/run.mjs", "cli/teardown.ts", ...parameters], { PATH: path.dirname(process.execPath) });

describe("teardown", () => {
  it("wants the stack's name, and lists what there is", async () => {
    checkout.write(".posttraining/stacks/local/processes/store/log.txt", "kept");
    const { status, output } = await teardown();
    expect(status).toBe(1);
    expect(output).toMatch(/Which stack\?[^]*npm run teardown -- <stack>; there are: local, platform/);
    expect(fs.existsSync(checkout.file(".posttraining/stacks/local/processes/store/log.txt"))).toBe(true);
  });

  it("has nothing to do in a fresh checkout, and says so", async () => {
    const { status, output } = await teardown("local");
    expect(output).toContain("There is nothing of stack local to delete.");
    expect(status).toBe(0);
  });

  it("ends a server of which Pulumi knows nothing, and says so", async () => {
    const pid = await start("");
    const identity = identify(pid);
    record("store", { ...identity, port: 1 });
    const { status, output } = await teardown("local");
    expect(output).toContain(`Ending process ${pid}, which an interrupted command has left`);
    expect(isAlive(identity)).toBe(false);
    expect(status).toBe(0);
  });

  it("fails while something still works in the stack's folder, and keeps its records", async () => {
    const pid = await start("");
    record("store", { pid: 1, startTime: "1", port: 1 });
    const directory = checkout.file(".posttraining", "stacks", "local");
    const stranger = await start(`process.chdir(${JSON.stringify(directory)})`);
    const { status, output } = await teardown("local");
    expect(status).toBe(1);
    expect(output).toContain(`process ${stranger} (working folder)`);
    expect(fs.existsSync(path.join(directory, "processes", "store", "process.json"))).toBe(true);
    expect(startTimeOf(pid)).toBeDefined();
  });

  it.each(["../../victim", "local/"])("refuses %j, which is none of its stacks, and touches nothing", async (name) => {
    for (const folder of ["victim", ".posttraining/stacks/local"]) {
      for (const entry of ["runs", "processes/store", "cache"]) checkout.write(`${folder}/${entry}/file`, "kept");
    }
    const { status, output } = await teardown(name);
    expect(status).toBe(1);
    expect(output).toMatch(/There is no stack ".*" in this checkout\.\n(?:.*\n)*.*Its stacks: local, platform/);
    expect(output).not.toMatch(/^\s+at /m);
    for (const folder of ["victim", ".posttraining/stacks/local"]) {
      for (const entry of ["runs", "processes/store", "cache"]) {
        expect(fs.readFileSync(checkout.file(folder, entry, "file"), "utf8")).toBe("kept");
      }
    }
  });

  it.each([
    [["cli/pulumi.ts", "up", "-s", "../victim"], "../victim"],
    [["cli/pulumi.ts", "stack", "rm", "local/"], "local/"],
    [["cli/pulumi.ts", "cancel", "Local"], "Local"],
    [["cli/shell.ts", "local/"], "local/"],
  ])("is not the only command that asks for a stack's name: %j", async (parameters, name) => {
    const { status, output } = await checkout.run(["setup/run.mjs", ...parameters], {
      PATH: path.dirname(process.execPath),
    });
    expect(status).toBe(1);
    expect(output).toContain(`There is no stack ${JSON.stringify(name)} in this checkout.`);
    expect(fs.existsSync(checkout.file(".posttraining", "tools"))).toBe(false);
  });

  it("removes what the stack has made and nothing else, and through no link", async () => {
    checkout.write("elsewhere/objects/file", "kept");
    checkout.write(".posttraining/stacks/local/processes/store/log.txt", "gone");
    checkout.write(".posttraining/stacks/local/processes/store/notes.txt", "kept");
    checkout.write(".posttraining/stacks/local/runs/sft-0123456789ab/status.json", "gone");
    checkout.write(".posttraining/stacks/local/runs/analysis.ipynb", "kept");
    fs.symlinkSync(checkout.file("elsewhere"), checkout.file(".posttraining/stacks/local/cache"));
    const { status, output } = await teardown("local");
    expect(status).toBe(0);
    const left = fs
      .readdirSync(checkout.file(".posttraining", "stacks"), { recursive: true, encoding: "utf8" })
      .filter((file) => file.includes("."));
    expect(left.sort()).toEqual(["local/processes/store/notes.txt", "local/runs/analysis.ipynb"]);
    expect(output).toContain("Stays in .posttraining/stacks/local");
    expect(fs.readFileSync(checkout.file("elsewhere/objects/file"), "utf8")).toBe("kept");
  });

  it("ends nothing of a checkout from which this one was copied", async () => {
    const other = checkout.file("other", ".posttraining", "stacks", "local", "processes", "store");
    fs.mkdirSync(other, { recursive: true });
    const pid = await start("", { POSTTRAINING_DIRECTORY: other });
    record("store", { ...identify(pid), port: 1 });
    const { status, output } = await teardown("local");
    expect(output).not.toContain(`Ending process ${pid}`);
    expect(startTimeOf(pid)).toBeDefined();
    expect(status).toBe(0);
  });

  it("goes through no link that stands for one of its folders", async () => {
    checkout.write("elsewhere/sft-0123456789ab/status.json", "kept");
    fs.mkdirSync(checkout.file(".posttraining/stacks/local"), { recursive: true });
    fs.symlinkSync(checkout.file("elsewhere"), checkout.file(".posttraining/stacks/local/runs"));
    const { status, output } = await teardown("local");
    expect(status).toBe(1);
    expect(output).toContain("by a link, which does not lie below");
    expect(fs.existsSync(checkout.file("elsewhere/sft-0123456789ab/status.json"))).toBe(true);
  });
});

describe("a stack whose state cannot be read", () => {
  const states = ".posttraining/pulumi/state/.pulumi/stacks/posttraining";
  const good = JSON.stringify({
    version: 3,
    checkpoint: { stack: "local", latest: { resources: [{ urn: "u", type: "t" }] } },
  });

  it.each([
    ["was cut off", good.slice(0, 40)],
    ["is empty", ""],
    ["holds something else", "[]"],
  ])("is told with its file, what is beside it and how to restore it, when it %s", async (_, text) => {
    checkout.write(`${states}/platform.json`, text);
    checkout.write(`${states}/platform.json.bak`, good);
    const { status, output } = await teardown("platform");
    expect(status).toBe(1);
    expect(output).toContain(`The state of stack platform, ${states}/platform.json, cannot be read`);
    expect(output).toMatch(/Beside it lies the one before, of \d{4}-.*, with 1 resources/);
    expect(output).toContain(`cp ${states}/platform.json.bak ${states}/platform.json`);
    expect(fs.readFileSync(checkout.file(states, "platform.json"), "utf8")).toBe(text);
  });

  it("is ended without it, by its records and the machine, where it is one of this machine", async () => {
    checkout.write(`${states}/local.json`, good.slice(0, 40));
    const directory = checkout.file(".posttraining", "stacks", "local", "processes", "store");
    const pid = await start("", { POSTTRAINING_DIRECTORY: directory });
    record("store", { ...identify(pid), port: 1 });
    checkout.write(".posttraining/stacks/local/store/objects/posttraining/models/sft/1/config.json", "{}");
    const { status, output } = await teardown("local");
    expect(status).toBe(0);
    expect(startTimeOf(pid)).toBeUndefined();
    expect(output).toContain("Stack local is ended by its records and by what this machine shows.");
    expect(fs.existsSync(checkout.file(states, "local.json"))).toBe(false);
    // Nothing that may be of use is gone: what could not be read was set aside.
    expect(output).toMatch(/Its state lies in \.posttraining\/pulumi\/set-aside\/local-\d{4}/);
    expect(fs.existsSync(checkout.file(".posttraining", "stacks", "local"))).toBe(false);
  });

  it("is not taken for one that was never there when its file is gone", async () => {
    checkout.write(".posttraining/pulumi/configuration/Pulumi.platform.yaml", "encryptionsalt: v1:a\n");
    checkout.write(`${states}/platform.json.bak`, good);
    const { status, output } = await teardown("platform");
    expect(status).toBe(1);
    expect(output).toContain(`The state of stack platform, ${states}/platform.json, is gone`);
    expect(output).toContain(`cp ${states}/platform.json.bak ${states}/platform.json`);
    expect(fs.existsSync(checkout.file(".posttraining/pulumi/configuration/Pulumi.platform.yaml"))).toBe(true);
  });

  it("is ended by its records, with the data that goes with it, when the file is gone of one of this machine", async () => {
    checkout.write(".posttraining/pulumi/configuration/Pulumi.local.yaml", "encryptionsalt: v1:a\n");
    checkout.write(".posttraining/stacks/local/store/objects/posttraining/models/sft/1/config.json", "{}");
    checkout.write(".posttraining/stacks/local/metaflow/config.json", "{}");
    const { status, output } = await teardown("local");
    expect(status).toBe(0);
    expect(output).not.toContain("the state of stack local");
    expect(fs.existsSync(checkout.file(".posttraining", "stacks", "local"))).toBe(false);
    expect((await teardown("local")).output).toContain("There is nothing of stack local to delete.");
  });

  it("does not concern another stack", async () => {
    checkout.write(`${states}/platform.json`, good.slice(0, 40));
    expect((await teardown("local")).status).toBe(0);
  });

  it("cannot be ended by force where its resources are in a cloud", async () => {
    const { status, output } = await teardown("platform", "--without-state");
    expect(status).toBe(1);
    expect(output).toContain("Stack platform has resources in a cloud");
  });
});
