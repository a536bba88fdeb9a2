import { type LocalConfiguration, parseLocal } from "./local";
import type { PlatformConfiguration } from "./platform";
import { parsePlatform } from "./platformChecks";
import { stackKind } from "./stackKind";

/**
 * A stack's configuration, read and judged by itself: what is wrong is refused with one message. What only this machine can say of a
 * local stack is in localChecks.ts and modelChecks.ts.
 */

export type StackConfiguration = LocalConfiguration | PlatformConfiguration;

/**
 * Validates the value of `posttraining:stack`.
 *
 * @throws ConfigurationError naming every wrong field, its value, and what is allowed.
 */
export function parseStackConfiguration(document: unknown): StackConfiguration {
  switch (stackKind(document)) {
    case "local":
      return parseLocal(document);
    case "platform":
      return parsePlatform(document);
  }
}
