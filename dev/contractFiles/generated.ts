import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { format, resolveConfig } from "prettier";
import type { Contract } from "../../contracts";
import { projectRoot } from "../../machine/layout";
import { validationSchema } from "./jsonSchemas";
import { pythonTypes } from "./pythonTypes";
import { withTables } from "./referenceTables";

/** Where Python's schemas and types lie, below the top of the checkout. No other file lies there. */
export const contractsFolder = join("flows", "posttraining", "contracts");

const page = join("docs", "contracts.md");

const isForPython = (contract: Contract): boolean => contract.isOfTypeScriptAlone !== true;

/** Formats a file of the checkout as `npm run format` does. */
async function formatted(file: string, text: string): Promise<string> {
  const filepath = join(projectRoot, file);
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
  const text = withTables(readFileSync(join(projectRoot, page), "utf8"), contracts);
  return new Map([[page, await formatted(page, text)]]);
}

/** A file that is not as it should be. */
export interface StaleFile {
  readonly file: string;
  readonly problem: "is missing" | "is not what the contracts say" | "belongs to no contract";
}

/**
 * Files that differ from what is generated.
 *
 * @param wanted texts by file.
 * @param folder a folder, below `root`, in which nothing but what is wanted may lie.
 * @param root top of the checkout.
 */
export function staleFiles(wanted: ReadonlyMap<string, string>, folder: string, root = projectRoot): StaleFile[] {
  const found = filesBelow(join(root, folder)).map((file) => relative(root, file));
  const unwanted = found.filter((file) => !wanted.has(file));
  const wrong = [...wanted].flatMap(([file, text]): StaleFile[] => {
    const committed = textOf(join(root, file));
    if (committed === undefined) return [{ file, problem: "is missing" }];
    return committed === text ? [] : [{ file, problem: "is not what the contracts say" }];
  });
  return [...wrong, ...unwanted.map((file): StaleFile => ({ file, problem: "belongs to no contract" }))];
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && !entry.parentPath.endsWith("__pycache__"))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

function textOf(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
