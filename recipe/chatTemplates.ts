import * as fs from "node:fs";
import * as path from "node:path";
import { layout } from "../machine/checkout.mjs";

let names: readonly string[] | undefined;

/** What `model.chatTemplate` may name: the files of flows/posttraining/chat_templates/. */
export function chatTemplateNames(): readonly string[] {
  names ??= fs
    .readdirSync(path.join(layout.flows, "posttraining", "chat_templates"))
    .filter((file) => file.endsWith(".jinja"))
    .map((file) => path.basename(file, ".jinja"))
    .sort();
  return names;
}
