import { spawn } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

/**
 * Measures the commands that people wait for, as whole processes.
 *
 *     node bench/measure.mjs NAME [NAME ...]     or without names: all but the slow ones
 *
 * Wall seconds and, on Linux, the largest sum of the proportional memory (PSS) of all processes of this checkout while the
 * command ran. Results go to bench/results/NAME.json; the README quotes them.
 */

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));

/** @type {Record<string, { command: string[], runs: number, warmUp: number, slow?: true, what: string }>} */
const benchmarks = {
  bootstrap: { command: ["npm", "run", "bootstrap"], runs: 5, warmUp: 1, what: "everything is set up already" },
  "unit-and-components": {
    command: ["npm", "run", "-s", "test:unit"],
    runs: 3,
    warmUp: 1,
    what: "unit and component tests alone",
  },
  preview: {
    command: ["npm", "run", "-s", "pulumi", "--", "preview", "--stack", "local", "--non-interactive"],
    runs: 5,
    warmUp: 1,
    what: "preview of the stack local without changes",
  },
  "quickstart-again": {
    command: ["npm", "run", "quickstart"],
    runs: 3,
    warmUp: 1,
    what: "second quickstart: nothing changes",
  },
  quickstart: {
    command: ["npm", "run", "quickstart"],
    runs: 1,
    warmUp: 0,
    slow: true,
    what: "first quickstart after bootstrap (run `npm run teardown -- local` before)",
  },
  test: { command: ["npm", "test"], runs: 1, warmUp: 0, slow: true, what: "all tiers, set up already" },
};

/** Sum of the proportional set sizes of all processes that mention this checkout, in GiB. */
function memoryInUse() {
  if (process.platform !== "linux") return undefined;
  let kilobytes = 0;
  for (const pid of readdirSync("/proc").filter((entry) => /^\d+$/.test(entry) && entry !== String(process.pid))) {
    try {
      const environment = readFileSync(`/proc/${pid}/environ`, "utf8");
      const command = readFileSync(`/proc/${pid}/cmdline`, "utf8");
      if (!environment.includes(`PWD=${root}`) && !command.includes(root) && !environment.includes(`${root}/`))
        continue;
      kilobytes += Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"))?.[1] ?? 0);
    } catch {
      // The process ended while it was read.
    }
  }
  return kilobytes / 2 ** 20;
}

/** @param {string[]} command */
async function measureOnce([program = "", ...rest]) {
  const began = process.hrtime.bigint();
  const child = spawn(program, rest, { cwd: root, stdio: ["ignore", "ignore", "inherit"] });
  let peak = memoryInUse();
  const sampler = setInterval(() => {
    peak = Math.max(peak ?? 0, memoryInUse() ?? 0);
  }, 1000);
  const status = await new Promise((resolve) => child.once("close", resolve));
  clearInterval(sampler);
  if (status !== 0) throw new Error(`${[program, ...rest].join(" ")} ended with ${status}`);
  return { seconds: Number(process.hrtime.bigint() - began) / 1e9, peak };
}

/** @param {number[]} values */
const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

const names = process.argv.slice(2);
const chosen = names.length > 0 ? names : Object.keys(benchmarks).filter((name) => !benchmarks[name]?.slow);
for (const name of chosen) {
  const benchmark = benchmarks[name];
  if (benchmark === undefined) {
    console.error(`no benchmark ${name}; there are: ${Object.keys(benchmarks).join(", ")}`);
    process.exit(2);
  }
  for (let i = 0; i < benchmark.warmUp; i++) await measureOnce(benchmark.command);
  const runs = [];
  for (let i = 0; i < benchmark.runs; i++) runs.push(await measureOnce(benchmark.command));
  const seconds = runs.map((run) => run.seconds);
  const result = {
    name,
    what: benchmark.what,
    command: benchmark.command.join(" "),
    date: new Date().toISOString().slice(0, 10),
    machine: `${os.cpus().length} cores (${os.cpus()[0]?.model.trim() ?? "unknown"}), ${Math.round(os.totalmem() / 2 ** 30)} GiB, ${os.platform()}, Node ${process.versions.node}`,
    runs: runs.length,
    seconds: { min: Math.min(...seconds), median: median(seconds), max: Math.max(...seconds) },
    peakMemoryGiB: Math.max(...runs.map((run) => run.peak ?? 0)),
  };
  mkdirSync(path.join(root, "bench", "results"), { recursive: true });
  writeFileSync(path.join(root, "bench", "results", `${name}.json`), `${JSON.stringify(result, null, 2)}\n`);
  const { min, median: middle, max } = result.seconds;
  console.log(
    `${name}: median ${middle.toFixed(1)} s (${min.toFixed(1)} to ${max.toFixed(1)}), peak memory ${result.peakMemoryGiB.toFixed(1)} GiB`,
  );
}
