import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { precisionPage } from "./precisionPage";

/**
 * Writes docs/precision.md from what bench/precision.py has measured.
 *
 *     node setup/run.mjs bench/precision.ts
 */
void precisionPage().then((page) => {
  writeFileSync(join(__dirname, "..", "docs", "precision.md"), page);
});
