import { describe, expect, it } from "vitest";
import { contracts } from "../../../contracts";
import { runDocumentSchema } from "../../../contracts/runDocument";
import { runDocumentErrors } from "../../../recipe/runDocument";
import { explainIssues } from "../../../validation/explainIssues";
import table from "../../contracts/documents.json";

/** The table that tests/flows/library/test_contract_documents.py holds the Python side to as well. */

type Tree = Record<string, unknown>;

interface Case {
  readonly document: string;
  readonly set: Readonly<Record<string, unknown>>;
  readonly unset?: readonly string[];
}

const documents: Readonly<Record<string, { readonly contract: string; readonly document: unknown }>> = table.documents;

/** The mapping that a path's last key stands in, and that key. */
function placeOf(document: Tree, path: string): [Tree, string] {
  const keys = path.split(".");
  let place = document;
  for (const key of keys.slice(0, -1)) place = (place[key] ??= {}) as Tree;
  return [place, keys.at(-1) ?? ""];
}

function documentOf({ document, set, unset = [] }: Case): unknown {
  const made = structuredClone(documents[document]?.document) as Tree;
  for (const [path, value] of Object.entries(set)) {
    const [place, key] = placeOf(made, path);
    place[key] = value;
  }
  for (const path of unset) {
    const [place, key] = placeOf(made, path);
    // eslint-disable-next-line @typescript-eslint/no-dynamic-delete -- a document without the key
    delete place[key];
  }
  return made;
}

function problemsOf(row: Case): string[] {
  const name = documents[row.document]?.contract;
  const contract = contracts.find((one) => one.name === name);
  if (contract === undefined) throw new Error(`there is no contract ${name ?? ""}`);
  const made = documentOf(row);
  const read = contract.schema.safeParse(made);
  const errors = read.success
    ? contract.schema === runDocumentSchema
      ? runDocumentErrors(runDocumentSchema.parse(made))
      : []
    : explainIssues(read.error.issues, made);
  return errors.map(({ path, reason }) => `${path}: ${reason}`);
}

const shown = ({ document, set, unset = [] }: Case): string => `${document} ${JSON.stringify(set)} ${unset.join(" ")}`;

describe("documents that both sides judge", () => {
  it.each(table.valid.map((row): [string, Case] => [shown(row), row]))("accepted: %s", (_name, row) => {
    expect(problemsOf(row)).toEqual([]);
  });

  it.each(table.refused.map((row): [string, typeof row] => [shown(row), row]))("refused: %s", (_name, row) => {
    const problems = problemsOf(row);
    const found = problems.filter((problem) => problem.startsWith(`${row.path}: `) && problem.includes(row.text));
    expect(found, problems.join("\n")).toHaveLength(1);
  });

  it("are of every contract but the parts that stand in others", () => {
    const judged = new Set(Object.values(documents).map(({ contract }) => contract));
    const parts = ["recipe", "plan"];
    const shared = contracts.filter(({ isOfTypeScriptAlone }) => isOfTypeScriptAlone !== true).map(({ name }) => name);
    expect(shared.filter((name) => !judged.has(name) && !parts.includes(name))).toEqual([]);
  });
});
