import { describe, expect, it } from "vitest";
import { networkArgumentErrors } from "../../../../components/network/networkArguments";

const zones = ["us-east-1a", "us-east-1b", "us-east-1c"];

function reasonsOf(cidr: string, availabilityZones: readonly string[] = zones): string[] {
  return networkArgumentErrors({ cidr, availabilityZones }).map(
    ({ propertyPath, reason }) => `${propertyPath}: ${reason}`,
  );
}

describe("networkArgumentErrors", () => {
  it("says which size would do when the range is too small", () => {
    expect(reasonsOf("10.64.48.0/20")).toEqual([
      expect.stringMatching(
        /^cidr: got "10\.64\.48\.0\/20"; it is too small: .*choose a \/18 or larger, such as "10\.64\.0\.0\/18"$/,
      ),
    ]);
    expect(reasonsOf("10.64.192.0/19")[0]).toContain('such as "10.64.192.0/18"');
  });

  it("accepts every range that it proposes", () => {
    const proposals = ["10.64.48.0/20", "10.64.3.0/16", "10.0.0.0/15", "8.8.0.0/16", "nonsense", "192.168.255.0/24"];
    for (const cidr of proposals) {
      const [reason = ""] = reasonsOf(cidr);
      const proposed = /(?:such as|write) "([^"]+)"$/.exec(reason)?.[1] ?? "";
      expect(reasonsOf(proposed), `${cidr}: ${reason}`).toEqual([]);
    }
  });

  it.each([
    ["10.64.0.0", "must be a range of IPv4 addresses"],
    ["10.64.256.0/16", "must be a range of IPv4 addresses"],
    ["10.64.0.0/33", "must be a range of IPv4 addresses"],
    ["10.64.3.0/16", 'write "10.64.0.0/16"'],
    ["10.0.0.0/15", "is larger than AWS allows for a VPC"],
    ["8.8.0.0/16", "has public addresses"],
    ["172.32.0.0/16", "has public addresses"],
  ])("refuses %s", (cidr, reason) => {
    expect(reasonsOf(cidr)).toEqual([expect.stringContaining(reason)]);
  });

  it("names everything that is wrong at once", () => {
    expect(reasonsOf("10.64.0.0/24", ["us-east-1a"])).toEqual([
      expect.stringContaining("too small"),
      expect.stringContaining('availabilityZones: got ["us-east-1a"]; name two or three zones, not 1'),
    ]);
    expect(reasonsOf("10.64.0.0/16", ["us-east-1a", "us-east-1a"])).toEqual([
      'availabilityZones[1]: got "us-east-1a"; it is named twice; name each zone once',
    ]);
    expect(reasonsOf("10.64.0.0/16", ["a", "b", "c", "d"])[0]).toContain("not 4");
  });

  it("judges zones by their region, where that is known", () => {
    const errors = networkArgumentErrors({
      region: "us-east-1",
      cidr: "10.64.0.0/16",
      availabilityZones: ["us-east-1a", "eu-west-1b"],
    });
    expect(errors).toEqual([
      {
        propertyPath: "availabilityZones[1]",
        reason: 'got "eu-west-1b", which is not a zone of us-east-1; write one such as "us-east-1a"',
      },
    ]);
  });
});
