import { shortened, shownValue } from "../../validation/shownValue";
import { countParameters, findShape, interpolateShape, modelNames, sizeFromName, type ModelShape } from "../shape";
import type { Row } from "./fields";
import { inRangeOf } from "./numbers";
import { suggestion } from "./vocabulary";

/** Encoders that are trained on one vector or score a text. */
export const pooledModel = /embed|(^|[/_-])(bge|gte|e5)([/_-]|$)|minilm|rerank|modernbert/i;

/** A model's name without its organisation. */
const shortName = (name: string): string => name.slice(name.lastIndexOf("/") + 1);
const shortNames = modelNames.map(shortName);

/** The models of the table whose names begin alike: few slips are in the first letter, and most names differ in it. */
function similarModels(name: string): string[] {
  const first = name.charAt(0).toLowerCase();
  return shortNames.filter((known) => known.charAt(0).toLowerCase() === first);
}

export function parseModel(
  row: Row,
  parametersGiven: number | undefined,
  sizeRefused: boolean,
  assumed: string[],
  problems: string[],
): ModelShape | undefined {
  const known = row.model === "" ? undefined : findShape(row.model, parametersGiven);
  if (known !== undefined) {
    const counted = countParameters(known).total / 1e9;
    if (parametersGiven !== undefined && Math.abs(Math.log(parametersGiven / counted)) > Math.log(1.5))
      assumed.push(
        `params_b: ${shortened(row.params_b)} is not the size of ${known.name}, whose shape with ${counted.toFixed(2)} billion is used`,
      );
    return known;
  }
  const size = parametersGiven ?? sizeFromName(row.model);
  if (size !== undefined && inRangeOf("params_b", size)) {
    assumed.push(`model: shape of a typical decoder with ${String(size)} billion parameters`);
    return interpolateShape(row.model === "" ? "unnamed model" : row.model, size);
  }
  // A size that cannot be read is one mistake: with it mended, the model may need no name.
  if (sizeRefused) return undefined;
  const examples = modelNames.slice(0, 6).join(", ");
  const wrong = row.model === "" ? "is missing" : `${shownValue(row.model)} is not known`;
  problems.push(
    `model: ${wrong}; use one of ${examples}, ... (${String(modelNames.length)} in catalog/models.ts), or give params_b${suggestion(shortName(row.model), similarModels(shortName(row.model)))}`,
  );
  return undefined;
}
