import * as fs from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { TemporaryCheckout } from "../setup/temporaryCheckout";

type StackConfiguration = typeof import("../../../cli/stackConfiguration");

let checkout: TemporaryCheckout;
let configuration: StackConfiguration;

beforeEach(async () => {
  checkout = new TemporaryCheckout();
  checkout.linkPackages();
  configuration = await checkout.load<StackConfiguration>("cli/stackConfiguration.ts");
});

afterEach(() => {
  checkout.remove();
});

const salt = "encryptionsalt: v1:abc=:v1:def:ghi==\n";

describe("configurationFile", () => {
  it("is the committed file with the salt, and follows every edit of it", () => {
    const committed = checkout.write(
      "stacks/Pulumi.mine.yaml",
      "# why\nconfig:\n  posttraining:stack:\n    kind: local\n",
    );
    checkout.write(".posttraining/pulumi/configuration/Pulumi.mine.yaml", salt);
    const file = configuration.configurationFile("mine") ?? "";
    expect(parse(fs.readFileSync(file, "utf8"))).toEqual({
      config: { "posttraining:stack": { kind: "local" } },
      encryptionsalt: "v1:abc=:v1:def:ghi==",
    });
    fs.appendFileSync(committed, "    store:\n      removal: retain\n");
    configuration.configurationFile("mine");
    expect(parse(fs.readFileSync(file, "utf8"))).toMatchObject({
      config: { "posttraining:stack": { store: { removal: "retain" } } },
    });
    expect(fs.readFileSync(committed, "utf8")).not.toContain("encryptionsalt");
  });

  it.each(["encryptionsalt: v1:own", "secretsprovider: awskms://alias/stacks"])(
    "leaves a stack alone whose committed file has its own %s",
    (line) => {
      checkout.write("stacks/Pulumi.mine.yaml", `config: {}\n${line}\n`);
      checkout.write(".posttraining/pulumi/configuration/Pulumi.mine.yaml", salt);
      expect(configuration.configurationFile("mine")).toBeUndefined();
      expect(configuration.folderForNewStack("mine")).toBeUndefined();
      expect(configuration.needsInitialization("mine")).toBe(false);
    },
  );
});

describe("what a stack is", () => {
  it.each([
    ["in lines", "config:\n  posttraining:stack:\n    kind: local\n    store:\n      removal: remove\n"],
    ["in braces", "config:\n  posttraining:stack: { kind: local, store: { removal: remove }, stages: [] }\n"],
    ["in quotes", 'config:\n  "posttraining:stack":\n    "kind": "local"\n    "store": { "removal": "remove" }\n'],
    ["with an anchor", 'config:\n  posttraining:stack:\n    kind: &k "local"\n    store:\n      removal: remove\n'],
  ])("is read as Pulumi reads it, however it is written: %s", (_how, text) => {
    checkout.write("stacks/Pulumi.mine.yaml", text);
    expect(configuration.isLocal("mine")).toBe(true);
    expect(configuration.removesData("mine")).toBe(true);
    checkout.write("stacks/Pulumi.mine.yaml", text.replace("remove", "retain"));
    expect(configuration.removesData("mine")).toBe(false);
  });
});

describe("a salt", () => {
  it("that was lost or cut off is that of the state again, and a whole one stays as it is", () => {
    checkout.write("stacks/Pulumi.mine.yaml", "config: {}\n");
    const file = checkout.file(".posttraining/pulumi/configuration/Pulumi.mine.yaml");
    configuration.keepSalt("mine", "v1:abc=:v1:def:ghi==");
    expect(fs.readFileSync(file, "utf8")).toBe(salt);
    fs.truncateSync(file, 22);
    configuration.keepSalt("mine", "v1:abc=:v1:def:ghi==");
    expect(fs.readFileSync(file, "utf8")).toBe(salt);
    checkout.write("stacks/Pulumi.mine.yaml", "config: {}\nencryptionsalt: v1:own\n");
    fs.rmSync(file);
    configuration.keepSalt("mine", "v1:abc=:v1:def:ghi==");
    expect(fs.existsSync(file)).toBe(false);
  });
});

describe("a new stack", () => {
  it("is made when it is first used, if it has a file", () => {
    checkout.write("stacks/Pulumi.mine.yaml", "config: {}\n");
    expect(configuration.needsInitialization("mine")).toBe(true);
    expect(configuration.needsInitialization("misspelt")).toBe(false);
    checkout.write(".posttraining/pulumi/configuration/Pulumi.mine.yaml", salt);
    expect(configuration.needsInitialization("mine")).toBe(false);
  });

  it("leaves its salt in a project of the same name, and does not find that of a stack which is gone", () => {
    checkout.write("stacks/Pulumi.mine.yaml", "config: {}\n");
    const old = checkout.write(".posttraining/pulumi/configuration/Pulumi.mine.yaml", salt);
    const folder = configuration.folderForNewStack("mine") ?? "";
    expect(parse(fs.readFileSync(`${folder}/Pulumi.yaml`, "utf8"))).toMatchObject({
      name: configuration.projectName(),
    });
    expect(fs.existsSync(old)).toBe(false);
  });
});

describe("kindIn", () => {
  it.each([
    ["config:\n  posttraining:stack:\n    kind: local\n", "local"],
    [
      "config:\n  posttraining:stack:\n    owner: me\n    compute:\n      kind: aws\n    kind: platform # ours\n",
      "platform",
    ],
    ['config:\n  posttraining:stack:\n    kind: "experiment"\n', "experiment"],
    ["config:\n  posttraining:stack:\n    kind: platforms\n", undefined],
    ["", undefined],
  ])("%j makes %s", (text, kind) => {
    expect(configuration.kindIn(text)).toBe(kind);
  });
});

describe("isLocal", () => {
  it("tells stacks that need training and serving here", () => {
    checkout.write("stacks/Pulumi.mine.yaml", "config:\n  posttraining:stack:\n    kind: local\n");
    checkout.write("stacks/Pulumi.cloud.yaml", "config:\n  posttraining:stack:\n    kind: platform\n");
    expect(configuration.isLocal("mine")).toBe(true);
    expect(configuration.isLocal("cloud")).toBe(false);
  });
});
