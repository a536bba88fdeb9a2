import { spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import process from "node:process";

/** Stands in for the rehearsal's program: what it does is said by words after its name, before the request's file. */

const words = process.argv.slice(2, -1);
const request = JSON.parse(readFileSync(process.argv.at(-1) ?? "", "utf8"));

console.log(`rehearsing ${request.recipe.name} with ${request.processes} processes`);
console.error("a warning of a library");
if (words.includes("dies")) process.exit(2);

const passed = !words.includes("fails");
const report = {
  version: 1,
  identity: words.includes("other") ? "0ther" : request.identity,
  recipe: request.recipe.name,
  passed,
  replaced: [],
  invariants: [{ name: "weights change", passed: passed && !words.includes("lies"), message: "seen", measured: {} }],
  seconds: { train: 1, total: 1 },
  at: new Date().toISOString(),
};
if (!words.includes("silent")) {
  const text = words.includes("garbled")
    ? "{"
    : JSON.stringify(words.includes("odd") ? { ...report, more: 1 } : report);
  writeFileSync(path.join(request.folder, "report.json"), text);
}

if (words.includes("leaves") || words.includes("hangs")) {
  const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"], { detached: true, stdio: "ignore" });
  child.unref();
  console.log(`child ${child.pid}`);
}
if (words.includes("hangs")) setInterval(() => {}, 1000);
else process.exitCode = passed ? 0 : 1;
