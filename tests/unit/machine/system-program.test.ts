import { describe, expect, it } from "vitest";
import { askSystem } from "../../../machine/system-program.mjs";

/** How the answers of the programs that systems without /proc have, and of the kernel's tables, are read. */

describe("a program of the system", () => {
  it("is found where the shell's PATH lacks its folder", () => {
    expect(askSystem("ps", ["-p", "1", "-o", "pid="], { PATH: "" }).trim()).toBe("1");
  });

  it("that found nothing has said so, and one that did not run has said nothing", () => {
    expect(askSystem("sh", ["-c", "echo some; exit 1"])).toBe("some\n");
    expect(() => askSystem("no-such-program", [])).toThrow(
      /no-such-program cannot be run, and without it nobody knows/,
    );
  });
});
