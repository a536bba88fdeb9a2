import { createHash } from "node:crypto";

/**
 * Names of what a local stack makes in its folders, by which it is removed again. What has another name was put there by somebody
 * else and stays (docs/contracts.md, the state directory).
 */

/** Of a server's process, in `processes/<name>/`. */
export const processFiles = /^(?:process\.json(?:\.\d+)?|log(?:\.previous)?\.txt)$/;

/** Of the model server, beside those of its process. */
export const modelServerFiles = /^(?:model(?:\.next|\.previous)?|cache|authorization\.txt)$/;

/** Of the object store's data, in `store/`. */
export const storeFolders = /^(?:objects|metadata)$/;

/** Of Metaflow, in `metaflow/`: its configuration, local metadata, its client's cache, and the home of the runs' processes. */
export const metaflowFiles = /^(?:config\.json(?:\.\d+)?|\.metaflow|client-cache|home)$/;

/** Records of runs and their locks, in `runs/`: `<deployment>-<content hash>`. */
export const runRecords = /^(?:[a-z][a-z0-9-]*-[0-9a-f]{12}|\.[a-z][a-z0-9-]*-[0-9a-f]{12}\.lock)$/;

/**
 * File in `pulumi/incarnations/` that says which of two resources with one URN and id lives (provider/incarnations.ts).
 */
export const incarnationFile = (urn: string, id: string): string =>
  `${createHash("sha256").update(`${urn} ${id}`).digest("hex").slice(0, 32)}.json`;

/** What matches any of some patterns. */
export const anyOf = (...patterns: readonly RegExp[]): RegExp =>
  new RegExp(patterns.map(({ source }) => source).join("|"));
