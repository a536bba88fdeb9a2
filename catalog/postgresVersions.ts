/**
 * Major versions of PostgreSQL, with the day of their last release. RDS supports a major version at least until then, so its own end of
 * standard support, which was not looked up, is no earlier.
 *
 * Source: PostgreSQL, "Versioning Policy" (https://www.postgresql.org/support/versioning/), and for RDS its FAQs; both by way of
 * endoflife.date (products/postgresql.md and products/amazon-rds-postgresql.md), read 2026-11.
 */
export const postgresVersions = [
  { version: "14", supportedUntil: "2026-11-12" },
  { version: "15", supportedUntil: "2027-11-11" },
  { version: "16", supportedUntil: "2028-11-09" },
] as const satisfies readonly { readonly version: string; readonly supportedUntil: string }[];

/** Major version of a database that is made here. */
export const databaseVersion = "16" satisfies (typeof postgresVersions)[number]["version"];
