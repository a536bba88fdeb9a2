import { describe, expect, it } from "vitest";
import { readPulumiArguments } from "../../../cli/pulumiArguments";
import {
  asksForHelp,
  isDeployment,
  isPlainInitialization,
  isWholeUp,
  operationOf,
  removesStack,
  stackOperand,
  worksOnResources,
} from "../../../cli/pulumiCommands";

const lineOf = (text: string) => readPulumiArguments(text.split(" "));

describe("a command goes by all of its names", () => {
  it.each([
    ["up", ["up", "update"]],
    ["preview", ["preview", "pre"]],
    ["refresh", ["refresh"]],
    ["destroy", ["destroy", "down", "dn"]],
    ["cancel", ["cancel", "cancel local"]],
    ["config", ["config", "config set a b"]],
    ["stack init", ["stack init", "stack new mine", "stack create mine", "stack setup mine"]],
    ["stack rename", ["stack rename mine"]],
    ["stack rm", ["stack rm", "stack remove", "stack delete"]],
    ["stack select", ["stack select"]],
    [undefined, ["", "about", "stack", "stack ls", "init", "rm", "constructor"]],
  ])("%s", (operation, lines) => {
    for (const line of lines) expect(operationOf(line.split(" ")), line).toBe(operation);
  });

  it("whose second word is not taken for part of the first", () => {
    expect(operationOf(["stack init", "mine"])).toBeUndefined();
  });
});

describe("what a command does with a stack", () => {
  const operations = ["up", "preview", "refresh", "destroy", "cancel", "config", "stack rm", undefined] as const;

  it("says what it shall be, or works on what it is", () => {
    expect(operations.filter(isDeployment)).toEqual(["up", "preview"]);
    expect(operations.filter(worksOnResources)).toEqual(["up", "preview", "refresh", "destroy"]);
  });

  it.each([
    ["stack init mine", { name: "mine", isNew: true }],
    ["stack rename -s local mine", { name: "mine", isNew: true }],
    ["stack new", { name: undefined, isNew: true }],
    ["stack delete local", { name: "local", isNew: false }],
    ["stack select local", { name: "local", isNew: false }],
    ["cancel --yes local", { name: "local", isNew: false }],
    ["up local", { name: undefined, isNew: false }],
    ["stack export local", { name: undefined, isNew: false }],
  ])("%s names one", (text, operand) => {
    expect(stackOperand(lineOf(text).words)).toEqual(operand);
  });

  it.each([
    ["stack init local", true],
    ["stack create -y --no-select local", true],
    ["stack init local --non-interactive --color never -Q", true],
    ["stack init local --secrets-provider awskms://a", false],
    ["stack init local --copy-config-from=other", false],
    ["stack init local --unheard-of", false],
    ["stack select local", false],
  ])("%s leaves to this project how its secrets are sealed: %s", (text, plain) => {
    expect(isPlainInitialization(lineOf(text))).toBe(plain);
  });

  it.each([
    ["up --yes", true],
    ["update -s local", true],
    ["up -t urn:a", false],
    ["up --target=urn:a", false],
    ["up --target-dependents", false],
    ["up --exclude urn:a", false],
    ["preview", false],
  ])("%s is an up of the whole stack: %s", (text, whole) => {
    expect(isWholeUp(lineOf(text))).toBe(whole);
  });

  it.each([
    ["stack rm local", true],
    ["stack remove", true],
    ["destroy --remove", true],
    ["down --remove", true],
    ["dn --remove", true],
    ["destroy", false],
    ["stack --remove", false],
  ])("%s removes it: %s", (text, removes) => {
    expect(removesStack(lineOf(text))).toBe(removes);
  });

  it("does nothing where it is asked to explain itself", () => {
    expect(["up --help", "up -yh", "up -s h", "help"].map((text) => asksForHelp(lineOf(text)))).toEqual([
      ...[true, true, false, false],
    ]);
  });
});
