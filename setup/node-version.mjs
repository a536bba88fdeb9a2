import { readFileSync } from "node:fs";
import process from "node:process";
import { isAtLeast } from "../machine/version.mjs";

/**
 * Ends the process with one message when Node is too old. Every command imports this file first, so that the message comes
 * before anything that an old Node stumbles over.
 */

/**
 * @param {string} version
 * @param {string} range one of a list: `^20.19.0`, of that major version from there on, or `>=24.0.0`
 */
function satisfies(version, range) {
  const oldest = range.replace(/^(?:\^|>=)/, "");
  const isSameMajor = version.split(".")[0] === oldest.split(".")[0];
  return isAtLeast(version, oldest) && (isSameMajor || range.startsWith(">="));
}

/**
 * @param {string} version the running version, for example `20.19.0`
 * @param {string} range `engines.node` of package.json, of the form `^20.19.0 || >=24.0.0`
 * @returns {string | undefined} what is wrong and what to do; undefined when the version will do
 */
export function nodeVersionProblem(version, range) {
  const ranges = range.split("||").map((each) => each.trim());
  if (ranges.some((each) => satisfies(version, each))) return undefined;
  const wanted = ranges.map((each) => {
    const oldest = each.replace(/^(?:\^|>=)/, "");
    return each.startsWith("^") ? `${oldest} or a newer ${oldest.split(".")[0]}` : `${oldest} or newer`;
  });
  return [
    `Node ${version} cannot be used. What can: ${wanted.join("; ")}.`,
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
