import { createHash } from "node:crypto";
import { chmodSync, lstatSync, mkdirSync } from "node:fs";
import * as path from "node:path";

/**
 * Folders for sockets and other short-lived files. They lie outside of the checkout, since a socket's path may have 107 characters
 * at most, and not in the shell's TMPDIR, which the next command may not have.
 */
const parent = "/tmp";

/** @param directory the folder of the server that they belong to */
export const shortLivedFolderOf = (directory: string): string =>
  path.join(parent, `posttraining-${createHash("sha256").update(directory).digest("hex").slice(0, 12)}`);

/**
 * Makes one for this user alone. Its name can be guessed, so another user may have made it first, or a link in its place.
 *
 * @param folder @throws {Error} when it is not this user's own folder
 */
export function makeShortLivedFolder(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const found = lstatSync(folder);
  if (!found.isDirectory() || found.uid !== process.getuid?.()) {
    throw new Error(`${folder} belongs to somebody else or is no folder: have it removed, then run the command again`);
  }
  chmodSync(folder, 0o700);
}
