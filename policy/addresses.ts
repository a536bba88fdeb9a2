/**
 * True for a range that takes in the internet, or so much of it that it names nobody: 0.0.0.0/0 and ::/0, and their halves and quarters,
 * by which such a rule is sometimes written past a check. No organisation holds more than an IPv4 /8; a VPC's private ranges are smaller.
 */
export function isTheWorld(cidr: string): boolean {
  const prefix = Number(/\/(\d{1,3})$/.exec(cidr.trim())?.[1] ?? Number.NaN);
  // fc00::/7, the private addresses of IPv6, is the widest range that means anything.
  return prefix < (cidr.includes(":") ? 7 : 8);
}
