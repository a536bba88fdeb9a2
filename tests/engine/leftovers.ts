import * as fs from "node:fs";
import * as net from "node:net";

export interface RunningProcess {
  readonly pid: string;
  readonly command: string;
  /** Each as `NAME=value`. */
  readonly variables: readonly string[];
}

/** All processes whose command line mentions any of the words; this process excluded. */
export function processesMentioning(...words: readonly string[]): RunningProcess[] {
  if (process.platform !== "linux") throw new Error("reads /proc: Linux only");
  return fs
    .readdirSync("/proc")
    .filter((entry) => /^\d+$/.test(entry) && Number(entry) !== process.pid)
    .flatMap((pid) => {
      try {
        const state = /^State:\s+(\w)/m.exec(fs.readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
        const command = fs.readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
        if (state === "Z" || !words.some((word) => command.includes(word))) return [];
        return [{ pid, command, variables: fs.readFileSync(`/proc/${pid}/environ`, "utf8").split("\0") }];
      } catch {
        return [];
      }
    });
}

/** True if something listens on the port of the loopback interface. */
export function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => {
      resolve(false);
    });
  });
}
