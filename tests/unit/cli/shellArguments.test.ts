import { describe, expect, it } from "vitest";
import { readShellArguments } from "../../../cli/shellArguments";

describe("readShellArguments", () => {
  it.each([
    [["local"], { stack: "local", print: false, command: [] }],
    [["local", "--print"], { stack: "local", print: true, command: [] }],
    [["local", "--", "python", "--version"], { stack: "local", print: false, command: ["python", "--version"] }],
    [["local", "--", "--print"], { stack: "local", print: false, command: ["--print"] }],
    [["--help"], "help"],
    [["-h", "local"], "help"],
  ])("reads %j", (parameters, expected) => {
    expect(readShellArguments(parameters)).toEqual(expected);
  });

  it.each([
    [[]],
    [["--print"]],
    [["--", "true"]],
    [["local", "--"]],
    [["local", "--", ""]],
    [["local", ""]],
    [["local", "platform"]],
    [["local", "--help"]],
    [["local", "--print", "--"]],
    [["local", "python", "--", "x"]],
  ])("refuses %j", (parameters) => {
    expect(() => readShellArguments(parameters)).toThrow(
      /^Usage: npm run shell -- <stack> \[--print \| -- <command>\]\n {2}For example: npm run shell -- local, or/,
    );
  });
});
