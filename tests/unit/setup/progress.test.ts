import { describe, expect, it } from "vitest";
import { formatSeconds } from "../../../machine/duration.mjs";
import { Problem } from "../../../setup/problem.mjs";
import { type Part, PartFailure, runParts } from "../../../setup/progress.mjs";
import { ManualClock } from "./manualClock";

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

describe("a part that says nothing for long", () => {
  /** Runs a part that does what it is told, and then waits until it is released. */
  function start(work: (context: Parameters<Part["run"]>[0]) => void, more: Partial<Part> = {}) {
    const clock = new ManualClock();
    const lines: string[] = [];
    let release: (() => void) | undefined;
    let hasBegun: (() => void) | undefined;
    const begun = new Promise<void>((resolve) => (hasBegun = resolve));
    const one = part("Some part", {
      run: async (context) => {
        work(context);
        hasBegun?.();
        await new Promise<void>((resolve) => (release = resolve));
        return undefined;
      },
      ...more,
    });
    const ended = runParts([one], (line) => lines.push(line), clock);
    return { clock, lines, begun, end: () => (release?.(), ended) };
  }

  it("is spoken for: what it does, and for how long it has", async () => {
    const { clock, lines, begun, end } = start(({ doing }) => {
      doing("building from Go modules");
    });
    await begun;
    clock.pass(50);
    expect(lines.slice(1)).toEqual([
      "          Some part  building from Go modules, for 20 s",
      "          Some part  building from Go modules, for 40 s",
    ]);
    await end();
    expect(clock.running).toBe(0);
  });

  it("is spoken for while it looks at what is there", async () => {
    let found: ((isDone: boolean) => void) | undefined;
    const { clock, lines, end } = start(() => undefined, {
      isDone: () => new Promise<boolean>((resolve) => (found = resolve)),
    });
    clock.pass(20);
    expect(lines).toEqual(["          Some part  looking at what is there, for 20 s"]);
    found?.(true);
    await end();
    expect(clock.running).toBe(0);
  });

  it("leaves no timer behind when it fails", async () => {
    const { clock, lines, end } = start(() => {
      throw new Problem("it broke");
    });
    await end();
    expect(lines.join()).toContain("it broke");
    expect(clock.running).toBe(0);
  });
});

describe("a part that is done", () => {
  it("waits for no other, and does not mind one that fails", async () => {
    const { failed } = await run(
      part("one", { run: () => Promise.reject(new Problem("no network")) }),
      part("two", { after: ["one"], isDone: () => Promise.resolve(true) }),
    );
    expect(failed).toEqual(["one"]);
  });
});

describe("parts that fail", () => {
  it("are told in their order, whichever fails first", async () => {
    const later = new Promise<undefined>((_resolve, reject) =>
      setImmediate(() => {
        reject(new Problem("later"));
      }),
    );
    const { failed } = await run(
      part("one", { run: () => later }),
      part("two", { run: () => Promise.reject(new Problem("at once")) }),
    );
    expect(failed).toEqual(["one", "two"]);
  });
});

describe("formatSeconds", () => {
  it.each([
    [0.04, "0.0 s"],
    [59.6, "60 s"],
    [343, "5 min 43 s"],
    [119.7, "2 min 0 s"],
  ])("%d", (seconds, expected) => {
    expect(formatSeconds(seconds)).toBe(expected);
  });
});
