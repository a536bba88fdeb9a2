import { randomInt } from "node:crypto";
import * as net from "node:net";

/** Servers of the local stack listen on the loopback interface only: nothing is public. */
export const loopback = "127.0.0.1";

/** True if nothing listens on the port. */
export function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = net.createServer();
    server.once("error", () => {
      resolve(false);
    });
    server.listen(port, loopback, () => {
      server.close(() => {
        resolve(true);
      });
    });
  });
}

/**
 * Ports that systems give to no outgoing connection: those begin at 32768 on Linux and at 49152 on macOS. A server that is
 * restarted finds its remembered port free again, which another program's connection could else hold just then.
 */
const candidates = { from: 20_000, to: 32_767 };

/** A port that nothing listens on now. */
async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const port = randomInt(candidates.from, candidates.to + 1);
    if (await isFree(port)) return port;
  }
  throw new Error(`no port of ${candidates.from} to ${candidates.to} on ${loopback} was free in 100 attempts`);
}

/**
 * What is wrong with a port that a setting asks for; undefined when it can be listened on.
 *
 * @param setting name of the setting that asks for it.
 */
export async function portProblem(requested: number, setting: string): Promise<string | undefined> {
  if (await isFree(requested)) return undefined;
  return `port ${requested} on ${loopback} is taken by another program: set ${setting} to a free port, or leave it out to have one chosen`;
}

/**
 * The port to listen on: the one asked for, else the remembered one while it is free, else any free one.
 *
 * @param setting name of the setting that asks for a port, for the error.
 * @throws if the port that was asked for is taken.
 */
export async function choosePort(
  requested: number | undefined,
  remembered: number | undefined,
  setting: string,
): Promise<number> {
  if (requested !== undefined) {
    const problem = await portProblem(requested, setting);
    if (problem !== undefined) throw new Error(problem);
    return requested;
  }
  if (remembered !== undefined && remembered > 0 && (await isFree(remembered))) return remembered;
  return freePort();
}
