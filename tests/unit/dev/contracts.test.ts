import { describe, expect, it } from "vitest";
import { z } from "zod";
import { contracts } from "../../../contracts";
import { contractsFolder, pageFile, schemaFiles } from "../../../dev/contractFiles/generated";
import { referenceTables, withTables } from "../../../dev/contractFiles/referenceTables";
import { validationSchema } from "../../../dev/contractFiles/jsonSchemas";
import { staleFiles } from "../../../dev/staleFiles";

describe("what the contracts say", () => {
  // Python's types are the check's `npm run contracts -- --check`: they need the Python environment.
  it("stands in the schemas and the page that are committed", async () => {
    const files = new Map([...(await schemaFiles(contracts)), ...(await pageFile(contracts))]);
    const stale = staleFiles(files, contractsFolder).filter(({ file }) => !file.endsWith(".py"));
    expect(stale, "`npm run contracts` mends them").toEqual([]);
  });

  it("refuses keys that it does not know, at every depth", () => {
    const open: string[] = [];
    const visit = (value: unknown, path: string): void => {
      if (typeof value !== "object" || value === null) return;
      const { properties, additionalProperties } = value as { properties?: unknown; additionalProperties?: unknown };
      if (typeof properties === "object" && !("type" in value && additionalProperties === false)) open.push(path);
      for (const [key, part] of Object.entries(value)) visit(part, `${path}/${key}`);
    };
    for (const contract of contracts) visit(validationSchema(contract), contract.name);
    expect(open).toEqual([]);
  });
});

describe("a reference table", () => {
  const inner = z
    .strictObject({ size: z.int().min(1).describe("Bytes.") })
    .meta({ id: "TestInner", description: "I." });
  const schema = z
    .strictObject({
      inner,
      mode: z.enum(["a", "b"]).default("a").describe("How."),
      share: z.number().gt(0).lt(1).nullable().describe("A share."),
      names: z.array(z.string()).optional(),
    })
    .meta({ id: "TestOuter", description: "O." });

  it("has a row for each field, with type, bounds, default and meaning", () => {
    expect(referenceTables([{ name: "test", schema }]).get("test")).toBe(
      [
        "#### TestOuter\n\nO.\n",
        "| field | type | default | meaning |",
        "| --- | --- | --- | --- |",
        "| `inner` | [TestInner](#testinner) |  | I. |",
        '| `mode` | `"a"`, `"b"` | `"a"` | How. |',
        "| `share` | number, > 0, < 1 or null |  | A share. |",
        "| `names` | list of text | left out |  |",
        "\n#### TestInner\n\nI.\n",
        "| field | type | default | meaning |",
        "| --- | --- | --- | --- |",
        "| `size` | whole number, ≥ 1 |  | Bytes. |",
      ].join("\n"),
    );
  });

  it("gives what the alternatives of a union have alike once", () => {
    const union = z
      .discriminatedUnion("kind", [
        z.strictObject({ kind: z.literal("x"), inner }).meta({ id: "TestX", description: "X." }),
        z.strictObject({ kind: z.literal("y"), inner, more: z.boolean() }).meta({ id: "TestY", description: "Y." }),
      ])
      .meta({ id: "TestUnion", description: "U." });
    const text = referenceTables([{ name: "test", schema: union }]).get("test") ?? "";
    expect(text.match(/`inner`/g)).toHaveLength(1);
    expect(text).toContain("One of [TestX](#testx), [TestY](#testy). All of them have:");
    expect(text).toContain("Beside the fields of every [TestUnion](#testunion):");
  });

  it("needs its place on the page", () => {
    expect(() => withTables("no markers", [{ name: "test", schema }])).toThrow(
      "docs/contracts.md needs the lines <!-- contract test:",
    );
  });
});
