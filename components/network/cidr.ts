/** A block of IPv4 addresses, as CIDR notation writes it. */
export interface Cidr {
  /** First address, as an unsigned number. */
  readonly base: number;
  /** Length of the network part: a /16 has 65,536 addresses. */
  readonly prefix: number;
}

/** Reads "10.64.0.0/16"; undefined if the text is not a block of IPv4 addresses. Bits after the prefix are kept as they are. */
export function parseCidr(text: string): Cidr | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\/(\d{1,2})$/.exec(text);
  if (match === null) return undefined;
  const [first = 0, second = 0, third = 0, fourth = 0, prefix = 0] = match.slice(1).map(Number);
  if ([first, second, third, fourth].some((octet) => octet > 255) || prefix > 32) return undefined;
  return { base: ((first * 256 + second) * 256 + third) * 256 + fourth, prefix };
}

/** Why a text is no block of IPv4 addresses, as it reads after "got <text>; "; undefined if it is one. */
export function cidrProblem(text: string): string | undefined {
  return parseCidr(text) === undefined ? 'must be a range of IPv4 addresses such as "10.64.0.0/16"' : undefined;
}

export function formatCidr({ base, prefix }: Cidr): string {
  const octets = [24, 16, 8, 0].map((shift) => Math.floor(base / 2 ** shift) % 256);
  return `${octets.join(".")}/${prefix}`;
}

/** How many addresses a block of this prefix has. */
export function addressesOf(prefix: number): number {
  return 2 ** (32 - prefix);
}

/** The block of this prefix in which an address lies. */
export function blockAround(address: number, prefix: number): Cidr {
  return { base: address - (address % addressesOf(prefix)), prefix };
}

/** The n-th block of a prefix inside another block, counted from its start. */
export function blockWithin(outer: Cidr, prefix: number, index: number): Cidr {
  return { base: outer.base + index * addressesOf(prefix), prefix };
}

/** Whether a block starts where its prefix says: 10.64.0.0/16 does, 10.64.3.0/16 does not. */
export function isAligned({ base, prefix }: Cidr): boolean {
  return base % addressesOf(prefix) === 0;
}

export function contains(outer: Cidr, inner: Cidr): boolean {
  return inner.base >= outer.base && inner.base + addressesOf(inner.prefix) <= outer.base + addressesOf(outer.prefix);
}

export function overlaps(one: Cidr, other: Cidr): boolean {
  return one.base < other.base + addressesOf(other.prefix) && other.base < one.base + addressesOf(one.prefix);
}

/** Blocks that are not routed on the internet: RFC 1918, and RFC 6598's shared space, which a VPC may have as well. */
const privateBlocks: readonly Cidr[] = [
  { base: 10 * 2 ** 24, prefix: 8 },
  { base: 172 * 2 ** 24 + 16 * 2 ** 16, prefix: 12 },
  { base: 192 * 2 ** 24 + 168 * 2 ** 16, prefix: 16 },
  { base: 100 * 2 ** 24 + 64 * 2 ** 16, prefix: 10 },
];

/** Whether all addresses of a block are private ones. */
export function isPrivate(block: Cidr): boolean {
  return privateBlocks.some((privateBlock) => contains(privateBlock, block));
}
