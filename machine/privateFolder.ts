import * as fs from "node:fs";

/** Makes a folder that only this user can enter, or makes one that is there such: what lies in it may be older than that rule. */
export function makePrivateFolder(folder: string): void {
  fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
  fs.chmodSync(folder, 0o700);
}
