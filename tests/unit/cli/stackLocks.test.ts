import { describe, expect, it } from "vitest";
import { lockProblem, sortLocks } from "../../../cli/stackLocks";

const lock = { pid: 10, username: "ada", hostname: "here", timestamp: "2026-01-02T03:04:05.678901Z" };

describe("sortLocks", () => {
  it("keeps the lock of a Pulumi command that lives", () => {
    expect(sortLocks([lock], "here", [{ pid: 10, command: "/x/pulumi up" }]).held).toEqual([lock]);
  });

  it("gives up the lock of a command that was killed, also when its number was used again", () => {
    expect(sortLocks([lock], "here", []).dead).toEqual([lock]);
    expect(sortLocks([lock], "here", [{ pid: 10, command: "/usr/bin/vim" }]).dead).toEqual([lock]);
  });

  it("keeps the lock of another machine, whose processes cannot be seen", () => {
    expect(sortLocks([lock], "elsewhere", []).held).toEqual([lock]);
  });
});

describe("lockProblem", () => {
  it("names the holder", () => {
    expect(lockProblem("local", [lock], "here").message).toContain("process 10 of ada, since 2026-01-02 03:04:05 UTC");
  });

  it("says how the lock of another machine is removed", () => {
    const { message } = lockProblem("local", [lock], "elsewhere");
    expect(message).toContain("process 10 on here");
    expect(message).toContain("npm run pulumi -- cancel --yes local");
  });
});
