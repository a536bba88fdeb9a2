import { z } from "zod";

/** Which part of a schema a value is for. */

export type Schema = z.core.$ZodType;

/** What a mapping may hold, by its keys. */
interface Alternative {
  readonly shape: Readonly<Record<string, Schema>>;
  /** It is another one than that which the value had before. */
  readonly isOther: boolean;
}

type Tree = Readonly<Record<string, unknown>>;

/** The schema itself, without defaults around it. */
function bare(schema: Schema): Schema {
  return schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault
    ? bare(schema.def.innerType)
    : schema;
}

function mappingsOf(schema: Schema): readonly z.ZodObject[] {
  const inner = bare(schema);
  const alternatives: readonly Schema[] = inner instanceof z.ZodUnion ? inner.def.options : [inner];
  return alternatives.filter((alternative) => alternative instanceof z.ZodObject);
}

/** Whether a mapping can be meant by some of its keys: it knows them all, and none of its fixed values is another. */
function canBe({ def }: z.ZodObject, value: Tree): boolean {
  const shape = def.shape as z.core.$ZodShape;
  return Object.entries(value).every(([key, part]) => {
    const schema = Object.hasOwn(shape, key) ? shape[key] : undefined;
    return schema !== undefined && (!(schema instanceof z.ZodLiteral) || z.safeParse(schema, part).success);
  });
}

/** The only alternative of a union that a value can be; undefined where there are several, or none. */
export function schemaOf(schema: Schema, value: Tree): Schema | undefined {
  const meant = mappingsOf(schema).filter((mapping) => canBe(mapping, value));
  return meant.length === 1 ? meant[0] : undefined;
}

/**
 * The mapping that a value is to be once `overrides` lie over it. Of a union, overrides choose another alternative by a key or a fixed
 * value that the present one does not have.
 *
 * @returns undefined where it cannot be told
 */
export function alternativeFor(schema: Schema, base: Tree, overrides: Tree): Alternative | undefined {
  const mappings = mappingsOf(schema);
  const [only] = mappings;
  if (only !== undefined && mappings.length === 1) return { shape: only.def.shape, isOther: false };
  const before = mappings.find((mapping) => canBe(mapping, base));
  if (before === undefined) return undefined;
  const fixed = Object.keys(before.def.shape).filter((key) => before.def.shape[key] instanceof z.ZodLiteral);
  // Of a union with a discriminator that alone chooses: `{ rank: 8 }` over `{ kind: full }` is a slip.
  const choosing = fixed.length === 0 ? overrides : withKeys(overrides, fixed);
  if (Object.keys(choosing).length === 0 || canBe(before, choosing)) return { shape: before.def.shape, isOther: false };
  const chosen = mappings.filter((mapping) => canBe(mapping, choosing));
  const [other] = chosen;
  return other !== undefined && chosen.length === 1 ? { shape: other.def.shape, isOther: true } : undefined;
}

const withKeys = (value: Tree, keys: readonly string[]): Tree =>
  Object.fromEntries(Object.entries(value).filter(([key]) => keys.includes(key)));
