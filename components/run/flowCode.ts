import { createHash } from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import { layout } from "../../machine/checkout.mjs";
import { type MethodName, methods } from "../../methods";
import { contentHash } from "../../recipe/runIdentity";
import { lockedPackages } from "./lockedPackages";

/** What of a checkout decides what a method's run computes. */
export interface FlowCode {
  /** Hash of the code that the run executes. */
  readonly code: string;
  /** Hash of the packages that it is locked to. */
  readonly packages: string;
}

/** Groups of flows/pyproject.toml that a run on this machine uses; what checks, documents and tests is in others. */
const groupsOfRuns = ["flows", "train", "evaluate"] as const;

/** The flow's code and its packages, as they are in the checkout now. */
export function flowCode(method: MethodName, directory: string = layout.flows): FlowCode {
  return { code: flowCodeHash(method, directory), packages: packagesHash(directory) };
}

/** Below a folder, these change nothing that a run computes: caches, what starts, watches and rehearses runs, and types. */
const otherFolders = ["__pycache__", "driver", "rehearsal", "contracts"];

/** Kinds of files that a run executes or reads. */
const codeKinds = /\.(?:py|yaml|jinja|html)$/;

/** Code and task files below a folder, sorted; documentation and facts that only checks read do not change what a run computes. */
function codeFiles(directory: string, kinds = codeKinds): string[] {
  return (
    fs
      .readdirSync(directory, { withFileTypes: true })
      // No module has such a name: what an editor keeps beside a file, such as a link to nothing while it is open.
      .filter(({ name }) => !name.startsWith("."))
      .flatMap((entry) => {
        const file = path.join(directory, entry.name);
        if (entry.isDirectory()) return otherFolders.includes(entry.name) ? [] : codeFiles(file, kinds);
        return kinds.test(entry.name) ? [file] : [];
      })
      .sort()
  );
}

/** Whether a file is another method's, or the list of methods: a new method leaves the runs of the others as they are. */
function isOfOthers(file: string, method: MethodName): boolean {
  if (path.basename(path.dirname(file)) !== "methods") return false;
  const [name] = path.basename(file).split(".");
  return name === "__init__" || methods.some((other) => other.name === name && name !== method);
}

/** Hash of all code that a method's run executes: its flow, the shared library, and of the methods' modules its own. */
export function flowCodeHash(method: MethodName, directory: string = layout.flows): string {
  const files = [method, "posttraining"].flatMap((folder) => codeFiles(path.join(directory, folder)));
  return hashOfFiles(
    directory,
    files.filter((file) => !isOfOthers(file, method)),
  );
}

/** Hash of files, by their names below the folder and what is in them. */
function hashOfFiles(directory: string, files: readonly string[]): string {
  const hash = createHash("sha256");
  for (const file of files) {
    hash.update(path.relative(directory, file)).update("\0").update(fs.readFileSync(file)).update("\0");
  }
  return hash.digest("hex");
}

/** Folders of what rehearses a run and traces its step at full size. */
const rehearsingFolders = [path.join("posttraining", "rehearsal"), "sizing_oracle"];

/** What rehearses reads rows and shapes from JSON as well. */
const rehearsingKinds = /\.(?:py|yaml|jinja|html|json)$/;

/** Hash of the code that rehearses: a run is the same with another one, its rehearsal is not. */
export function rehearsalCodeHash(directory: string = layout.flows): string {
  const folders = rehearsingFolders.map((folder) => path.join(directory, folder));
  const files = folders.flatMap((folder) => (fs.existsSync(folder) ? codeFiles(folder, rehearsingKinds) : []));
  return hashOfFiles(directory, files);
}

let last: { readonly lock: string; readonly hash: string } | undefined;

/**
 * Hash of the packages that a run on this machine is locked to (flows/uv.lock), with their versions.
 *
 * @throws where the lock cannot be read.
 */
function packagesHash(directory: string): string {
  const file = path.join(directory, "uv.lock");
  try {
    return hashOfLock(directory, fs.readFileSync(file, "utf8"));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`${file}, which names the packages of runs, cannot be read: ${reason}`, { cause: error });
  }
}

function hashOfLock(directory: string, lock: string): string {
  // Each stage asks, and reading a lock takes longer than all else here.
  if (last?.lock !== lock) {
    const isMac = process.platform === "darwin";
    const packages = lockedPackages(lock, {
      groups: groupsOfRuns,
      python: fs.readFileSync(path.join(directory, ".python-version"), "utf8").trim(),
      platform: isMac ? "darwin" : "linux",
      machine: process.arch === "arm64" ? (isMac ? "arm64" : "aarch64") : "x86_64",
    });
    last = { lock, hash: contentHash(packages) };
  }
  return last.hash;
}
