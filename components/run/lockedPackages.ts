import { parse } from "smol-toml";
import { z } from "zod";
import { compareVersions } from "../../machine/version.mjs";

/** Which packages a lock of uv installs, with their versions: what of flows/uv.lock decides what a run computes. */

/** The values of environment markers, and which groups are installed. */
export interface PackageEnvironment {
  /** Dependency groups of the project, for example `train`. */
  readonly groups: readonly string[];
  /** Python's version, as `3.11` or `3.11.14`. */
  readonly python: string;
  /** Python's `sys.platform`. */
  readonly platform: "linux" | "darwin";
  /** Python's `platform.machine()`. */
  readonly machine: "x86_64" | "aarch64" | "arm64";
}

const dependencySchema = z.object({
  name: z.string(),
  /** Only where the lock has several versions of the package. */
  version: z.string().optional(),
  extra: z.array(z.string()).default([]),
  marker: z.string().optional(),
});

const dependenciesSchema = z.array(dependencySchema).default([]);

const lockSchema = z.object({
  version: z.literal(1),
  package: z.array(
    z.object({
      name: z.string(),
      version: z.string().optional(),
      source: z.record(z.string(), z.unknown()),
      dependencies: dependenciesSchema,
      "optional-dependencies": z.record(z.string(), dependenciesSchema).default({}),
      "dev-dependencies": z.record(z.string(), dependenciesSchema).default({}),
    }),
  ),
});

type Dependency = z.infer<typeof dependencySchema>;
type Package = z.infer<typeof lockSchema>["package"][number];

/** Lines with the files of a package, five sixths of a lock: versions name them already, and reading them takes longest. */
const files = /^(?:sdist = \{.*\}|    \{ url = .*\},?)\r?\n/gm;

/**
 * All packages that groups of a project need, directly or by way of others, on one platform.
 *
 * @param lock text of a `uv.lock`.
 * @returns `name==version`, sorted.
 * @throws where the text is no such lock, or lacks a group or a package.
 */
export function lockedPackages(lock: string, environment: PackageEnvironment): string[] {
  const { package: packages } = lockSchema.parse(parse(lock.replace(files, "")));
  const project = packages.find(({ source }) => "virtual" in source || "editable" in source);
  if (project === undefined) throw new Error("the lock has no project of its own");
  const holds = markersOf(environment, project.name);
  const found = new Set<string>();
  const seen = new Set<string>();

  const visit = ({ name, version, extra, marker }: Dependency): void => {
    if (marker !== undefined && !holds(marker)) return;
    const locked = packages.find((one) => one.name === name && (version === undefined || one.version === version));
    if (locked === undefined) throw new Error(`the lock lacks ${name}${version === undefined ? "" : ` ${version}`}`);
    if (locked !== project) found.add(`${name}==${locked.version ?? ""}`);
    follow(locked, "", locked.dependencies);
    for (const part of extra) follow(locked, part, locked["optional-dependencies"][part] ?? []);
  };
  const follow = (from: Package, part: string, dependencies: readonly Dependency[]): void => {
    const key = `${from.name} ${from.version ?? ""} ${part}`;
    if (seen.has(key)) return;
    seen.add(key);
    dependencies.forEach(visit);
  };

  for (const group of environment.groups) {
    const dependencies = project["dev-dependencies"][group];
    if (dependencies === undefined) throw new Error(`the lock has no group ${group}`);
    dependencies.forEach(visit);
  }
  follow(project, "", project.dependencies);
  return [...found].sort();
}

const comparison = /^\s*(\w+)\s*(==|!=|<=|>=|<|>)\s*'([^']*)'\s*/;

/**
 * Whether an environment marker holds, in the form in which uv writes them: a name, an operator, a text, joined by `and`, `or` and
 * parentheses (https://packaging.python.org/en/latest/specifications/dependency-specifiers/#environment-markers). uv says by an `extra`
 * of its own which of two groups that conflict is installed.
 */
function markersOf(environment: PackageEnvironment, project: string): (marker: string) => boolean {
  const extras = new Set(environment.groups.map((group) => `group-${project.length}-${project}-${group}`));
  const values: Readonly<Record<string, string>> = {
    implementation_name: "cpython",
    os_name: "posix",
    platform_machine: environment.machine,
    platform_python_implementation: "CPython",
    platform_system: environment.platform === "linux" ? "Linux" : "Darwin",
    python_full_version: environment.python,
    python_version: environment.python.split(".").slice(0, 2).join("."),
    sys_platform: environment.platform,
  };

  const compares = (name: string, operator: string, wanted: string): boolean => {
    if (name === "extra") return extras.has(wanted) === (operator === "==");
    const value = values[name];
    if (value === undefined) throw new Error(`the marker ${name} is not known`);
    const order = name.startsWith("python_")
      ? compareVersions(value, wanted)
      : value < wanted
        ? -1
        : Number(value > wanted);
    switch (operator) {
      case "==":
        return order === 0;
      case "!=":
        return order !== 0;
      case "<":
        return order < 0;
      case "<=":
        return order <= 0;
      case ">":
        return order > 0;
      default:
        return order >= 0;
    }
  };

  const evaluate = (marker: string): boolean => {
    let rest = marker;
    const take = (token: RegExp): boolean => {
      const match = token.exec(rest);
      if (match !== null) rest = rest.slice(match[0].length);
      return match !== null;
    };
    const either = (): boolean => {
      let value = both();
      // Both sides are read, whatever the first says.
      while (take(/^\s*or\b/)) value = both() || value;
      return value;
    };
    const both = (): boolean => {
      let value = one();
      while (take(/^\s*and\b/)) value = one() && value;
      return value;
    };
    const one = (): boolean => {
      if (take(/^\s*\(/)) {
        const value = either();
        if (!take(/^\s*\)\s*/)) throw new Error(`the marker ${marker} lacks a parenthesis`);
        return value;
      }
      const [read, name, operator, wanted] = comparison.exec(rest) ?? [];
      if (read === undefined || name === undefined || operator === undefined || wanted === undefined) {
        throw new Error(`the marker ${marker} is not understood`);
      }
      rest = rest.slice(read.length);
      return compares(name, operator, wanted);
    };
    const value = either();
    if (rest.trim() !== "") throw new Error(`the marker ${marker} is not understood`);
    return value;
  };

  const known = new Map<string, boolean>();
  return (marker) => {
    let value = known.get(marker);
    if (value === undefined) known.set(marker, (value = evaluate(marker)));
    return value;
  };
}
