import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { beforeAll, describe, expect, it } from "vitest";

const original = path.join(__dirname, "..", "..", "..");
const command = path.join(original, "node_modules", "dependency-cruiser", "bin", "dependency-cruise.mjs");

/** What the check says of a tree with these files. */
function check(files: Readonly<Record<string, string>>): { status: number | null; output: string } {
  const root = fs.mkdtempSync(path.join(fs.realpathSync(os.tmpdir()), "layers-"));
  try {
    for (const name of [".dependency-cruiser.mjs", "tsconfig.json", "docs/architecture.md"]) {
      fs.cpSync(path.join(original, name), path.join(root, name));
    }
    for (const [name, text] of Object.entries(files)) {
      fs.mkdirSync(path.dirname(path.join(root, name)), { recursive: true });
      fs.writeFileSync(path.join(root, name), text);
    }
    const { status, stdout, stderr } = spawnSync(process.execPath, [command, "--output-type", "err-long", "."], {
      cwd: root,
      encoding: "utf8",
    });
    // It wraps its lines.
    return { status, output: (stdout + stderr).replaceAll(/\s+/g, " ") };
  } finally {
    fs.rmSync(root, { recursive: true, force: true });
  }
}

describe("the layers of docs/architecture.md", () => {
  const sound = {
    "catalog/gpus.ts": "export const gpus = [];\n",
    "sizing/search.ts": 'import { gpus } from "../catalog/gpus";\nexport const found = gpus;\n',
    "sizing/rows/row.ts": 'import { found } from "../search";\nexport const row = found;\n',
  };

  it("let a folder import from the rows above its own", () => {
    expect(check(sound)).toMatchObject({ status: 0 });
  });

  describe("refuse", () => {
    let outcome: ReturnType<typeof check>;

    beforeAll(() => {
      outcome = check({
        ...sound,
        "stacks/local.ts": "export interface Local { readonly name: string }\n",
        "catalog/models.ts":
          'import type { Local } from "../stacks/local";\nexport const models: readonly Local[] = [];\n',
        "sizing/table.ts": 'import { row } from "./rows/row";\nexport const table = row;\n',
        "recipe/first.ts": 'import { second } from "./second";\nexport const first = [() => second];\n',
        "recipe/second.ts": 'import { first } from "./first";\nexport const second = [() => first];\n',
        "cli/one/a.ts": 'import { b } from "../two/b";\nexport const a = b;\n',
        "cli/two/b.ts": "export const b = 1;\n",
        "cli/two/c.ts": 'import { d } from "../one/d";\nexport const c = d;\n',
        "cli/one/d.ts": "export const d = 1;\n",
        "setup/packages.mjs": 'import { z } from "zod";\nexport const a = z;\n',
        "machine/typed.ts": "export const b = 1;\n",
        "machine/plain.mjs": 'import { b } from "./typed";\nexport const c = b;\n',
        "helpers/all.ts": 'import { gpus } from "../catalog/gpus";\nexport const all = gpus;\n',
      });
    }, 60_000);

    it("with a status that says so", () => {
      expect(outcome.status).toBeGreaterThan(0);
    });

    it.each([
      ["an import from a row below, of types too", "catalog/ imports from a row below its own: catalog/models.ts"],
      ["an import of a subfolder below its folder", "sizing/ imports from a row below its own: sizing/table.ts"],
      ["files that import each other", "circle of files: recipe/"],
      ["folders inside of one layer that import each other", "circle of folders: cli/"],
      ["a package where none is installed yet", "package before packages: setup/packages.mjs"],
      ["TypeScript where nothing reads it yet", "TypeScript before packages: machine/plain.mjs"],
      ["a folder that the table does not have", "no layer: helpers/all.ts"],
    ])("%s", (_, said) => {
      expect(outcome.output).toContain(said);
    });

    it("and say what to do", () => {
      expect(outcome.output).toContain("Move what both need to the folder of the upper row, or pass it in.");
    });
  });
});
