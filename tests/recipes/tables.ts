import * as fs from "node:fs";
import * as path from "node:path";
import { methods } from "../../methods";

/** The tables of this folder: common.json for what recipes of all methods have, and one file per method for its own. */

type Tree = Record<string, unknown>;

interface Valid {
  /** Values laid over the method's document, by their paths. */
  readonly set: Tree;
}

interface Refused extends Valid {
  /** Field that is refused, and a piece of the reason. */
  readonly path: string;
  readonly text: string;
}

interface Table<OfMethod> {
  readonly document: Tree;
  readonly valid: readonly (Valid & OfMethod)[];
  readonly refused: readonly (Refused & OfMethod)[];
}

interface OfMethod {
  readonly method: string;
}

const read = (name: string): unknown => JSON.parse(fs.readFileSync(path.join(__dirname, `${name}.json`), "utf8"));

const common = read("common") as Table<OfMethod>;
const own = new Map(methods.map(({ name }) => [name as string, read(name) as Table<unknown>]));

/** Lays values over a document, by their paths. */
function lay(document: Tree, values: Tree): Tree {
  for (const [path, value] of Object.entries(values)) {
    const keys = path.split(".");
    let place: Tree = document;
    for (const key of keys.slice(0, -1)) place = (place[key] ??= {}) as Tree;
    place[keys.at(-1) ?? ""] = value;
  }
  return document;
}

/** The document of a method with values laid over it. */
export function documentOf(method: string, set: Tree): Tree {
  const base = { method, name: `${method}-test`, ...structuredClone(common.document) };
  return lay(lay(base, structuredClone(own.get(method)?.document ?? {})), set);
}

function casesOf<Case extends Valid>(
  ofAll: readonly (Case & OfMethod)[],
  ofOne: (table: Table<unknown>) => readonly Case[],
): (Case & OfMethod & { readonly document: Tree })[] {
  const cases = [...ofAll, ...[...own].flatMap(([method, table]) => ofOne(table).map((each) => ({ ...each, method })))];
  return cases.map((each) => ({ ...each, document: documentOf(each.method, each.set) }));
}

/** Every case of every table, with its document. */
export const cases = {
  valid: casesOf<Valid>(common.valid, (table) => table.valid),
  refused: casesOf<Refused>(common.refused, (table) => table.refused),
};
