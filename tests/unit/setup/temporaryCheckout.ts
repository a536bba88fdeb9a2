import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { pathToFileURL } from "node:url";
import { writeList } from "../../../setup/installed-files.mjs";

const original = path.join(__dirname, "..", "..", "..");

/** A checkout of its own for commands that leave something behind. Its path holds a space, as a user's may. */
export class TemporaryCheckout {
  readonly root = path.join(fs.mkdtempSync(path.join(fs.realpathSync(os.tmpdir()), "tools-")), "check out");

  constructor() {
    for (const name of [
      "cli",
      "contracts",
      "setup",
      "dev",
      "machine",
      "stacks",
      "package.json",
      "package-lock.json",
      "Pulumi.yaml",
      "tsconfig.json",
    ]) {
      fs.cpSync(path.join(original, name), path.join(this.root, name), { recursive: true });
    }
    for (const name of ["pyproject.toml", "uv.lock"]) {
      fs.cpSync(path.join(original, "flows", name), path.join(this.root, "flows", name));
    }
  }

  /** Has the packages of the original as its own, as after an installation: to be read, not to be written to. */
  linkPackages(): void {
    const packages = path.join(original, "node_modules");
    const linked = this.file("node_modules");
    fs.mkdirSync(linked);
    for (const name of fs.readdirSync(packages).filter((each) => !each.startsWith("."))) {
      fs.symlinkSync(path.join(packages, name), path.join(linked, name));
    }
    const lock = createHash("sha256")
      .update(fs.readFileSync(this.file("package-lock.json")))
      .digest("hex");
    const of = { lock, platform: process.platform, architecture: process.arch };
    writeList(path.join(linked, ".installed-files"), linked, of, []);
  }

  file(...parts: readonly string[]): string {
    return path.join(this.root, ...parts);
  }

  write(name: string, text: string): string {
    const file = this.file(name);
    fs.mkdirSync(path.dirname(file), { recursive: true });
    if (!fs.realpathSync(path.dirname(file)).startsWith(this.root)) {
      throw new Error(`${name} is a file of the original: a folder on the way to it is a link`);
    }
    fs.writeFileSync(file, text);
    return file;
  }

  /** The module at that path, as this checkout sees itself. */
  async load<Module>(name: string): Promise<Module> {
    return (await import(/* @vite-ignore */ pathToFileURL(this.file(name)).href)) as Module;
  }

  /**
   * Runs a script with exactly the given variables.
   *
   * @param folder where it is started
   */
  run(
    parameters: readonly string[],
    environment: Readonly<Record<string, string>>,
    folder = this.root,
  ): Promise<{ status: number | null; output: string }> {
    return new Promise((resolve) => {
      const child = spawn(process.execPath, parameters, { cwd: folder, env: { ...environment } });
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
