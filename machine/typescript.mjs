import { mkdirSync, mkdtempSync, rmdirSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import process from "node:process";
import { layout, root } from "./checkout.mjs";

const require = createRequire(import.meta.url);

/**
 * Has Node read TypeScript. What has been read is kept in the checkout. By itself the reader keeps it in the folder for short-lived
 * files, where another user of the machine could put other code in its place.
 */
export function readTypeScript() {
  const { TMPDIR, TSX_DISABLE_CACHE, TSX_TSCONFIG_PATH } = process.env;
  const readAsItIs = require.extensions[".js"];
  // By itself the reader follows the tsconfig.json of the folder that a person is in, whose paths may lead to other modules.
  process.env.TSX_TSCONFIG_PATH = path.join(root, "tsconfig.json");
  try {
    mkdirSync(layout.compiled, { recursive: true, mode: 0o700 });
    // The folder may be another user's, or its disk full.
    rmdirSync(mkdtempSync(path.join(layout.compiled, "writable-")));
    process.env.TMPDIR = layout.compiled;
  } catch {
    // In a checkout that this user cannot write to nothing is kept.
    process.env.TSX_DISABLE_CACHE = "1";
  }
  require("tsx/cjs");
  for (const [name, value] of Object.entries({ TMPDIR, TSX_DISABLE_CACHE, TSX_TSCONFIG_PATH })) {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
  // What Node reads by itself stays so: it is quicker, and of each module there is one, the set-up's own and the command's.
  require.extensions[".js"] = readAsItIs;
  // A person's NODE_OPTIONS may keep Node from requiring an ECMAScript module; then the reader makes another kind of it.
  if (process.features.require_module) require.extensions[".mjs"] = readAsItIs;
}
