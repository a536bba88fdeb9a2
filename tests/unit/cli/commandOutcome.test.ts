import { parseArgs } from "node:util";
import { expect, it } from "vitest";
import { failed } from "../../../cli/commandOutcome";

const usage = "usage: npm run plan -- <recipe>";

/** What a command says of its arguments. */
function outcomeOf(...args: readonly string[]) {
  try {
    parseArgs({ args: [...args], options: { gpus: { type: "string" } }, allowPositionals: false });
  } catch (error) {
    return failed(error, 2, usage);
  }
  throw new Error("the arguments were taken");
}

it("an argument that a command does not know is named in one sentence, with how the command is used", () => {
  expect(outcomeOf("--gpu")).toEqual({ status: 2, stdout: "", stderr: `Unknown option '--gpu'.\n${usage}\n` });
  expect(outcomeOf("--gpus").stderr).toBe(`Option '--gpus <value>' argument missing.\n${usage}\n`);
  expect(outcomeOf("word").stderr).toMatch(new RegExp(`^Unexpected argument 'word'\\.[^\n]*\n${usage}\n$`));
});

it("any other error is told in its own words, whatever was thrown", () => {
  expect(failed(new Error("no such file. Look"), 1, usage).stderr).toBe("no such file. Look\n");
  expect(failed("a text", 1, usage).stderr).toBe("a text\n");
});
