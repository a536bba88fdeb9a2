import { z } from "zod";
import type { Contract } from "../../contracts";
import { schemaTree } from "../../validation/schemaTree";

/** A JSON Schema, as far as it is read here. */
export interface JsonSchema {
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly rule?: string;
  readonly default?: unknown;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly $ref?: string;
  readonly $defs?: Readonly<Record<string, JsonSchema>>;
  readonly oneOf?: readonly JsonSchema[];
  readonly anyOf?: readonly JsonSchema[];
  readonly items?: JsonSchema;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | JsonSchema;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
}

/** The schema that a document is validated with before defaults are filled in: one tree without references. */
export const validationSchema = (contract: Contract): JsonSchema => schemaTree(contract.schema) as JsonSchema;

/** The named types of a document, by name. */
export function namedTypes(contract: Contract, io: "input" | "output"): Readonly<Record<string, JsonSchema>> {
  return (z.toJSONSchema(contract.schema, { io }) as JsonSchema).$defs ?? {};
}

/** The name in a reference to a named type. */
export const nameIn = (reference: string): string => reference.slice(reference.lastIndexOf("/") + 1);

/**
 * The named types of each contract that no earlier one has.
 *
 * @returns by the contract's name.
 */
export function ownTypes(
  contracts: readonly Contract[],
  io: "input" | "output",
): ReadonlyMap<string, Readonly<Record<string, JsonSchema>>> {
  const taken = new Set<string>();
  return new Map(
    contracts.map((contract) => {
      const own = Object.entries(namedTypes(contract, io)).filter(([name]) => !taken.has(name));
      for (const [name] of own) taken.add(name);
      return [contract.name, Object.fromEntries(own)];
    }),
  );
}
