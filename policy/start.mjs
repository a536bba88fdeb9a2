import { createRequire } from "node:module";
import { readTypeScript } from "../machine/typescript.mjs";

/** Starts the policy pack. */

readTypeScript();
createRequire(import.meta.url)("./index.ts");
