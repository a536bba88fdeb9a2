import type { z } from "zod";
import { formatPath, nearest } from "./explain";
import { schemaTree } from "./schemaTree";

/** Which keys a schema knows, and where each belongs: from this a wrong key is explained. */

/** A place where a schema knows a key. */
export interface KeyPlace {
  /** The mapping that it stands in, for example `optimizer`, `stages[]` or, at the top, an empty text. */
  readonly parent: string;
  /** What that mapping must be, for example `kind "lora" or "qlora"`; undefined where it may be any. */
  readonly when: string | undefined;
}

/** Every key that a schema knows, with its places. */
export type KeyPlaces = ReadonlyMap<string, readonly KeyPlace[]>;

interface JsonSchema {
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly items?: JsonSchema;
  readonly oneOf?: readonly JsonSchema[];
  readonly anyOf?: readonly JsonSchema[];
  readonly const?: unknown;
}

interface PlacedKey extends KeyPlace {
  readonly key: string;
}

/**
 * Where each key of a schema belongs: what "is not a key here" and "did you mean" are said from.
 *
 * @param parent the mapping that the schema is for, where it is a part of another.
 */
export function keyPlaces(schema: z.ZodType, parent = ""): KeyPlaces {
  const places = new Map<string, KeyPlace[]>();
  for (const { key, ...place } of placedKeys(schemaTree(schema, "any") as JsonSchema, parent)) {
    places.set(key, [...(places.get(key) ?? []), place]);
  }
  return places;
}

/** Places of several schemas that may stand in one document. */
export function allPlaces(...all: readonly KeyPlaces[]): KeyPlaces {
  const places = new Map<string, readonly KeyPlace[]>();
  for (const each of all) for (const [key, found] of each) places.set(key, [...(places.get(key) ?? []), ...found]);
  return places;
}

function placedKeys(schema: JsonSchema, parent: string): PlacedKey[] {
  const branches = schema.oneOf ?? schema.anyOf;
  if (branches !== undefined) return mergedBranches(branches, parent);
  if (schema.items !== undefined) return placedKeys(schema.items, `${parent}[]`);
  return Object.entries(schema.properties ?? {}).flatMap(([key, child]) => [
    { key, parent, when: undefined },
    ...placedKeys(child, parent === "" ? key : `${parent}.${key}`),
  ]);
}

/** Keys of a union: one that not all of its mappings have belongs to some of them only. */
function mergedBranches(branches: readonly JsonSchema[], parent: string): PlacedKey[] {
  const mappings = branches.filter((branch) => branch.properties !== undefined);
  const byPlace = new Map<string, { first: PlacedKey; labels: string[] }>();
  for (const branch of branches) {
    for (const placed of placedKeys(branch, parent)) {
      const id = `${placed.parent}\0${placed.key}`;
      const known = byPlace.get(id) ?? { first: placed, labels: [] };
      byPlace.set(id, { first: known.first, labels: [...known.labels, labelOf(branch)] });
    }
  }
  return [...byPlace.values()].map(({ first, labels }) => {
    const isOfAll = first.parent !== parent || labels.length === mappings.length || labels.includes("");
    return isOfAll ? first : { ...first, when: `${labels[0] ?? ""}${labels.slice(1).map(unnamed).join("")}` };
  });
}

/** `kind "lora"`: the value by which a mapping of a union is told from the others; empty where there is none. */
function labelOf({ properties }: JsonSchema): string {
  for (const key of ["method", "kind"]) {
    const value = properties?.[key]?.const;
    if (typeof value === "string") return `${key} "${value}"`;
  }
  return "";
}

const unnamed = (label: string): string => ` or ${label.replace(/^\w+ /, "")}`;

function describePlace({ parent, when }: KeyPlace): string {
  if (when === undefined) return parent === "" ? "the top" : parent;
  return `${parent !== "" ? parent : when.startsWith("method") ? "recipes" : "stacks"} of ${when}`;
}

/** Keys of the mapping at a path, of whatever kind it is. */
export function keysIn(places: KeyPlaces, path: string): string[] {
  const parent = path.replace(/\[\d+\]/g, "[]");
  return [...places].flatMap(([key, found]) => (found.some((place) => place.parent === parent) ? [key] : []));
}

/** What to do about a key that is not known where it stands. */
export function unknownKey(key: string, path: readonly PropertyKey[], places: KeyPlaces): string {
  const parent = formatPath(path).replace(/\[\d+\]/g, "[]");
  const elsewhere = (places.get(key) ?? []).filter((place) => place.parent !== parent || place.when !== undefined);
  if (elsewhere.length > 0) {
    return `is not a key here; it belongs to ${elsewhere.slice(0, 3).map(describePlace).join(", or to ")}`;
  }
  const here = keysIn(places, parent);
  const [first = "", ...rest] = key.split(".");
  if (rest.length > 0 && here.includes(first)) {
    return `is not a known key; keys are nested: write ${first}: { ${rest.join(": { ")}: ...${" }".repeat(rest.length)}`;
  }
  const sibling = nearest(key, here);
  if (sibling !== undefined) return `is not a known key; did you mean ${sibling}?`;
  const cousin = nearest(key, [...places.keys()]);
  const [place] = cousin === undefined ? [] : (places.get(cousin) ?? []);
  if (cousin !== undefined && place !== undefined) {
    return `is not a known key; did you mean ${cousin}, which belongs to ${describePlace(place)}?`;
  }
  return `is not a known key${here.length === 0 ? "" : `; the keys here are ${here.join(", ")}`}`;
}
