import { describe, expect, it } from "vitest";
import { stackNameProblem } from "../../../machine/stackName";
import { unknownStackProblem } from "../../../cli/stackName";

const known = ["local", "platform", "sft-3b"];

describe("a stack's name", () => {
  it.each(known)("%s may be one", (name) => {
    expect(stackNameProblem(name)).toBeUndefined();
    expect(unknownStackProblem(name, known)).toBeUndefined();
  });

  const refused = [
    ...["../../../victim", "victim/", "local/", "/local", "./local", "local/../local", ".", "..", "", " ", "~", "*"],
    ...[
      "Local",
      "LOCAL",
      "lócal",
      "local\n",
      "local ",
      "-local",
      "local-",
      "a".repeat(41),
      "organization/posttraining/local",
    ],
  ];

  it.each(refused)("%j is none, even where something of that name is known", (name) => {
    expect(stackNameProblem(name)).toMatch(/^must be 1 to 40 lower-case letters/);
    expect(unknownStackProblem(name, known)?.message).toContain("There is no stack");
  });

  it.each([
    ["Local", "local"],
    ["local/", "local"],
    ["/a/path/to/local", "local"],
  ])("%j is refused with the one that may be meant", (name, meant) => {
    expect(unknownStackProblem(name, known)?.message).toContain(`Did you mean ${meant}?`);
  });

  it("that no stack has is refused with those that there are", () => {
    expect(unknownStackProblem("staging", known)?.message).toBe(
      'There is no stack "staging" in this checkout.\n  Its stacks: local, platform, sft-3b.',
    );
  });
});
