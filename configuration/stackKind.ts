import { z } from "zod";
import { ConfigurationError } from "../validation/configurationError";
import { nearest } from "../validation/explain";
import { explainIssues } from "../validation/explainIssues";

/** `experiment` is named so that its refusal can say what it is. */
const kindSchema = z.looseObject({ kind: z.enum(["local", "platform", "experiment"]) });

/**
 * What kind of stack a configuration is of; what else it holds is judged by the kind's own schema.
 *
 * @throws ConfigurationError where it is of none, or of one that is not available.
 */
export function stackKind(document: unknown): "local" | "platform" {
  const parsed = kindSchema.safeParse(document);
  if (!parsed.success) throw new ConfigurationError(explainIssues(parsed.error.issues, document));
  if (parsed.data.kind !== "experiment") return parsed.data.kind;
  throw new ConfigurationError([
    {
      path: "kind",
      reason:
        '"experiment" is not available yet; "local" is: it runs the whole chain on one machine, and "platform": what experiments will run on',
    },
  ]);
}

/**
 * What to say where a stack has no configuration of ours.
 *
 * @param keys what it has, with namespace.
 */
export function missingConfiguration(stack: string, keys: readonly string[]): string {
  const wanted = "posttraining:stack";
  const slip = keys.find((key) => nearest(key, [wanted]) !== undefined);
  const has =
    keys.length === 0 ? "" : ` It has ${keys.join(", ")}${slip === undefined ? "" : ` (did you mean ${wanted}?)`}.`;
  return [
    `The stack's configuration, stacks/Pulumi.${stack}.yaml, does not hold ${wanted} below config:.${has}`,
    "It begins with:",
    "config:",
    `  ${wanted}:`,
    "    kind: local # or platform",
  ].join("\n");
}
