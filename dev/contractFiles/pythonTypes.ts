import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Contract } from "../../contracts";
import { layout, pythonOf } from "../../machine/checkout.mjs";
import { Problem } from "../../setup/problem.mjs";
import { nameIn, ownTypes, type JsonSchema } from "./jsonSchemas";

/** Keywords that say what values a type has. Ranges and forms are the validator's; Python's types have none. */
const ofTypes = new Set([
  ...["$ref", "type", "const", "enum", "items", "oneOf", "anyOf"],
  ...["properties", "required", "additionalProperties", "description"],
]);

const isSchema = (value: unknown): value is JsonSchema => typeof value === "object" && value !== null;

/** A schema without what types do not have; references lead to the module that has the type. */
function typeOf(schema: JsonSchema, moduleOf: (name: string) => string): JsonSchema {
  const inside = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(inside);
    return isSchema(value) ? typeOf(value, moduleOf) : value;
  };
  return Object.fromEntries(
    Object.entries(schema)
      // Without it the types would be closed ones (PEP 728), which Python 3.11's `typing` does not have.
      .filter(([keyword, value]) => ofTypes.has(keyword) && !(keyword === "additionalProperties" && value === false))
      .map(([keyword, value]: [string, unknown]): [string, unknown] => {
        if (keyword === "$ref")
          return [keyword, `${moduleOf(nameIn(String(value)))}.json#/$defs/${nameIn(String(value))}`];
        if (keyword !== "properties") return [keyword, inside(value)];
        const properties = Object.entries(value as Record<string, JsonSchema>);
        return [keyword, Object.fromEntries(properties.map(([name, part]) => [name, typeOf(part, moduleOf)]))];
      }),
  );
}

const header = (name: string): string =>
  `"""Types of contracts/index.ts's \`${name}\`; \`npm run contracts\` writes this file."""`;

/**
 * Python's types of the documents that validation has filled in, as `TypedDict`s: one module for each contract that has types
 * of its own.
 *
 * @returns texts by file name.
 * @throws if the Python environment `train` is not there, or the generator fails.
 */
export function pythonTypes(contracts: readonly Contract[]): ReadonlyMap<string, string> {
  const own = ownTypes(contracts, "output");
  const modules = new Map([...own].flatMap(([module, types]) => Object.keys(types).map((name) => [name, module])));
  const moduleOf = (name: string): string => modules.get(name) ?? "";
  const folder = mkdtempSync(join(tmpdir(), "posttraining-contracts-"));
  try {
    const [schemas, types] = [join(folder, "schemas"), join(folder, "types")];
    for (const directory of [schemas, types]) mkdirSync(directory);
    const filled = [...own].filter(([, definitions]) => Object.keys(definitions).length > 0);
    for (const [module, definitions] of filled) {
      const entries = Object.entries(definitions).map(([name, schema]) => [name, typeOf(schema, moduleOf)]);
      writeFileSync(join(schemas, `${module}.json`), JSON.stringify({ $defs: Object.fromEntries(entries) as unknown }));
    }
    run(["-m", "datamodel_code_generator", ...generatorOptions, "--input", schemas, "--output", types]);
    const written = readdirSync(types).filter((name) => name !== "__init__.py");
    for (const name of written) {
      const file = join(types, name);
      const [module, text] = [name.slice(0, -".py".length), readFileSync(file, "utf8")];
      // The generator's own first lines name a file that is gone.
      writeFileSync(file, `${header(module)}\n\n${text.replace(/^(?:#.*\n)+\n*/, "")}`);
    }
    writeFileSync(
      join(types, "__init__.py"),
      `"""The documents that cross a boundary: schemas and types, from contracts/."""\n`,
    );
    const configuration = ["--config", join(layout.flows, "pyproject.toml")];
    run(["-m", "ruff", "check", "--quiet", "--fix", "--select", "I,F401", ...configuration, types]);
    run(["-m", "ruff", "format", "--quiet", ...configuration, types]);
    return new Map(["__init__.py", ...written].sort().map((name) => [name, readFileSync(join(types, name), "utf8")]));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const generatorOptions = [
  ...["--input-file-type", "jsonschema", "--output-model-type", "typing.TypedDict"],
  ...["--target-python-version", "3.11", "--enum-field-as-literal", "all", "--formatters", "builtin"],
  ...["--use-schema-description", "--use-field-description", "--use-single-line-docstring"],
  ...["--use-exact-imports", "--skip-root-model", "--disable-timestamp", "--disable-future-imports", "--strict-refs"],
];

function run(parameters: readonly string[]): void {
  const python = pythonOf("train");
  if (!existsSync(python)) {
    throw new Problem(`There is no Python environment at ${python}.`, [
      "npm run bootstrap -- --only infrastructure makes it.",
    ]);
  }
  execFileSync(python, parameters, { stdio: ["ignore", "ignore", "pipe"], encoding: "utf8" });
}
