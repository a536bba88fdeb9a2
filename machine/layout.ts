import * as path from "node:path";

/** Where things lie on this machine; the table is in docs/contracts.md. */

/** Top folder of the checkout. */
export const projectRoot = path.join(__dirname, "..");

/** Folder of the Python side. */
export const flowsDirectory = path.join(projectRoot, "flows");

/** Everything that a machine makes; nothing outside it is ever removed. */
export const stateDirectory = path.join(projectRoot, ".posttraining");

/** Interpreter of one of the project's Python environments. */
export function pythonOf(environment: "train" | "serve"): string {
  return path.join(stateDirectory, "python", environment, "bin", "python");
}

/** Folders of one local stack, all below `.posttraining/stacks/<stack>`. */
export interface StackLayout {
  readonly root: string;
  readonly store: string;
  readonly metaflow: string;
  readonly runs: string;
  readonly processes: string;
  readonly cache: string;
}

export function stackLayout(stack: string): StackLayout {
  const root = path.join(stateDirectory, "stacks", stack);
  return {
    root,
    store: path.join(root, "store"),
    metaflow: path.join(root, "metaflow"),
    runs: path.join(root, "runs"),
    processes: path.join(root, "processes"),
    cache: path.join(root, "cache"),
  };
}
