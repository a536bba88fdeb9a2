import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, realpathSync } from "node:fs";
import { connect } from "node:net";
import path from "node:path";
import { stackLayout } from "./checkout.mjs";
import { isAlive, processesWithVariable, runningProcesses, startTimeOf } from "./process-identity.mjs";

/**
 * Something that a local stack runs, or once ran, on this machine.
 *
 * @typedef {object} Recorded
 * @property {string} name
 * @property {number | undefined} port that it listened on
 * @property {() => import("./process-identity.mjs").RunningProcess[]} live processes of it that have not ended
 */

/**
 * A server, by its `process.json` (provider/processes/supervisedProcess.ts).
 *
 * @param {string} name
 * @param {string} file
 * @returns {Recorded[]}
 */
function server(name, file) {
  if (!existsSync(file)) return [];
  /** @type {{ pid: number, startTime: string, port: number }} */
  let record;
  try {
    record = JSON.parse(readFileSync(file, "utf8"));
  } catch {
    // Cut off when the machine went down: nothing of before that lives.
    return [];
  }
  const live = () => {
    // A group outlives its leader, and while it does no other process gets the leader's number.
    const isOurs = isAlive(record) || startTimeOf(record.pid) === undefined;
    return isOurs ? runningProcesses().filter(({ group }) => group === record.pid) : [];
  };
  return [{ name, port: record.port, live }];
}

/**
 * A run: its processes carry a mark in their environment (flows/posttraining/driver/record.py).
 *
 * @param {string} name
 * @param {string} directory
 * @returns {Recorded}
 */
function run(name, directory) {
  const mark = createHash("sha256").update(realpathSync(directory)).digest("hex").slice(0, 32);
  return { name: `run ${name}`, port: undefined, live: () => processesWithVariable("POSTTRAINING_RUN", mark) };
}

/** @param {string} directory */
function foldersIn(directory) {
  if (!existsSync(directory)) return [];
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []));
}

/**
 * All that a stack's records know of, whether it still runs or not.
 *
 * @param {string} stack
 * @returns {Recorded[]}
 */
export function recordedBy(stack) {
  const { processes, runs } = stackLayout(stack);
  return [
    ...foldersIn(processes).flatMap((name) => server(name, path.join(processes, name, "process.json"))),
    ...foldersIn(runs).map((name) => run(name, path.join(runs, name))),
  ];
}

/**
 * True if something listens on the port of this machine.
 *
 * @param {number} port
 * @returns {Promise<boolean>}
 */
export function isListening(port) {
  return new Promise((resolve) => {
    const socket = connect({ port, host: "127.0.0.1", timeout: 2000 });
    /** @param {boolean} answer */
    const finish = (answer) => {
      socket.destroy();
      resolve(answer);
    };
    socket
      .once("connect", () => finish(true))
      .once("error", () => finish(false))
      .once("timeout", () => finish(false));
  });
}
