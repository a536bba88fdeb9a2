import { execFileSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { shellWord } from "../../../machine/shellWord";

const words = [
  "a/b-c.d",
  "optimizer.learningRate=1e-4",
  "",
  "two words",
  "it's",
  "$HOME `ls` \\",
  '{"a": 1}',
  "a\nb",
  "~",
  "*",
];

describe("shellWord", () => {
  it.each(words)("is read by a shell as it was: %j", (word) => {
    expect(execFileSync("sh", ["-c", `printf %s ${shellWord(word)}`], { encoding: "utf8" })).toBe(word);
  });

  it("leaves plain words as they are", () => {
    expect(shellWord("optimizer.learningRate=1e-4")).toBe("optimizer.learningRate=1e-4");
  });
});
