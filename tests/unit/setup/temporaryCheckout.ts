import { spawn } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { pathToFileURL } from "node:url";

const original = path.join(__dirname, "..", "..", "..");

/** A checkout of its own for commands that leave something behind. Its path holds a space, as a user's may. */
export class TemporaryCheckout {
  readonly root = path.join(fs.mkdtempSync(path.join(fs.realpathSync(os.tmpdir()), "tools-")), "check out");

  constructor() {
    for (const name of [
      "cli",
      "setup",
      "dev",
      "machine",
      "stacks",
      "package.json",
      "package-lock.json",
      "Pulumi.yaml",
    ]) {
      fs.cpSync(path.join(original, name), path.join(this.root, name), { recursive: true });
    }
    for (const name of ["pyproject.toml", "uv.lock"]) {
      fs.cpSync(path.join(original, "flows", name), path.join(this.root, "flows", name));
    }
  }

  file(...parts: readonly string[]): string {
    return path.join(this.root, ...parts);
  }

  write(name: string, text: string): string {
    const file = this.file(name);
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, text);
    return file;
  }

  /** The module at that path, as this checkout sees itself. */
  async load<Module>(name: string): Promise<Module> {
    return (await import(/* @vite-ignore */ pathToFileURL(this.file(name)).href)) as Module;
  }

  /** Runs a script with exactly the given variables. */
  run(
    parameters: readonly string[],
    environment: Readonly<Record<string, string>>,
  ): Promise<{ status: number | null; output: string }> {
    return new Promise((resolve) => {
      const child = spawn(process.execPath, parameters, { cwd: this.root, env: { ...environment } });
      let output = "";
      for (const stream of [child.stdout, child.stderr]) {
        stream.setEncoding("utf8").on("data", (text: string) => (output += text));
      }
      child.once("close", (status) => {
        resolve({ status, output });
      });
    });
  }

  remove(): void {
    fs.rmSync(path.dirname(this.root), { recursive: true, force: true });
  }
}
