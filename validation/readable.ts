import { z } from "zod";

/**
 * What of a document can be judged although other parts of it are wrong. A key that is absent was not written (and has no
 * default); one that is there without a value was written and is wrong.
 */
export type Readable<T> = T extends readonly (infer Entry)[]
  ? readonly (Readable<Entry> | undefined)[]
  : T extends object
    ? { readonly [Key in Exclude<keyof T, Discriminator>]?: Readable<T[Key]> | undefined } & {
        readonly [Key in Extract<keyof T, Discriminator>]: T[Key];
      }
    : T;

/** Keys by which one of several mappings is chosen: without it, nothing of the mapping can be read. */
type Discriminator = "kind" | "method";

/**
 * Reads a document field by field, with defaults filled in, so that one message names everything that is wrong with it.
 *
 * @returns undefined where nothing of the value can be read.
 */
export function readable<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
): Readable<z.infer<Schema>> | undefined {
  return read(schema, value) as Readable<z.infer<Schema>> | undefined;
}

function read(schema: z.core.$ZodType, value: unknown): unknown {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault) {
    return value === undefined ? z.safeParse(schema, value).data : read(schema.def.innerType, value);
  }
  if (schema instanceof z.ZodDiscriminatedUnion) {
    const option = schema.def.options.find((each) => isOption(each, schema.def.discriminator, value));
    return option === undefined ? undefined : read(option, value);
  }
  if (schema instanceof z.ZodArray) {
    return Array.isArray(value) ? value.map((entry) => read(schema.def.element, entry)) : undefined;
  }
  if (schema instanceof z.ZodObject) return isMapping(value) ? readMapping(schema.def.shape, value) : undefined;
  return z.safeParse(schema, value).data;
}

function readMapping(shape: z.core.$ZodShape, value: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(shape).flatMap(([key, schema]) => {
      const part = read(schema, value[key]);
      return Object.hasOwn(value, key) || part !== undefined ? [[key, part]] : [];
    }),
  );
}

function isOption(option: z.core.$ZodType, discriminator: string, value: unknown): boolean {
  if (!(option instanceof z.ZodObject) || !isMapping(value)) return false;
  const literal = (option.def.shape as z.core.$ZodShape)[discriminator];
  return literal !== undefined && z.safeParse(literal, value[discriminator]).success;
}

function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
