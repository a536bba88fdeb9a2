import * as fs from "node:fs";
import * as path from "node:path";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { type Contract, contracts } from "../../../contracts";
import { root } from "../../../machine/checkout.mjs";
import { schemaTree } from "../../../validation/schemaTree";

/**
 * What a run is given. A field of it that nothing reads is a promise that nobody keeps.
 *
 * Sources are searched, not understood: a field counts as read where it stands behind the name of its part (`recipe["batch"]["micro"]`,
 * `batch.micro`). What reads a field of that name from another thing that is called like the part is not told apart, and neither is
 * whether anything is done with what was read.
 */
const given = contracts.filter(({ name }) => ["recipe", "plan", "placement"].includes(name));

/** Fields that nothing reads by their names, and why they are there. */
const kubernetesOwn = "Kubernetes' own: a toleration is handed on whole";
const unread: Readonly<Record<string, string>> = {
  "trainable.bits":
    "4 is its only value; that it stands there keeps recipes of today from meaning something else later",
  "tolerations.key": kubernetesOwn,
  "tolerations.operator": kubernetesOwn,
  "tolerations.value": kubernetesOwn,
  "tolerations.effect": kubernetesOwn,
};

/** What one of a part's entries is called where that is another word than the part's singular. */
const entryNames: Readonly<Record<string, string>> = { gate: "condition" };

/** Folders of what acts on documents; what declares and generates them is elsewhere. */
const acting = ["cli", "components", "flows", "pricing", "provider", "sizing", "stacks"];

/** Files in them that declare, check or trace, and do nothing of what a document asks for. */
const onlyJudges = /^flows\/(?:sizing_oracle\/|posttraining\/(?:contracts\/|checks\.py|\w+_(?:checks|relations)\.py))/;

const sources = acting
  .flatMap((folder) =>
    fs
      .readdirSync(path.join(root, folder), { recursive: true, encoding: "utf8" })
      .map((file) => path.posix.join(folder, file)),
  )
  .filter((file) => /\.(?:ts|py)$/.test(file) && !onlyJudges.test(file))
  .map((file) => fs.readFileSync(path.join(root, file), "utf8"))
  .join("\n");

/** Every field as `<part>.<field>`, by the name of the part that it stands in. */
function fieldsOf(schema: unknown, part: string): string[] {
  if (typeof schema !== "object" || schema === null) return [];
  return Object.entries(schema).flatMap(([key, value]: [string, unknown]) =>
    key === "properties"
      ? Object.entries(value as object).flatMap(([name, field]) => [`${part}.${name}`, ...fieldsOf(field, name)])
      : fieldsOf(value, part),
  );
}

/** A part, or one of its entries, and behind it the field: `part["field"]`, `part.get("field"` or `part.field`. */
function isRead(field: string): boolean {
  const [part = "", name = ""] = field.split(".");
  const names = [part, part.replace(/s$/, ""), entryNames[part] ?? part].join("|");
  return new RegExp(String.raw`\b(?:${names})(?:"\])?(?:\["${name}"\]|\.get\("${name}"|\??\.${name}\b)`).test(sources);
}

const unreadOf = ({ name, schema }: Pick<Contract, "name" | "schema">): string[] =>
  [...new Set(fieldsOf(schemaTree(schema, "any"), name))].filter((field) => !isRead(field));

describe("the fields of what a run is given", () => {
  it.each(given)("are read by somebody: $name", (contract) => {
    expect(unreadOf(contract).filter((field) => !(field in unread))).toEqual([]);
  });

  it("and those that are said to be read by nobody are", () => {
    const found = given.flatMap(unreadOf);
    expect(Object.keys(unread).filter((field) => !found.includes(field))).toEqual([]);
  });

  it("are missed where nothing reads them, though fields of their names are read elsewhere", () => {
    const batch = z.strictObject({ micro: z.number(), limit: z.number() });
    const schema = z.strictObject({ base: z.string(), batch, rewards: z.array(z.strictObject({ kind: z.string() })) });
    expect(unreadOf({ name: "recipe", schema })).toEqual([
      "recipe.base",
      "batch.limit",
      "recipe.rewards",
      "rewards.kind",
    ]);
  });
});
