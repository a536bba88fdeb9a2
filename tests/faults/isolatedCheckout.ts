import { type ChildProcess, spawn } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { stringify } from "yaml";
import { usersOf } from "../../machine/folderUsers";
import { root } from "../../machine/checkout.mjs";

/**
 * A checkout of its own, in which a person's commands are run as they are: its stacks, state, passphrase and locks are nobody
 * else's. What takes long to set up (packages, Python environments, tools) is that of the checkout it is made from. Its path holds
 * a space, as a user's may.
 */

export interface Outcome {
  readonly status: number | null;
  /** Standard output and error together, as a person sees them. */
  readonly output: string;
  readonly seconds: number;
}

/** Folders of the original that are not copied: what it made, and what is shared. */
const left = new Set([".git", ".posttraining", "node_modules", "bench"]);

export class IsolatedCheckout {
  readonly root: string;

  constructor(name: string) {
    const directory = path.join(root, ".posttraining", "tests", "faults");
    this.root = path.join(directory, `${name} check out`);
    fs.rmSync(this.root, { recursive: true, force: true });
    fs.mkdirSync(directory, { recursive: true });
    fs.mkdirSync(this.root);
    for (const entry of fs.readdirSync(root).filter((name) => !left.has(name))) {
      fs.cpSync(path.join(root, entry), this.file(entry), { recursive: true });
    }
    fs.symlinkSync(path.join(root, "node_modules"), path.join(this.root, "node_modules"));
    fs.mkdirSync(this.file(".posttraining"));
    for (const shared of ["python", "tools"]) {
      fs.symlinkSync(path.join(root, ".posttraining", shared), this.file(".posttraining", shared));
    }
  }

  file(...parts: readonly string[]): string {
    return path.join(this.root, ...parts);
  }

  /** Writes the committed configuration of a stack. */
  configure(stack: string, value: unknown): void {
    fs.writeFileSync(
      this.file("stacks", `Pulumi.${stack}.yaml`),
      stringify({ config: { "posttraining:stack": value } }),
    );
  }

  /** Starts a command of package.json and gives its process, to be killed. */
  start(
    script: string,
    parameters: readonly string[],
    environment: NodeJS.ProcessEnv = {},
    root: string = this.root,
  ): ChildProcess {
    const own = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(?:VITEST|npm_)/.test(name)));
    return spawn("npm", ["run", "-s", script, "--", ...parameters], {
      cwd: root,
      env: { ...own, NO_COLOR: "1", ...environment },
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
    });
  }

  /** Runs a command of package.json to its end. */
  async run(
    script: string,
    parameters: readonly string[] = [],
    environment: NodeJS.ProcessEnv = {},
    root: string = this.root,
  ): Promise<Outcome> {
    const began = Date.now();
    const child = this.start(script, parameters, environment, root);
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => (output += text));
    }
    const status = await new Promise<number | null>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", resolve);
    });
    return { status, output, seconds: (Date.now() - began) / 1000 };
  }

  /** Copies the checkout with all that it has made, as a backup or `cp -a` does. */
  copy(): string {
    const root = `${this.root} copy`;
    fs.cpSync(this.root, root, { recursive: true, verbatimSymlinks: true });
    return root;
  }

  /** Processes that have to do with a stack of this checkout, as the machine shows them. */
  users(stack: string): ReturnType<typeof usersOf> {
    return usersOf(this.file(".posttraining", "stacks", stack));
  }

  remove(): void {
    fs.rmSync(this.root, { recursive: true, force: true });
  }
}
