import * as pulumi from "@pulumi/pulumi";
import { ConfigurationError } from "./configuration/configurationError";
import { parseStackConfiguration, type StackConfiguration } from "./configuration/stackConfiguration";

function readConfiguration(): StackConfiguration {
  try {
    return parseStackConfiguration(new pulumi.Config("posttraining").getObject("stack") ?? {});
  } catch (error) {
    // A RunError is shown without a stack trace: the message is for the person who wrote the configuration.
    if (error instanceof ConfigurationError) throw new pulumi.RunError(error.message);
    throw error;
  }
}

/** Each program loads when it is the one to run: the AWS and Kubernetes SDKs take a second, which the local stack need not wait for. */
function program(configuration: StackConfiguration): Record<string, unknown> {
  /* eslint-disable @typescript-eslint/no-require-imports */
  switch (configuration.kind) {
    case "local":
      return (require("./stacks/local") as typeof import("./stacks/local")).localStack(
        configuration,
        pulumi.getStack(),
      );
    case "platform":
      return (require("./stacks/platform") as typeof import("./stacks/platform")).platformStack(
        configuration,
        pulumi.getStack(),
      );
  }
  /* eslint-enable @typescript-eslint/no-require-imports */
}

module.exports = program(readConfiguration());
