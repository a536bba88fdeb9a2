import { describe, expect, it } from "vitest";
import { endingDefaults, supportedDefaults } from "../../../catalog/supportedDefaults";

/** Days before the end of a version's support on which its default must be gone. */
const notice = 60;

describe("default versions", () => {
  it("are supported for 60 days from today on", () => {
    expect(endingDefaults(new Date(), notice)).toEqual([]);
  });

  it("stand among the versions whose dates are known, in the order of these", () => {
    for (const { version, versions } of supportedDefaults) {
      expect(versions.map((known) => known.version)).toContain(version);
      expect(versions.map(({ until }) => until)).toEqual(versions.map(({ until }) => until).toSorted());
    }
  });
});

describe("endingDefaults", () => {
  const defaults = [
    {
      what: "Kubernetes",
      constant: "the constant",
      version: "1.2",
      source: "the calendar",
      versions: [
        { version: "1.2", until: "2026-12-02" },
        { version: "1.3", until: "2027-03-27" },
      ],
    },
  ];
  const on = (date: string) => endingDefaults(new Date(date), notice, defaults);

  it("says which default ends, when, and what to write", () => {
    expect(on("2026-10-03")).toEqual([]);
    expect(on("2026-10-04")).toEqual([
      'Kubernetes: support of the default 1.2 ends on 2026-12-02; write "1.3" (until 2027-03-27) for the constant, then run `npm run golden`',
    ]);
  });

  it("says where to look when no later version is known, or the default is none of those that are", () => {
    expect(on("2027-02-01")[0]).toContain("no later one is known here: add those of the calendar");
    const [unknown] = endingDefaults(
      new Date("2026-01-01"),
      notice,
      defaults.map((each) => ({ ...each, version: "1.9" })),
    );
    expect(unknown).toBe("Kubernetes: the default 1.9 has no date; look it up in the calendar");
  });
});
