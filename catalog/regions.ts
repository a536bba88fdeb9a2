/**
 * Regions that a platform may be made in. `zones` are the letters that accounts commonly have; which zone a letter names
 * differs between accounts, so a plan that needs a certain zone (a Capacity Block) names it in the configuration.
 * Source: AWS documentation, "AWS Availability Zones", and EC2 instance types by region, read 2026-11.
 */
export const regions = {
  "us-east-1": { name: "N. Virginia", zones: ["a", "b", "c"] },
  "us-east-2": { name: "Ohio", zones: ["a", "b", "c"] },
  "us-west-1": { name: "N. California", zones: ["a", "c"] },
  "us-west-2": { name: "Oregon", zones: ["a", "b", "c"] },
  "ca-central-1": { name: "Canada (Central)", zones: ["a", "b", "d"] },
  "eu-central-1": { name: "Frankfurt", zones: ["a", "b", "c"] },
  "eu-west-1": { name: "Ireland", zones: ["a", "b", "c"] },
  "eu-west-2": { name: "London", zones: ["a", "b", "c"] },
  "eu-west-3": { name: "Paris", zones: ["a", "b", "c"] },
  "eu-north-1": { name: "Stockholm", zones: ["a", "b", "c"] },
  "eu-south-2": { name: "Spain", zones: ["a", "b", "c"] },
  "ap-northeast-1": { name: "Tokyo", zones: ["a", "c", "d"] },
  "ap-northeast-2": { name: "Seoul", zones: ["a", "b", "c"] },
  "ap-south-1": { name: "Mumbai", zones: ["a", "b", "c"] },
  "ap-southeast-1": { name: "Singapore", zones: ["a", "b", "c"] },
  "ap-southeast-2": { name: "Sydney", zones: ["a", "b", "c"] },
  "sa-east-1": { name: "São Paulo", zones: ["a", "b", "c"] },
} as const satisfies Record<string, { name: string; zones: readonly string[] }>;

export type Region = keyof typeof regions;

export const regionNames = Object.keys(regions) as [Region, ...Region[]];

/** Names of a region's zones, for example `us-east-1a`. */
export function zonesOf(region: Region): string[] {
  return regions[region].zones.map((letter) => `${region}${letter}`);
}
