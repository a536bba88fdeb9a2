import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isTheWorld } from "../../../policy/addresses";

describe("a range of addresses", () => {
  it.each(["0.0.0.0/0", "::/0", "0.0.0.0/1", "128.0.0.0/1", "64.0.0.0/2", "8000::/1", " 0.0.0.0/0 "])(
    "%s is the world",
    (cidr) => {
      expect(isTheWorld(cidr)).toBe(true);
    },
  );

  it.each(["10.0.0.0/8", "203.0.113.7/32", "fc00::/7", "2001:db8::/32", "pl-12345678", ""])("%s is not", (cidr) => {
    expect(isTheWorld(cidr)).toBe(false);
  });

  it("of a VPC is never the world: AWS takes /16 to /28", () => {
    fc.assert(
      fc.property(fc.ipV4(), fc.integer({ min: 16, max: 28 }), (address, prefix) => {
        expect(isTheWorld(`${address}/${prefix}`)).toBe(false);
      }),
    );
  });
});
