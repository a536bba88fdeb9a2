import { describe, expect, it } from "vitest";
import { changedFiles } from "../../../dev/changedFiles";

/** A git that answers as is said, by its parameters. */
const gitOf =
  (answers: Readonly<Record<string, readonly string[]>>) =>
  (...parameters: readonly string[]): Promise<string[] | undefined> => {
    const answer = answers[parameters.join(" ")];
    return Promise.resolve(answer === undefined ? undefined : [...answer]);
  };

const untracked = "ls-files --others --exclude-standard";
const before = "rev-parse --verify --quiet HEAD~1";

describe("the files of a change", () => {
  it("are those since its branch left the main one, with what is not committed", async () => {
    const git = gitOf({
      "rev-parse HEAD": ["head"],
      "merge-base HEAD origin/main": ["base"],
      "diff --name-only base": ["b.py", "a.py"],
      [untracked]: ["c.py"],
    });
    expect(await changedFiles(git)).toEqual(["a.py", "b.py", "c.py"]);
  });

  it("are those since the commit before on the main branch itself, and in a clone without one", async () => {
    const answers = { [before]: ["before"], "diff --name-only before": ["a.py"] };
    const onMain = { ...answers, "rev-parse HEAD": ["head"], "merge-base HEAD origin/main": ["head"] };
    expect(await changedFiles(gitOf(onMain))).toEqual(["a.py"]);
    expect(await changedFiles(gitOf(answers))).toEqual(["a.py"]);
  });

  it("are not known without history", async () => {
    expect(await changedFiles(gitOf({}))).toBeUndefined();
    expect(await changedFiles(gitOf({ "rev-parse HEAD": ["head"] }))).toBeUndefined();
  });
});
