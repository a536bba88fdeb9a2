import * as path from "node:path";
import { root } from "../machine/checkout.mjs";
import { withPolicyPack } from "./pulumiArguments";
import { isDeployment, operationOf } from "./pulumiCommands";
import { kindOf } from "./stackConfiguration";

/** The policy pack in policy/: a program that Pulumi starts, and one configuration for each kind of stack that it is for. */

const directory = path.join(root, "policy");

/**
 * What a kind of stack is checked against.
 *
 * @returns undefined for a stack that makes nothing in a cloud
 */
export function policiesFor(kind: ReturnType<typeof kindOf>): { pack: string; configuration: string } | undefined {
  switch (kind) {
    case "platform":
    case "experiment":
      return {
        pack: path.join(directory, "pulumi-analyzer-posttraining"),
        configuration: path.join(directory, `${kind}.json`),
      };
    case "local":
    case undefined:
      return undefined;
  }
}

/**
 * A command line for Pulumi, with the policies that the stack is checked against.
 *
 * @param command the command in it
 */
export function withPolicies(stack: string, command: string, parameters: readonly string[]): readonly string[] {
  const policies = isDeployment(operationOf([command])) ? policiesFor(kindOf(stack)) : undefined;
  return policies === undefined ? parameters : withPolicyPack(parameters, policies);
}
