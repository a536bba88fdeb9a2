import * as fs from "node:fs";
import * as path from "node:path";
import { type RehearsalRecord, rehearsalRecordSchema } from "../contracts/rehearsal";
import { layout } from "../machine/checkout.mjs";
import { makePrivateFolder } from "../machine/privateFolder";
import { runKey } from "../recipe/runIdentity";

/** What is kept of rehearsals: a file each, by recipe and identity. */

/** Records of one recipe that are kept; a sweep has many, and each is a few kilobytes. */
const kept = 16;

const fileOf = (recipe: string, identity: string): string => `${runKey({ name: recipe, contentHash: identity })}.json`;

/** A record's file, for people. */
export const recordFile = (recipe: string, identity: string, folder: string = layout.rehearsals): string =>
  path.join(folder, fileOf(recipe, identity));

/** Records of a recipe, the newest first. What cannot be read proves nothing and is passed over. */
export function recordsOf(recipe: string, folder: string = layout.rehearsals): RehearsalRecord[] {
  return filesOf(recipe, folder)
    .flatMap((file) => readRecord(file) ?? [])
    .filter(({ report }) => report.recipe === recipe)
    .sort((a, b) => (a.report.at < b.report.at ? 1 : -1));
}

function filesOf(recipe: string, folder: string): string[] {
  if (!fs.existsSync(folder)) return [];
  return fs
    .readdirSync(folder)
    .filter((name) => name.startsWith(`${recipe}-`) && /^[0-9a-f]{12}\.json$/.test(name.slice(recipe.length + 1)))
    .map((name) => path.join(folder, name));
}

function readRecord(file: string): RehearsalRecord | undefined {
  try {
    const read = rehearsalRecordSchema.safeParse(JSON.parse(fs.readFileSync(file, "utf8")));
    return read.success ? read.data : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Keeps a record in place of an earlier one of the same identity; the oldest of the recipe go.
 *
 * @returns its file.
 */
export function keepRecord(record: RehearsalRecord, folder: string = layout.rehearsals): string {
  const { recipe, identity } = record.report;
  makePrivateFolder(folder);
  const file = recordFile(recipe, identity, folder);
  // Never there in part.
  const draft = `${file}.${process.pid}`;
  fs.writeFileSync(draft, `${JSON.stringify(record, null, 2)}\n`, { mode: 0o600 });
  fs.renameSync(draft, file);
  const byAge = filesOf(recipe, folder)
    .filter((other) => other !== file)
    .sort((a, b) => fs.statSync(b).mtimeMs - fs.statSync(a).mtimeMs);
  for (const old of byAge.slice(kept - 1)) fs.rmSync(old, { force: true });
  return file;
}
