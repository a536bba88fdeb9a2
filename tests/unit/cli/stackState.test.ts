import * as fs from "node:fs";
import * as path from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { TemporaryCheckout } from "../setup/temporaryCheckout";

const folder = ".posttraining/pulumi/state/.pulumi/stacks/posttraining";

let checkout: TemporaryCheckout;
let states: typeof import("../../../cli/stackState");

beforeAll(async () => {
  checkout = new TemporaryCheckout();
  checkout.linkPackages();
  states = await checkout.load<typeof states>("cli/stackState.ts");
});

afterEach(() => {
  fs.rmSync(checkout.file(".posttraining"), { recursive: true, force: true });
});

afterAll(() => {
  checkout.remove();
});

const write = (name: string, content: unknown): string =>
  checkout.write(`${folder}/${name}`, typeof content === "string" ? content : JSON.stringify(content));

const stack = { urn: "urn:stack", type: "pulumi:pulumi:Stack", outputs: { modelsRoot: "s3://models" } };
const pending = [{ type: "creating", resource: { urn: "urn:run" } }];

describe("a state", () => {
  it("has resources, operations that were cut short, and the salt of its secrets", () => {
    const latest = {
      resources: [stack],
      pending_operations: pending,
      secrets_providers: { type: "passphrase", state: { salt: "v1:a" } },
    };
    write("local.json", { version: 3, checkpoint: { stack: "local", latest } });
    expect(states.readState("local")).toEqual({ resources: [stack], pending, salt: "v1:a" });
    expect(states.readPlainOutputs("local")).toEqual({ modelsRoot: "s3://models" });
  });

  it("of a stack that was just made is empty", () => {
    for (const latest of [undefined, null, {}]) {
      write("local.json", { version: 3, checkpoint: { stack: "local", latest } });
      expect(states.readState("local")).toEqual({ resources: [], pending: [] });
      expect(states.readPlainOutputs("local")).toEqual({});
    }
  });

  it("of a stack that is not there is none", () => {
    expect(states.readState("local")).toBeUndefined();
    expect(states.readPlainOutputs("local")).toEqual({});
    expect(states.setStateAside("local")).toBeUndefined();
  });
});

describe("a state that cannot be read", () => {
  it.each([
    ["", "the file is empty"],
    [" \n", "the file is empty"],
    ["null", "it holds no checkpoint"],
    ["[]", "it holds no checkpoint"],
    ["{", "JSON"],
  ])("is refused: %j", (text, reason) => {
    write("local.json", text);
    for (const read of [states.readState, states.readPlainOutputs]) {
      expect(() => read("local")).toThrow(states.DamagedState);
      expect(() => read("local")).toThrow(reason);
    }
  });

  it("names what lies beside it, if that can be read", () => {
    write("local.json", "");
    const { message } = new states.DamagedState("local", states.stateFile("local"), "it is empty");
    expect(message).toContain(`The state of stack local, ${folder}/local.json, cannot be read: it is empty.`);
    expect(message).toContain("Beside it lies no older one that can be read.");
    expect(message).toContain("Older ones: .posttraining/pulumi/state/.pulumi/history/posttraining/local.");
    const backup = write("local.json.bak", { checkpoint: { latest: { resources: [stack, stack] } } });
    fs.utimesSync(backup, 0, 0);
    const found = new states.DamagedState("local", states.stateFile("local"), "it is empty").message;
    expect(found).toContain("the one before, of 1970-01-01 00:00:00, with 2 resources.");
    expect(found).toContain(`cp ${folder}/local.json.bak ${folder}/local.json\n`);
    expect(found).toContain("npm run pulumi -- refresh -s local");
  });

  it("is set aside with what lies beside it, and no other stack's is", () => {
    for (const name of ["local.json", "local.json.bak", "local-2.json"]) write(name, name);
    const aside = states.setStateAside("local") ?? "";
    expect(path.dirname(aside)).toBe(checkout.file(".posttraining/pulumi/set-aside"));
    expect(fs.readdirSync(aside).sort()).toEqual(["local.json", "local.json.bak"]);
    expect(fs.readdirSync(checkout.file(folder))).toEqual(["local-2.json"]);
    // It says what a person has in the cloud.
    expect(fs.statSync(aside).mode & 0o077).toBe(0);
  });
});
