import { z } from "zod";
import { ConfigurationError } from "./configurationError";
import { explainIssues } from "./explain";
import { type LocalConfiguration, parseLocal } from "./local";
import type { PlatformConfiguration } from "./platform";
import { parsePlatform } from "./platformChecks";

/**
 * The one place where a stack's configuration is read and judged. A configuration that passes holds everything that the
 * program of its kind needs; one that does not is refused with one message before any resource is registered.
 */

/** `experiment` is named so that its refusal can say what it is. */
const kindSchema = z.looseObject({ kind: z.enum(["local", "platform", "experiment"]) });

export type StackConfiguration = LocalConfiguration | PlatformConfiguration;

/**
 * Validates the value of `posttraining:stack`.
 *
 * @throws ConfigurationError naming every wrong field, its value, and what is allowed.
 */
export function parseStackConfiguration(document: unknown): StackConfiguration {
  const kind = kindSchema.safeParse(document);
  if (!kind.success) throw new ConfigurationError(explainIssues(kind.error.issues, document));
  switch (kind.data.kind) {
    case "local":
      return parseLocal(document);
    case "platform":
      return parsePlatform(document);
    case "experiment":
      throw new ConfigurationError([
        {
          path: "kind",
          reason:
            '"experiment" is not available yet; "local" is: it runs the whole chain on one machine, and "platform": what experiments will run on',
        },
      ]);
  }
}
