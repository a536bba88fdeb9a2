import { type ChildProcess, execFile, spawn } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { root } from "../../machine/checkout.mjs";

const python = path.join(root, ".posttraining", "python", "aws", "bin", "python");
const here = __dirname;

/** What an account holds: identifiers by kind; `tagged` is what the Resource Groups Tagging API finds. */
export type Contents = Readonly<Record<string, readonly string[]>>;

/** A server that stands in for AWS: moto, with an EKS of its own (standin/). It ends with this process. */
export class StandIn {
  private constructor(
    private readonly server: ChildProcess,
    readonly endpoint: string,
    private readonly logFile: string,
  ) {}

  static async start(logFile: string): Promise<StandIn> {
    fs.mkdirSync(path.dirname(logFile), { recursive: true });
    const log = fs.openSync(logFile, "w");
    const server = spawn(python, ["-m", "standin"], { cwd: here, stdio: ["pipe", "pipe", log] });
    fs.closeSync(log);
    const port = await new Promise<string>((resolve, reject) => {
      server.once("error", reject);
      server.once("exit", (status) => {
        reject(new Error(`the stand-in for AWS ended with ${String(status)}:\n${fs.readFileSync(logFile, "utf8")}`));
      });
      if (server.stdout !== null) createInterface(server.stdout).once("line", resolve);
    });
    return new StandIn(server, `http://127.0.0.1:${port}`, logFile);
  }

  /** What a program needs in order to find the stand-in, and nothing else, wherever it runs. */
  environment(region: string): Record<string, string> {
    return {
      POSTTRAINING_AWS_STAND_IN: this.endpoint,
      // No such host is looked up: the program's provider has the stand-in for its proxy.
      AWS_ENDPOINT_URL: "http://aws.invalid",
      AWS_ACCESS_KEY_ID: "test",
      AWS_SECRET_ACCESS_KEY: "test",
      AWS_SESSION_TOKEN: "",
      AWS_REGION: region,
      AWS_EC2_METADATA_DISABLED: "true",
      AWS_CONFIG_FILE: "/dev/null",
      AWS_SHARED_CREDENTIALS_FILE: "/dev/null",
    };
  }

  async contents(region: string): Promise<Contents> {
    const { stdout } = await promisify(execFile)(python, ["-m", "standin.contents", this.endpoint, region], {
      cwd: here,
      maxBuffer: 1e8,
    });
    return JSON.parse(stdout) as Contents;
  }

  /** What moto lacks of what the platform asks for, and what of the tests' own stands in for it; a line each. */
  async gaps(): Promise<string[]> {
    const { stdout } = await promisify(execFile)(python, ["-m", "standin.gaps"], { cwd: here });
    return stdout.trim().split("\n");
  }

  /** Operations that were asked for and that the stand-in does not have, by name. */
  missing(): string[] {
    const log = fs.readFileSync(this.logFile, "utf8");
    const lines = [...log.matchAll(/^MISSING (.+)$/gm)].map((match) => match[1] ?? "");
    return [...new Set(lines)].sort();
  }

  async stop(): Promise<void> {
    if (this.server.exitCode !== null) return;
    const ended = new Promise((resolve) => this.server.once("exit", resolve));
    this.server.stdin?.end();
    await ended;
  }
}

/** What is in `after` and not in `before`, by kind. */
export function added(before: Contents, after: Contents): Contents {
  return Object.fromEntries(
    Object.entries(after).flatMap(([kind, items]) => {
      const fresh = items.filter((item) => !(before[kind] ?? []).includes(item));
      return fresh.length === 0 ? [] : [[kind, fresh]];
    }),
  );
}
