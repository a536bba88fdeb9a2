/**
 * Major versions of PostgreSQL, with the day of their last release: RDS takes part in standard support for at least as long.
 *
 * Source: PostgreSQL, "Versioning Policy" (https://www.postgresql.org/support/versioning/), read 2026-11; that RDS follows it: Amazon RDS
 * FAQs, "Database Engine Versions".
 */
export const postgresVersions = [
  { version: "14", supportedUntil: "2026-11-12" },
  { version: "15", supportedUntil: "2027-11-11" },
  { version: "16", supportedUntil: "2028-11-09" },
  { version: "17", supportedUntil: "2029-11-08" },
] as const satisfies readonly { readonly version: string; readonly supportedUntil: string }[];

/** Major version of a database that is made here. */
export const databaseVersion = "16" satisfies (typeof postgresVersions)[number]["version"];
