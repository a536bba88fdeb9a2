import { layout, root, stackLayout as foldersOf } from "./checkout.mjs";

/** Where things lie (machine/checkout.mjs), by the names that program and provider use. */

/** Top folder of the checkout. */
export const projectRoot = root;

/** Folder of the Python side. */
export const flowsDirectory = layout.flows;

/** Everything that a machine makes; nothing outside it is ever removed. */
export const stateDirectory = layout.state;

export { pythonOf } from "./checkout.mjs";

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
  const { directory, ...folders } = foldersOf(stack);
  return { root: directory, ...folders };
}
