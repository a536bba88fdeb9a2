import { readFileSync } from "node:fs";
import { join } from "node:path";
import { format, resolveConfig } from "prettier";
import type { Contract } from "../../contracts";
import { root } from "../../machine/checkout.mjs";
import { validationSchema } from "./jsonSchemas";
import { pythonTypes } from "./pythonTypes";
import { withTables } from "./referenceTables";

/** Where Python's schemas and types lie, below the top of the checkout. No other file lies there. */
export const contractsFolder = join("flows", "posttraining", "contracts");

const page = join("docs", "contracts.md");

const isForPython = (contract: Contract): boolean => contract.isOfTypeScriptAlone !== true;

/** Formats a file of the checkout as `npm run format` does. */
async function formatted(file: string, text: string): Promise<string> {
  const filepath = join(root, file);
  return format(text, { ...(await resolveConfig(filepath)), filepath });
}

/** JSON Schemas that Python validates documents with, by file. */
export async function schemaFiles(contracts: readonly Contract[]): Promise<ReadonlyMap<string, string>> {
  const files = contracts.filter(isForPython).map(async (contract): Promise<[string, string]> => {
    const file = join(contractsFolder, `${contract.name}.schema.json`);
    return [file, await formatted(file, JSON.stringify(validationSchema(contract)))];
  });
  return new Map(await Promise.all(files));
}

/** Python's types of the documents, by file. */
export const typeFiles = (contracts: readonly Contract[]): ReadonlyMap<string, string> =>
  new Map([...pythonTypes(contracts.filter(isForPython))].map(([name, text]) => [join(contractsFolder, name), text]));

/** The page that describes the contracts, its tables made anew, by file. */
export async function pageFile(contracts: readonly Contract[]): Promise<ReadonlyMap<string, string>> {
  const text = withTables(readFileSync(join(root, page), "utf8"), contracts);
  return new Map([[page, await formatted(page, text)]]);
}
