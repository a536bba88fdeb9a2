import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import path from "node:path";
import { root } from "../machine/checkout.mjs";
import { findCommand, lastLines, runCommand } from "./command.mjs";
import { PartFailure } from "./progress.mjs";
import { Problem } from "./problem.mjs";
import { requireDiskSpace } from "./tool-cache.mjs";
import { isAtLeast } from "../machine/version.mjs";

/**
 * Version of a module that a committed go.mod requires, without the leading "v".
 *
 * @param {string} goMod text of a go.mod file
 * @param {string} module
 */
export function requiredVersion(goMod, module) {
  for (const line of goMod.split("\n")) {
    const [name, version] = line
      .replace(/^require\s+/, "")
      .trim()
      .split(/\s+/);
    if (name === module && version?.startsWith("v") === true) return version.slice(1);
  }
  throw new Error(`go.mod does not require ${module}`);
}

/**
 * Why a Go tool chain cannot build a module; undefined when it can. From Go 1.21 on the tool chain fetches a newer one by
 * itself when a module asks for it, unless GOTOOLCHAIN forbids that (https://go.dev/doc/toolchain).
 *
 * @param {string | undefined} version for example `1.22.4`; undefined when there is no Go
 * @param {string} wanted version on the `go` line of go.mod
 * @param {string} toolchain value of GOTOOLCHAIN
 * @returns {Problem | undefined}
 */
export function goProblem(version, wanted, toolchain) {
  const remedies = [
    "Install Go from https://go.dev/dl (macOS: brew install go), then run the command again,",
    "or install Pulumi yourself: https://www.pulumi.com/docs/install",
  ];
  if (version === undefined) {
    return new Problem(
      `Go is not installed, and the official download cannot be reached: ${wanted} or newer is needed.`,
      remedies,
    );
  }
  if (isAtLeast(version, wanted) || (isAtLeast(version, "1.21") && toolchain !== "local")) return undefined;
  return new Problem(`Go ${version} is too old: ${wanted} or newer is needed.`, remedies);
}

/** Settings of Go that say where things come from and lie, and who may be trusted: they stay the user's. */
const kept = [
  "GOAUTH",
  "GOCACHE",
  "GOINSECURE",
  "GOMODCACHE",
  "GONOPROXY",
  "GONOSUMDB",
  "GOPATH",
  "GOPRIVATE",
  "GOPROXY",
  "GOSUMDB",
  "GOTOOLCHAIN",
  "GOVCS",
];

/** What `go env` is asked for. */
const asked = [...kept, "GOVERSION", "GOHOSTOS", "GOHOSTARCH"];

/** Settings that change what is built, or how. */
const changing = new Set([
  "GO111MODULE",
  "GO386",
  "GOAMD64",
  "GOARCH",
  "GOARM",
  "GOARM64",
  "GOBIN",
  "GOCOVERDIR",
  "GOENV",
  "GOEXPERIMENT",
  "GOFIPS140",
  "GOFLAGS",
  "GOMIPS",
  "GOMIPS64",
  "GOOS",
  "GOPPC64",
  "GORISCV64",
  "GOWASM",
  "GOWORK",
  "GO_EXTLINK_ENABLED",
]);

/** @param {NodeJS.ProcessEnv} base */
function withoutChanging(base) {
  return Object.fromEntries(Object.entries(base).filter(([name]) => !changing.has(name) && !name.startsWith("CGO_")));
}

/**
 * The environment of a build: what is built depends on the modules and the machine alone. Settings count whether they stand
 * in variables or in the file that `go env -w` writes.
 *
 * @param {NodeJS.ProcessEnv} base
 * @param {Partial<Record<string, string>>} settings what `go env -json` says
 * @returns {NodeJS.ProcessEnv}
 */
export function buildEnvironment(base, settings) {
  const environment = withoutChanging(base);
  for (const name of kept) if (settings[name]) environment[name] = settings[name];
  return {
    ...environment,
    ...(settings.GOHOSTOS && { GOOS: settings.GOHOSTOS }),
    ...(settings.GOHOSTARCH && { GOARCH: settings.GOHOSTARCH }),
    GOENV: "off",
    GOWORK: "off",
    CGO_ENABLED: "0",
  };
}

/**
 * Builds commands from the modules that a folder's go.mod and go.sum pin.
 *
 * @param {object} build
 * @param {string} build.folder folder of the checkout that holds go.mod
 * @param {string} build.package package of the command
 * @param {string} build.output file to write
 * @param {string} build.logFile
 * @param {NodeJS.ProcessEnv} build.environment
 * @param {number} build.neededBytes disk space for modules and build cache
 * @param {string} [build.linkerFlags]
 * @throws {Problem | PartFailure} without a Go that can build it, without space, or when the build fails
 */
export async function goBuild(build) {
  const cwd = path.join(root, build.folder);
  const go = findCommand("go");
  const described =
    go === undefined
      ? undefined
      : await runCommand(go, ["env", "-json", ...asked], {
          // Outside the module: in it, an old Go already fetches a newer one to answer.
          cwd: path.parse(cwd).root,
          environment: withoutChanging(build.environment),
        });
  if (described !== undefined && described.status !== 0) {
    throw new Problem(
      `${go} does not work: ${lastLines(described.output, 1)[0] || `it ended with ${described.status}`}`,
      ["`go env` shows it. Settings that `go env -w` made lie in the file that `go env GOENV` names."],
    );
  }
  /** @type {Record<string, string>} */
  const settings = described === undefined ? {} : JSON.parse(/\{[^]*\}/.exec(described.output)?.[0] ?? "{}");
  const wanted = /^go\s+(\S+)/m.exec(readFileSync(path.join(cwd, "go.mod"), "utf8"))?.[1] ?? "1.21";
  const problem = goProblem(settings.GOVERSION?.replace(/^go/, ""), wanted, settings.GOTOOLCHAIN ?? "auto");
  if (problem !== undefined || go === undefined) throw problem ?? new Error("unreachable");
  for (const directory of [settings.GOCACHE, settings.GOMODCACHE]) {
    if (directory) requireDiskSpace(directory, build.neededBytes, "building from Go modules");
  }
  const flags = [
    "-mod=readonly",
    "-trimpath",
    "-buildvcs=false",
    "-ldflags",
    `-s -w ${build.linkerFlags ?? ""}`.trim(),
  ];
  const { status, output } = await runCommand(go, ["build", ...flags, "-o", build.output, build.package], {
    cwd,
    environment: buildEnvironment(build.environment, settings),
    logFile: build.logFile,
  });
  if (status !== 0) throw new PartFailure(`go build of ${build.package} failed (exit status ${status}):`, output);
}

/**
 * About how long a build takes here.
 *
 * @param {number} coreSeconds processor time of the build
 */
export function buildSeconds(coreSeconds) {
  return Math.max(20, coreSeconds / availableParallelism());
}
