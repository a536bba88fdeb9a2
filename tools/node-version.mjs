import { readFileSync } from "node:fs";
import process from "node:process";
import { isAtLeast } from "./version.mjs";

/**
 * Ends the process with one message when Node is too old. Every command imports this file first, so that the message comes
 * before anything that an old Node stumbles over.
 */

/**
 * @param {string} version the running version, for example `20.19.0`
 * @param {string} range `engines.node` of package.json, of the form `>=20.19.0`
 * @returns {string | undefined} what is wrong and what to do; undefined when the version is new enough
 */
export function nodeVersionProblem(version, range) {
  const required = range.replace(/^>=\s*/, "");
  if (isAtLeast(version, required)) return undefined;
  return [
    `Node ${version} is too old: ${required} or newer is needed.`,
    "  Install one from https://nodejs.org, or with a version manager: nvm install 22",
  ].join("\n");
}

/** @type {{ engines: { node: string } }} */
const manifest = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
const problem = nodeVersionProblem(process.versions.node, manifest.engines.node);
if (problem !== undefined) {
  process.stderr.write(`${problem}\n`);
  process.exit(1);
}
