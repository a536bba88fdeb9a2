import * as fs from "node:fs";
import * as path from "node:path";
import { layout } from "../machine/checkout.mjs";

let names: readonly string[] | undefined;

/** Names of the reward functions in flows/posttraining/rewards.py: those that take completions and are not its own helpers. */
export function rewardNames(): readonly string[] {
  names ??= [
    ...fs
      .readFileSync(path.join(layout.flows, "posttraining", "rewards.py"), "utf8")
      .matchAll(/^def ([a-z]\w*)\(completions\b/gm),
  ].map(([, name = ""]) => name);
  return names;
}
