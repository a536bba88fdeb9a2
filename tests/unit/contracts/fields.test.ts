import * as fs from "node:fs";
import * as path from "node:path";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { type Contract, contracts } from "../../../contracts";
import { root } from "../../../machine/checkout.mjs";

/** What a run is given. A field of it that nothing reads is a promise that nobody keeps. */
const given = ["recipe", "plan", "placement"];

/** Fields that nothing reads by their names, and why they are there. */
const unread: Readonly<Record<string, string>> = {
  operator: "Kubernetes' own: a toleration is handed on whole",
  bits: "4 is its only value; that it stands there keeps recipes of today from meaning something else later",
};

/** Folders of what acts on documents; what declares, checks or generates them is elsewhere. */
const acting = ["cli", "components", "flows", "pricing", "provider", "sizing", "stacks"];

const sources = acting
  .flatMap((folder) =>
    fs
      .readdirSync(path.join(root, folder), { recursive: true, encoding: "utf8" })
      .map((file) => path.join(folder, file)),
  )
  .filter((file) => /\.(?:ts|py)$/.test(file) && !file.startsWith(path.join("flows", "posttraining", "contracts")))
  .map((file) => fs.readFileSync(path.join(root, file), "utf8"))
  .join("\n");

function propertiesOf(schema: unknown): string[] {
  if (typeof schema !== "object" || schema === null) return [];
  const { properties } = schema as { properties?: object };
  return [...Object.keys(properties ?? {}), ...Object.values(schema).flatMap(propertiesOf)];
}

/** Names of fields that no source reads as `document["name"]`, `document.get("name")` or `document.name`. */
const unreadOf = ({ schema }: Pick<Contract, "schema">): string[] =>
  [...new Set(propertiesOf(z.toJSONSchema(schema, { io: "input", unrepresentable: "any" })))].filter(
    (name) => !new RegExp(String.raw`\["${name}"\]|get\("${name}"|\.${name}\b`).test(sources),
  );

describe("the fields of what a run is given", () => {
  it.each(contracts.filter(({ name }) => given.includes(name)))("are read by somebody: $name", (contract) => {
    expect(unreadOf(contract).filter((name) => !(name in unread))).toEqual([]);
  });

  it("and those that are said to be read by nobody are", () => {
    const found = contracts.filter(({ name }) => given.includes(name)).flatMap(unreadOf);
    expect(Object.keys(unread).filter((name) => !found.includes(name))).toEqual([]);
  });

  it("are missed where nothing reads them", () => {
    const schema = z.strictObject({ base: z.string(), nested: z.strictObject({ orchidField: z.number() }) });
    expect(unreadOf({ schema })).toEqual(["nested", "orchidField"]);
  });
});
