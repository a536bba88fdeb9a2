import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { askSystem } from "./system-program.mjs";

/** A TCP port on which this machine listens. */

export interface ListeningPort {
  readonly port: number;
  /** Processes that hold it; none where they belong to another user. */
  readonly pids: readonly number[];
}

/**
 * Inodes of listening sockets by port: lines of /proc/net/tcp and tcp6 whose state is 0A (proc_pid_net(5)).
 */
export function parseSocketTable(table: string): { port: number; inode: string }[] {
  return table
    .split("\n")
    .slice(1)
    .flatMap((line) => {
      const fields = line.trim().split(/\s+/);
      const port = Number.parseInt(fields[1]?.split(":")[1] ?? "", 16);
      const inode = fields[9];
      return fields[3] === "0A" && inode !== undefined && Number.isInteger(port) ? [{ port, inode }] : [];
    });
}

function readOrEmpty(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}

/** Processes by the inode of each socket that they hold. */
function socketHolders(): Map<string, number[]> {
  const holders = new Map<string, number[]>();
  for (const pid of readdirSync("/proc").filter((entry) => /^\d+$/.test(entry))) {
    let descriptors;
    try {
      descriptors = readdirSync(`/proc/${pid}/fd`);
    } catch {
      continue;
    }
    for (const descriptor of descriptors) {
      let target;
      try {
        target = readlinkSync(`/proc/${pid}/fd/${descriptor}`);
      } catch {
        continue;
      }
      const inode = /^socket:\[(\d+)\]$/.exec(target)?.[1];
      if (inode !== undefined) holders.set(inode, [...(holders.get(inode) ?? []), Number(pid)]);
    }
  }
  return holders;
}

/** Reads what `lsof -F pn -iTCP -sTCP:LISTEN` says. */
export function parseListeningLsof(text: string): ListeningPort[] {
  const ports = new Map<number, Set<number>>();
  let pid = 0;
  for (const line of text.split("\n")) {
    if (line.startsWith("p")) pid = Number(line.slice(1));
    const port = /^n.*:(\d+)$/.exec(line)?.[1];
    if (port !== undefined) ports.set(Number(port), (ports.get(Number(port)) ?? new Set()).add(pid));
  }
  return [...ports].map(([port, pids]) => ({ port, pids: [...pids] }));
}

/** @returns every TCP port on which something of this machine listens */
export function listeningPorts(): ListeningPort[] {
  if (process.platform === "linux") {
    const sockets = ["/proc/net/tcp", "/proc/net/tcp6"].flatMap((file) => parseSocketTable(readOrEmpty(file)));
    const holders = socketHolders();
    return [...new Set(sockets.map(({ port }) => port))].map((port) => ({
      port,
      pids: [...new Set(sockets.filter((each) => each.port === port).flatMap(({ inode }) => holders.get(inode) ?? []))],
    }));
  }
  return parseListeningLsof(askSystem("lsof", ["-nP", "-w", "-iTCP", "-sTCP:LISTEN", "-F", "pn"]));
}
