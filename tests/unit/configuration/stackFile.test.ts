import { expect, it } from "vitest";
import { readStackFile, stackNames } from "../../../configuration/stackFile";

it("a stack's configuration is what its committed file holds of ours", () => {
  expect(stackNames()).toEqual(expect.arrayContaining(["local", "platform"]));
  expect(readStackFile("platform")).toMatchObject({ kind: "platform" });
});

it.each(["locl", "../stacks/Pulumi.local", ""])(
  "a stack %j that has no file is refused with those that have one",
  (name) => {
    expect(() => readStackFile(name)).toThrow(
      `There is no such stack in stacks/: got "${name}"; allowed: ${stackNames().join(", ")}`,
    );
  },
);
