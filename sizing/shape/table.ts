import { models, type ModelShape } from "../../catalog/models";
import { aliased } from "./aliases";
import { normalise, sizeFromName } from "./names";

const byName = new Map(models.map((shape) => [shape.name, shape]));
const byShortName = new Map(models.map((shape) => [normalise(shape.name), shape]));

/** Names of all shapes in the table, for error messages. */
export const modelNames: readonly string[] = models.map((shape) => shape.name);

/**
 * Shape of a model by hub id or common name, whatever the case, prefix (`unsloth/`) or suffix (`-Instruct`, `-bnb-4bit`).
 * For bare family names such as `Llama 2` or `Falcon` the number of parameters picks the member.
 */
export function findShape(name: string, parametersB?: number): ModelShape | undefined {
  const text = normalise(name);
  const found = byName.get(name) ?? byShortName.get(text) ?? shapeAliased(text);
  if (found !== undefined || parametersB === undefined || sizeFromName(name) !== undefined) return found;
  for (const size of roundings(parametersB)) {
    const sized = `${text}-${String(size)}b`;
    const member = byShortName.get(sized) ?? shapeAliased(sized);
    if (member !== undefined) return member;
  }
  return undefined;
}

/** The shape of the table with just this name. */
export function shapeNamed(name: string): ModelShape {
  const found = byName.get(name);
  if (found === undefined) throw new Error(`catalog/models.ts has no ${name}`);
  return found;
}

function shapeAliased(text: string): ModelShape | undefined {
  const name = aliased(text);
  return name === undefined ? undefined : byName.get(name);
}

/** Names round their sizes: 7.6 is called 7b, 1.54 1.5b and 68.98 70b. */
const roundings = (parametersB: number): readonly number[] => [
  Math.round(parametersB),
  Number(parametersB.toFixed(1)),
  Math.floor(parametersB),
  Math.round(parametersB / 10) * 10,
];
