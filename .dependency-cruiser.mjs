import { readFileSync } from "node:fs";

/**
 * Which folder may import which. The layers are the rows of the table below "Layers" in docs/architecture.md, from the ground up: a
 * folder imports only folders that stand above it there; those on one row may import each other. A file belongs to the longest path of
 * the table that it begins with.
 */

const architecture = readFileSync(new URL("docs/architecture.md", import.meta.url), "utf8");
const section = /^## Layers$(.*?)^## /ms.exec(architecture)?.[1] ?? "";
const rows = [...section.matchAll(/^\| (`[^|]+)\|/gm)].map((row) =>
  [...row[1].matchAll(/`([^`]+)`/g)].map((name) => name[1]),
);
const layers = rows.flat();
if (layers.length === 0) throw new Error('docs/architecture.md has no table of layers below "## Layers"');

/** The files of a layer, without those of a layer inside it. */
const filesOf = (layer) => {
  const inner = layers.filter((other) => other !== layer && other.startsWith(layer)).map(escaped);
  return inner.length === 0 ? `^${escaped(layer)}` : `^(?!${inner.join("|")})${escaped(layer)}`;
};

const escaped = (text) => text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);

const npm = ["npm", "npm-dev", "npm-optional", "npm-peer", "npm-bundled", "npm-no-pkg", "npm-unknown", "unknown"];

/** @type {import("dependency-cruiser").IConfiguration} */
export default {
  forbidden: [
    ...rows.slice(0, -1).map((row, index) => ({
      name: `${row.join(", ")} imports from a row below its own`,
      comment:
        "The rows are the layers of docs/architecture.md. Move what both need to the folder of the upper row, or pass it in.",
      severity: "error",
      from: { path: row.map(filesOf) },
      to: {
        path: rows
          .slice(index + 1)
          .flat()
          .map(filesOf),
      },
    })),
    {
      name: "no layer",
      comment: "The folder is in no row of the table of layers (docs/architecture.md). Add it where it belongs.",
      severity: "error",
      from: { path: "/", pathNot: layers.map(filesOf) },
      to: {},
    },
    {
      name: "circle of files",
      comment: "These files import each other. Move what they share into a file of its own.",
      severity: "error",
      from: {},
      to: { circular: true },
    },
    {
      name: "circle of folders",
      comment:
        "These folders import each other. Move what they share to the one that stands first in docs/architecture.md.",
      severity: "error",
      scope: "folder",
      from: { pathNot: "^tests/" },
      to: { circular: true },
    },
    {
      name: "package before packages",
      comment:
        "This runs before any npm package is installed. Use Node's own modules, or move it to a folder that runs later.",
      severity: "error",
      // It loads what reads TypeScript, for whoever calls it once that is there.
      from: { path: String.raw`^(?:setup|machine)/.*\.mjs$`, pathNot: String.raw`^machine/typescript\.mjs$` },
      to: { dependencyTypes: npm },
    },
    {
      name: "TypeScript before packages",
      comment:
        "This runs before what reads TypeScript is installed. Make what it imports a .mjs file, or move it to a folder that runs later.",
      severity: "error",
      from: { path: String.raw`^(?:setup|machine)/.*\.mjs$` },
      to: { path: String.raw`\.ts$` },
    },
  ],
  options: {
    // Documentation and the Python side hold no modules.
    exclude: { path: String.raw`(?:^|/)(?:node_modules/.*/node_modules|\.posttraining)/|^(?:docs|flows)/` },
    doNotFollow: { path: "node_modules" },
    moduleSystems: ["es6", "cjs"],
    // An import of types alone is one, too.
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
  },
};
