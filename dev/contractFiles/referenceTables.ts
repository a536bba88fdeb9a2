import type { Contract } from "../../contracts";
import { withMarkedPart } from "../markedPart";
import { nameIn, ownTypes, type JsonSchema } from "./jsonSchemas";

/** The reference of one contract in docs/contracts.md: a table for each type that no earlier contract has. */

const code = (text: string): string => `\`${text}\``;

/** A cell of a Markdown table. */
const cell = (text: string): string => text.replaceAll("|", "\\|").replaceAll("\n", " ");

/** What JSON Schema gives as the bound of a number without one. */
const isBound = (value: number | undefined): value is number =>
  value !== undefined && Math.abs(value) !== Number.MAX_SAFE_INTEGER;

const shown = (value: number): string => (Math.abs(value) < 10_000 ? String(value) : value.toLocaleString("en-US"));

function rangeOf(schema: JsonSchema): string {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum } = schema;
  const bounds = [
    isBound(minimum) ? `≥ ${shown(minimum)}` : undefined,
    isBound(exclusiveMinimum) ? `> ${shown(exclusiveMinimum)}` : undefined,
    isBound(maximum) ? `≤ ${shown(maximum)}` : undefined,
    isBound(exclusiveMaximum) ? `< ${shown(exclusiveMaximum)}` : undefined,
  ].filter((bound) => bound !== undefined);
  return bounds.length === 0 ? "" : `, ${bounds.join(", ")}`;
}

/** Schemas by the names of fields or types. */
type Fields = Readonly<Record<string, JsonSchema>>;

/** What values a field takes, in words; named types are links to their tables. */
function typeText(schema: JsonSchema, types: Fields): string {
  if (schema.$ref !== undefined) {
    const name = nameIn(schema.$ref);
    const named = types[name];
    // A list of words needs no table of its own.
    return named?.enum !== undefined ? typeText(named, types) : `[${name}](#${name.toLowerCase()})`;
  }
  const alternatives = schema.oneOf ?? schema.anyOf;
  if (alternatives !== undefined) return alternatives.map((one) => typeText(one, types)).join(" or ");
  if (schema.const !== undefined) return code(JSON.stringify(schema.const));
  if (schema.enum !== undefined) return schema.enum.map((value) => code(JSON.stringify(value))).join(", ");
  return plainTypeText(schema, types);
}

/** What values a field of one of JSON's types takes. */
function plainTypeText(schema: JsonSchema, types: Fields): string {
  const { type } = schema;
  if (typeof type === "object") return type.map((one) => typeText({ ...schema, type: one }, types)).join(" or ");
  switch (type) {
    case "array":
      return `list of ${typeText(schema.items ?? {}, types)}`;
    case "object":
      return `mapping of names to ${typeof schema.additionalProperties === "object" ? typeText(schema.additionalProperties, types) : "values"}`;
    case "integer":
      return `whole number${rangeOf(schema)}`;
    case "number":
      return `number${rangeOf(schema)}`;
    case "string":
      return "text";
    case "boolean":
      return "true or false";
    case "null":
      return "null";
    default:
      throw new Error(`the reference has no words for ${JSON.stringify(schema)}`);
  }
}

/** Rule and description of a field, its type's where it has none itself. */
function meaning(schema: JsonSchema, types: Fields): string {
  const named = schema.$ref === undefined ? undefined : types[nameIn(schema.$ref)];
  const description = schema.description ?? named?.description ?? "";
  if (schema.rule === undefined) return description;
  return `${description} ${schema.rule.charAt(0).toUpperCase()}${schema.rule.slice(1)}.`.trim();
}

function defaultText(name: string, type: JsonSchema, field: JsonSchema): string {
  if (field.default !== undefined) return code(JSON.stringify(field.default));
  return type.required?.includes(name) === true ? "" : "left out";
}

/** Rows of a table of fields. */
function fieldTable(type: JsonSchema, fields: Fields, types: Fields): string[] {
  const rows = Object.entries(fields).map(([field, schema]) => {
    const cells = [code(field), typeText(schema, types), defaultText(field, type, schema), meaning(schema, types)];
    return `| ${cells.map(cell).join(" | ")} |`;
  });
  return rows.length === 0 ? [] : ["| field | type | default | meaning |", "| --- | --- | --- | --- |", ...rows, ""];
}

/** Fields that every alternative of a union has alike. */
function commonFields(alternatives: readonly JsonSchema[]): Fields {
  const [first, ...others] = alternatives;
  const text = (type: JsonSchema, field: string): string =>
    JSON.stringify([type.properties?.[field], type.required?.includes(field) === true]);
  const isCommon = (field: string): boolean =>
    first !== undefined && others.every((other) => text(other, field) === text(first, field));
  return Object.fromEntries(Object.entries(first?.properties ?? {}).filter(([field]) => isCommon(field)));
}

/** A union's name by the names of its alternatives. */
function unionsIn(types: Fields): ReadonlyMap<string, string> {
  return new Map(
    Object.entries(types).flatMap(([union, type]) =>
      (type.oneOf ?? type.anyOf ?? []).flatMap((one): [string, string][] =>
        one.$ref === undefined ? [] : [[nameIn(one.$ref), union]],
      ),
    ),
  );
}

const alternativesOf = (type: JsonSchema | undefined, types: Fields): JsonSchema[] =>
  (type?.oneOf ?? type?.anyOf ?? []).flatMap((one) => (one.$ref === undefined ? [] : (types[nameIn(one.$ref)] ?? [])));

function typeSection(name: string, type: JsonSchema, types: Fields): string[] {
  if (type.enum !== undefined) return [];
  const heading = [`#### ${name}`, "", type.description ?? "", ""];
  const alternatives = alternativesOf(type, types);
  if (alternatives.length > 0) {
    const names = (type.oneOf ?? type.anyOf ?? []).map((one) => typeText(one, types)).join(", ");
    const table = fieldTable(alternatives[0] ?? {}, commonFields(alternatives), types);
    return [...heading, `One of ${names}.${table.length > 0 ? " All of them have:" : ""}`, "", ...table];
  }
  const union = unionsIn(types).get(name);
  const common = union === undefined ? {} : commonFields(alternativesOf(types[union], types));
  const own = Object.entries(type.properties ?? {}).filter(([field]) => common[field] === undefined);
  const beside =
    Object.keys(common).length === 0 ? [] : [`Beside the fields of every [${union}](#${union?.toLowerCase()}):`, ""];
  return [...heading, ...beside, ...fieldTable(type, Object.fromEntries(own), types)];
}

/**
 * The tables of each contract, as Markdown.
 *
 * @returns by the contract's name; nothing for one whose types earlier contracts have.
 */
export function referenceTables(contracts: readonly Contract[]): ReadonlyMap<string, string> {
  const own = ownTypes(contracts, "input");
  const types = Object.assign({}, ...own.values()) as Fields;
  return new Map(
    [...own].flatMap(([contract, definitions]): [string, string][] => {
      const lines = Object.entries(definitions).flatMap(([name, type]) => typeSection(name, type, types));
      return lines.length === 0 ? [] : [[contract, lines.join("\n").trim()]];
    }),
  );
}

export const tableStart = (contract: string): string => `<!-- contract ${contract}: generated by npm run contracts -->`;
export const tableEnd = (contract: string): string => `<!-- contract ${contract}: end -->`;

/**
 * A page with the tables of every contract made anew.
 *
 * @throws if the page lacks a contract's markers.
 */
export function withTables(page: string, contracts: readonly Contract[]): string {
  let text = page;
  for (const [name, table] of referenceTables(contracts)) {
    text = withMarkedPart("docs/contracts.md", text, table, tableStart(name), tableEnd(name));
  }
  return text;
}
