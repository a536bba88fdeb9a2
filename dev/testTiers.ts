import { readFileSync, rmSync } from "node:fs";
import * as path from "node:path";
import { layout, pythonOf, root } from "../machine/checkout.mjs";
import { findCommand, runCommand } from "../setup/command.mjs";
import type { Part } from "../setup/progress.mjs";
import { pythonEnvironment } from "../setup/python-environments.mjs";
import { environmentHere } from "../setup/set-up-environment.mjs";
import type { Extent } from "../setup/set-up.mjs";
import { findUv } from "../setup/uv.mjs";
import { awsProvider } from "./awsProvider";
import { countJunit, type Counts, countVitest, type VitestReport } from "./testResults";

/** One tier of tests. */
export interface Tier {
  readonly name: string;
  readonly what: string;
  /** How much must be set up. */
  readonly extent: Extent;
  /** What must be set up that belongs to no extent. */
  readonly more?: readonly Part[];
  /** Names of the parts of the set-up without which it cannot run. */
  readonly needs: readonly string[];
  /** `doing`: told what is under way from now on */
  readonly run: (print: (line: string) => void, doing: (activity: string) => void) => Promise<Counts>;
}

const nodeTool = (name: string): string => path.join(root, "node_modules", ...name.split("/"));

/**
 * Reads a report that a runner should have written. A runner that died, or failed without a failed test, counts as a failure.
 *
 * @param status exit status of the runner
 */
export function readReport(
  file: string,
  status: number,
  count: (text: string) => Counts,
  print: (line: string) => void,
): Counts {
  let counts: Counts;
  try {
    counts = count(readFileSync(file, "utf8"));
  } catch (error) {
    print(`no usable report (exit status ${status}): ${error instanceof Error ? error.message : String(error)}`);
    return { passed: 0, failed: 1, skipped: 0 };
  }
  if (status !== 0 && counts.failed === 0) {
    print(`the runner itself failed (exit status ${status})`);
    return { ...counts, failed: 1 };
  }
  return counts;
}

/** @param projects of vitest.config.mts */
function vitest(tier: string, projects: readonly string[], options: readonly string[] = []) {
  return async (print: (line: string) => void) => {
    const report = path.join(layout.logs, `test-${tier}.json`);
    rmSync(report, { force: true });
    const selection = projects.flatMap((project) => ["--project", project]);
    const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${report}`];
    const { status } = await runCommand(
      process.execPath,
      [nodeTool("vitest/vitest.mjs"), "run", ...options, ...selection, ...reporters],
      {
        cwd: root,
        environment: { ...process.env, NO_COLOR: "1" },
        logFile: path.join(layout.logs, `test-${tier}.log`),
        onLine: print,
      },
    );
    return readReport(report, status, (text) => countVitest(JSON.parse(text) as VitestReport), print);
  };
}

const pythonTests = ["flows", "oracle", "dev", path.join("unit", "setup")].map((folder) => path.join("tests", folder));
const pythonSources = ["flows", "setup", "dev", ...pythonTests, path.join("tests", "aws")];

async function pytest(print: (line: string) => void): Promise<Counts> {
  const report = path.join(layout.logs, "test-python.xml");
  rmSync(report, { force: true });
  const { status } = await runCommand(
    pythonOf("train"),
    ["-m", "pytest", "-c", path.join("flows", "pyproject.toml"), `--junit-xml=${report}`, ...pythonTests],
    // A person's own PYTHONPATH would be searched before the environment's packages.
    { cwd: root, environment: environmentHere(), logFile: path.join(layout.logs, "test-python.log"), onLine: print },
  );
  return readReport(report, status, countJunit, print);
}

/** Checks of the sources; each counts as one test. */
async function checks(): Promise<{ name: string; command: string; parameters: string[] }[]> {
  const python = pythonOf("train");
  const uv = (await findUv()) ?? "uv";
  return [
    {
      name: "eslint",
      command: process.execPath,
      parameters: [nodeTool("eslint/bin/eslint.js"), "--max-warnings=0", "."],
    },
    {
      name: "prettier",
      command: process.execPath,
      parameters: [nodeTool("prettier/bin/prettier.cjs"), "--check", "--log-level", "warn", "."],
    },
    {
      name: "layers",
      command: process.execPath,
      parameters: [nodeTool("dependency-cruiser/bin/dependency-cruise.mjs"), ...["--output-type", "err-long", "."]],
    },
    { name: "unused code", command: process.execPath, parameters: [nodeTool("knip/bin/knip.js")] },
    { name: "tsc", command: process.execPath, parameters: [nodeTool("typescript/bin/tsc"), "--noEmit"] },
    {
      name: "tsc (tools)",
      command: process.execPath,
      parameters: [nodeTool("typescript/bin/tsc"), "--noEmit", "--project", "tsconfig.mjs.json"],
    },
    {
      name: "contracts",
      command: process.execPath,
      parameters: [path.join("setup", "run.mjs"), path.join("dev", "contracts.ts"), "--check"],
    },
    {
      name: "reference",
      command: process.execPath,
      parameters: [path.join("setup", "run.mjs"), path.join("dev", "reference.ts"), "--check"],
    },
    { name: "ruff check", command: python, parameters: ["-m", "ruff", "check", ...pythonSources] },
    { name: "ruff format", command: python, parameters: ["-m", "ruff", "format", "--check", ...pythonSources] },
    { name: "pyright", command: process.execPath, parameters: [nodeTool("pyright/index.js")] },
    { name: "uv lock", command: uv, parameters: ["lock", "--check", "--project", "flows"] },
    // npm can write a lock that lacks the packages of other systems; where none is installed, `npm ci` then refuses it.
    {
      name: "npm lock",
      command: findCommand("npm") ?? "npm",
      parameters: ["ci", "--dry-run", "--ignore-scripts", "--include=dev", "--include=optional", "--include=peer"],
    },
  ];
}

async function runChecks(
  print: (line: string) => void,
  doing: (activity: string) => void,
): Promise<{ passed: number; failed: number; skipped: number }> {
  let [passed, failed] = [0, 0];
  for (const { name, command, parameters } of await checks()) {
    doing(name);
    const { status, output } = await runCommand(command, parameters, { cwd: root, environment: environmentHere() });
    print(`${status === 0 ? "passed" : "FAILED"}  ${name}`);
    if (status === 0) passed += 1;
    else {
      failed += 1;
      for (const line of output.trimEnd().split("\n").slice(-60)) print(`    ${line}`);
    }
  }
  return { passed, failed, skipped: 0 };
}

/** What rehearses needs the planner and its packages, of which no other tier needs anything. */
// eslint-disable-next-line @typescript-eslint/no-require-imports
const rehearsals = () => require("./rehearsals") as typeof import("./rehearsals");

export const tiers: readonly Tier[] = [
  {
    name: "checks",
    what: "linters, types and locks",
    extent: "infrastructure",
    needs: ["npm packages", "uv", "Python (train)"],
    run: runChecks,
  },
  {
    name: "unit",
    what: "unit and component tests, what each stack registers, and real processes",
    extent: "packages",
    needs: ["npm packages"],
    // A process loads Pulumi and the AWS types once, not for each file; modules of this project are loaded anew.
    run: vitest("unit", ["unit", "components", "golden", "processes"], ["--no-isolate"]),
  },
  {
    name: "python",
    what: "flows, driver and training library",
    extent: "everything",
    needs: ["uv", "Python (train)"],
    run: pytest,
  },
  {
    name: "engine",
    what: "the real Pulumi engine, object store, training and model server",
    extent: "everything",
    needs: ["npm packages", "uv", "Python (train)", "Python (serve)", "Pulumi engine", "object store"],
    run: vitest("engine", ["engine", "faults-fast"]),
  },
  {
    name: "rehearsals",
    what: "the six recipes, with adapters and with all weights, each run small",
    extent: "everything",
    needs: ["npm packages", "uv", "Python (train)", "Python (serve)"],
    run: (print, doing) => rehearsals().rehearseAll(print, doing),
  },
  {
    name: "rehearsals-by-change",
    what: "of the rehearsals the one that a change puts most at risk",
    extent: "everything",
    needs: ["npm packages", "uv", "Python (train)", "Python (serve)"],
    run: (print, doing) => rehearsals().rehearseByChange(print, doing),
  },
  {
    name: "faults",
    what: "faults of every kind on one stack of this machine, each followed by what a person would do next",
    extent: "everything",
    needs: ["npm packages", "uv", "Python (train)", "Python (serve)", "Pulumi engine", "object store"],
    run: vitest("faults", ["faults"]),
  },
  {
    name: "aws",
    what: "the real AWS plugin's code against a stand-in for AWS",
    extent: "infrastructure",
    more: [pythonEnvironment("aws", "infrastructure"), awsProvider],
    needs: ["npm packages", "Python (aws)", "Pulumi engine", "AWS plugin"],
    run: vitest("aws", ["aws"]),
  },
];

/** Tiers of a plain `npm test`. */
export const defaultTiers = ["unit", "python", "engine"];
