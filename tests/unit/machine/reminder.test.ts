import { describe, expect, it } from "vitest";
import { remind, stillUnderWay } from "../../../machine/reminder.mjs";
import { ManualClock } from "../setup/manualClock";

describe("stillUnderWay", () => {
  it.each([
    ["building from Go modules", 90.4, undefined, "building from Go modules, for 90 s"],
    ["building from Go modules", 150, undefined, "building from Go modules, for 2 min 30 s"],
    ["uv sync", 2, undefined, "uv sync, for 2 s"],
    ["unit tests", 60, { line: "  ok a.test.ts ", seconds: 25 }, "unit tests, for 60 s; 25 s ago: ok a.test.ts"],
    ["unit tests", 60, { line: " ", seconds: 25 }, "unit tests, for 60 s"],
  ])("%s, %d s, %j", (activity, seconds, last, expected) => {
    expect(stillUnderWay(activity, seconds, last)).toBe(expected);
  });

  it("cuts long lines", () => {
    expect(stillUnderWay("x", 20, { line: "y".repeat(500), seconds: 20 }).length).toBeLessThan(140);
  });
});

function start() {
  const clock = new ManualClock();
  const said: string[] = [];
  return { clock, said, reminder: remind("npm ci", (line) => said.push(line), clock) };
}

describe("remind", () => {
  it("says nothing for a while, and then what is under way and since when, again and again", () => {
    const { clock, said } = start();
    clock.pass(19);
    expect(said).toEqual([]);
    clock.pass(41);
    expect(said).toEqual(["npm ci, for 20 s", "npm ci, for 40 s", "npm ci, for 60 s"]);
  });

  it("never lets 30 s pass in silence", () => {
    const { clock, said, reminder } = start();
    clock.pass(3);
    reminder.said();
    clock.pass(26);
    expect(said).toHaveLength(1);
  });

  it("does not interrupt work that speaks for itself, and repeats its last line when it falls silent", () => {
    const { clock, said, reminder } = start();
    for (let line = 1; line <= 10; line += 1) {
      clock.pass(10);
      reminder.said(`line ${line}`);
    }
    expect(said).toEqual([]);
    clock.pass(25);
    expect(said).toEqual(["npm ci, for 2 min 0 s; 20 s ago: line 10"]);
  });

  it("knows what is under way now, and is not put off by the change", () => {
    const { clock, said, reminder } = start();
    clock.pass(10);
    reminder.begin("building");
    clock.pass(10);
    expect(said).toEqual(["building, for 10 s"]);
  });

  it("is silent once it is stopped", () => {
    const { clock, said, reminder } = start();
    reminder.stop();
    clock.pass(100);
    expect(said).toEqual([]);
  });
});
