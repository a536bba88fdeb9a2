import { createRequire } from "node:module";
import { readTypeScript } from "../../machine/typescript.mjs";

/** Starts the provider. tsx keeps what it has read, which ts-node does not: 0.2 s instead of 0.7 s, for every operation of Pulumi. */

readTypeScript();
createRequire(import.meta.url)("./main.ts");
