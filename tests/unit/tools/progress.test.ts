import { describe, expect, it } from "vitest";
import { Problem } from "../../../tools/problem.mjs";
import { formatSeconds, type Part, PartFailure, runParts } from "../../../tools/progress.mjs";

function part(name: string, more: Partial<Part> = {}): Part {
  return {
    name,
    isDone: () => Promise.resolve(false),
    expect: () => ({ what: `make ${name}`, seconds: 60 }),
    run: () => Promise.resolve(undefined),
    ...more,
  };
}

async function run(...parts: readonly Part[]) {
  const lines: string[] = [];
  const failures = await runParts(parts, (line) => lines.push(line));
  return { lines, text: lines.join("\n"), failed: [...failures.keys()] };
}

describe("runParts", () => {
  it("says when a part starts, about how long it takes, and when it ended", async () => {
    const { lines, failed } = await run(part("one", { run: () => Promise.resolve("a remark") }));
    expect(lines[0]).toMatch(/start\s+one\s+make one \(about 60 s\)/);
    expect(lines[1]).toMatch(/done\s+one\s+0\.0 s, a remark/);
    expect(failed).toEqual([]);
  });

  it("is silent when nothing is to be done", async () => {
    expect((await run(part("one", { isDone: () => Promise.resolve(true) }))).lines).toEqual([]);
  });

  it("runs parts side by side", async () => {
    let release: (() => void) | undefined;
    const waits = new Promise<undefined>((resolve) => {
      release = () => {
        resolve(undefined);
      };
    });
    // Ends only if "two" runs while it waits.
    const one = part("one", { run: () => waits });
    const two = part("two", {
      run: () => {
        release?.();
        return Promise.resolve(undefined);
      },
    });
    expect((await run(one, two)).failed).toEqual([]);
  });

  it("does not start what needs a part that failed, and goes on with the rest", async () => {
    const { text, failed } = await run(
      part("one", { run: () => Promise.reject(new Problem("the disk is full", ["make room"])) }),
      part("two", { after: ["one"] }),
      part("three", { behind: ["one"] }),
    );
    expect(failed).toEqual(["one", "two"]);
    expect(text).toContain("the disk is full");
    expect(text).toContain("make room");
    expect(text).toMatch(/two\s+not done: it needs "one"/);
    expect(text).toMatch(/done\s+three/);
  });

  it("shows the end of a failed command's output and where all of it is", async () => {
    const output = Array.from({ length: 100 }, (_, index) => `line ${index}`).join("\n");
    const { text } = await run(part("Some part", { run: () => Promise.reject(new PartFailure("it failed:", output)) }));
    expect(text).toContain("line 99");
    expect(text).not.toContain("line 59\n");
    expect(text).toContain("some-part.log");
  });
});

describe("formatSeconds", () => {
  it.each([
    [0.04, "0.0 s"],
    [59.6, "60 s"],
    [343, "5 min 43 s"],
  ])("%d", (seconds, expected) => {
    expect(formatSeconds(seconds)).toBe(expected);
  });
});
