import * as path from "node:path";
import { parseStackConfiguration } from "../../configuration/stackConfiguration";
import { platformStack } from "../../stacks/platform";
import { documents, type StackName } from "./documents";
import { type Dump, dumpProgram, dumpText } from "./dump";

/** The stacks whose resources are kept as text. */

export const goldenFile = (name: StackName): string => path.join(__dirname, "expected", `${name}.yaml`);

export function dumpStack(name: StackName): Promise<Dump> {
  const configuration = parseStackConfiguration(documents[name]);
  if (configuration.kind !== "platform") throw new Error(`${name} is not of kind platform`);
  return dumpProgram(() => platformStack(configuration, "platform"), "platform");
}

export const stackText = (name: StackName, dump: Dump): string => dumpText(name, dump);
