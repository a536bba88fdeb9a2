import { z } from "zod";

/** What is told of a schema beside its form, without the name by which others refer to it: so each stands where it is used. */
class Unnamed extends z.core.$ZodRegistry<Record<string, unknown>> {
  override get(schema: z.core.$ZodType): Record<string, unknown> | undefined {
    const found = z.globalRegistry.get(schema);
    return found === undefined ? undefined : { ...found, id: undefined };
  }

  override has(schema: z.core.$ZodType): boolean {
    return z.globalRegistry.has(schema);
  }
}

const unnamed = new Unnamed();

/**
 * The JSON Schema of a document before defaults are filled in, as one tree without references.
 *
 * @param unrepresentable what becomes of what JSON Schema has no words for: an error, or `{}`.
 */
export function schemaTree(schema: z.ZodType, unrepresentable: "throw" | "any" = "throw"): unknown {
  return z.toJSONSchema(schema, { io: "input", unrepresentable, metadata: unnamed });
}
