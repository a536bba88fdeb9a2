import * as fs from "node:fs";
import * as path from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import type { Part } from "../../../setup/progress.mjs";
import { command, runPart } from "../../unit/setup/setUpParts";
import { TemporaryCheckout } from "../../unit/setup/temporaryCheckout";

/**
 * Does what setup/look_at_environment.py does, for an environment without modules whose files are whole or empty;
 * tests/unit/setup/test_look_at_environment.py has the real one.
 */
const interpreter = `
echo "missing:"
list="$5" root="$6" tab="$(printf '\\t')"
case "$(tail -n 1 "$list" 2>/dev/null)" in
  "$tab$tab"*) echo "listed: yes" ;;
  *) exit ;;
esac
while IFS= read -r line; do
  case "$line" in
    "$tab"*) owner="\${line#"$tab"}" ;;
    *"$tab"*)
      file="$root/$folder\${line%"$tab"*}"
      [ -s "$file" ] || echo "damaged: 1 $owner" ;;
    */) folder="$line" ;;
  esac
done < "$list"`;

/*
 * The part that makes a Python environment, with a uv that installs two packages from a cache. Like the real one, it copies
 * what the cache has without looking, does nothing about a package that has its dist-info, and leaves nothing of an
 * environment without an interpreter.
 */

type Environments = typeof import("../../../setup/python-environments.mjs");

const sitePackages = "lib/python3.11/site-packages";

let checkout: TemporaryCheckout;
let module: Environments;
let part: Part;

beforeAll(async () => {
  checkout = new TemporaryCheckout();
  module = await checkout.load<Environments>("setup/python-environments.mjs");
  part = module.pythonEnvironment("train", "everything");
  const uv = `
    cd '${checkout.root}'
    case "$1" in
      --version) echo "uv 0.13.9"; exit ;;
      cache) echo "$*" >> log; [ -e locked ] && exit 2; cp -R index/. 'cache of uv/'; exit ;;
    esac
    echo "$*" >> log
    env >> environment
    [ -e failing ] && { echo "error: something else"; exit 1; }
    from='cache of uv'
    case "$*" in *--no-cache*) from=index ;; esac
    [ -e "$UV_PROJECT_ENVIRONMENT/bin/python" ] || { mkdir -p "$UV_PROJECT_ENVIRONMENT"; cp -R "$from/venv/." "$UV_PROJECT_ENVIRONMENT/"; }
    packages="$UV_PROJECT_ENVIRONMENT/${sitePackages}"
    mkdir -p "$packages"
    for name in alpha beta; do
      [ -e "$packages/$name-1.0.dist-info" ] || cp -R "$from/$name/." "$packages/"
    done`;
  command(checkout.file("bin"), "uv", uv);
});

afterAll(() => {
  checkout.remove();
});

beforeEach(() => {
  vi.stubEnv("PATH", [checkout.file("bin"), process.env.PATH].join(path.delimiter));
  for (const name of ["alpha", "beta"]) {
    checkout.write(`index/${name}/${name}/__init__.py`, `the code of ${name}`);
    checkout.write(`index/${name}/${name}/more.py`, "more");
    checkout.write(
      `index/${name}/${name}-1.0.dist-info/RECORD`,
      `${name}/__init__.py,sha256=x,${`the code of ${name}`.length}\n${name}/more.py,sha256=x,4\n${name}-1.0.dist-info/RECORD,,\n`,
    );
  }
  checkout.write("index/venv/pyvenv.cfg", "home = /usr/bin\n");
  command(checkout.file("index", "venv", "bin"), "python", interpreter);
  fs.cpSync(checkout.file("index"), checkout.file("cache of uv"), { recursive: true });
});

afterEach(() => {
  vi.unstubAllEnvs();
  for (const name of ["index", "cache of uv", ".posttraining", "log", "environment", "locked", "failing"]) {
    fs.rmSync(checkout.file(name), { recursive: true, force: true });
  }
});

const inEnvironment = (...parts: string[]) => checkout.file(".posttraining", "python", "train", ...parts);
const inPackages = (...parts: string[]) => inEnvironment(sitePackages, ...parts);
const run = (which: Part = part) => runPart(which, checkout.file(".posttraining", "logs", "python.log"));
const log = () => (fs.existsSync(checkout.file("log")) ? fs.readFileSync(checkout.file("log"), "utf8") : "");
const forgetLog = () => {
  fs.rmSync(checkout.file("log"), { force: true });
};

async function installed(): Promise<void> {
  await run();
  forgetLog();
}

describe("a Python environment", () => {
  it("is installed, and then found whole", async () => {
    expect(await part.isDone()).toBe(false);
    expect((await run()).said).toBe("");
    // The library stays where the checkout has it.
    expect(log()).toMatch(/^sync .*--no-install-project/m);
    expect(await part.isDone()).toBe(true);
  });

  it("is installed without what a person has set for other work", async () => {
    for (const [name, value] of Object.entries({ PYTHONHOME: "/other", UV_PROJECT: "/p", VIRTUAL_ENV: "/v" })) {
      vi.stubEnv(name, value);
    }
    vi.stubEnv("UV_INDEX_URL", "https://mirror.example/simple");
    await run();
    const environment = fs.readFileSync(checkout.file("environment"), "utf8");
    expect(environment).not.toMatch(/^(PYTHONHOME|UV_PROJECT|VIRTUAL_ENV)=/m);
    expect(environment).toContain("PYTHONUTF8=1");
    expect(environment).toContain("UV_INDEX_URL=https://mirror.example/simple");
  });

  it("gets a package again whose files are missing, and no other", async () => {
    await installed();
    fs.rmSync(inPackages("alpha"), { recursive: true });
    expect(await part.isDone()).toBe(false);
    expect(part.expect().what).toBe("repair");
    expect((await run()).said).toBe("2 files of alpha are missing or have another size: installing it again");
    expect(log()).toContain("--reinstall-package alpha");
    expect(log()).not.toContain("--reinstall-package beta");
    expect(await part.isDone()).toBe(true);
    expect(fs.readFileSync(inPackages("alpha", "__init__.py"), "utf8")).toBe("the code of alpha");
  });

  it("gets packages again whose own lists are gone", async () => {
    await installed();
    fs.rmSync(inPackages("alpha-1.0.dist-info", "RECORD"));
    fs.rmSync(inPackages("beta-1.0.dist-info"), { recursive: true });
    expect((await run()).said).toContain(
      "2 files of alpha, beta are missing or have another size: installing them again",
    );
    expect(await part.isDone()).toBe(true);
  });

  it("gets a package anew whose copy in uv's cache is cut off too", async () => {
    await installed();
    for (const file of [inPackages("alpha", "more.py"), checkout.file("cache of uv", "alpha", "alpha", "more.py")]) {
      fs.truncateSync(file, 0);
    }
    expect((await run()).said).toBe(
      "1 file of alpha is missing or has another size: installing it again\nuv's cache has the same: fetching alpha anew",
    );
    expect(log()).toContain("cache clean alpha");
    expect(log()).not.toContain("--no-cache");
    expect(await part.isDone()).toBe(true);
  });

  it("gets it past the cache when that is in use", async () => {
    await installed();
    fs.writeFileSync(checkout.file("locked"), "");
    for (const file of [inPackages("alpha", "more.py"), checkout.file("cache of uv", "alpha", "alpha", "more.py")]) {
      fs.truncateSync(file, 0);
    }
    await run();
    expect(log()).toContain("--reinstall-package alpha --no-cache");
    expect(await part.isDone()).toBe(true);
  });

  it("is checked by the packages' own lists right after it was made: uv's cache may have been damaged before", async () => {
    fs.truncateSync(checkout.file("cache of uv", "beta", "beta", "__init__.py"), 0);
    expect((await run()).said).toContain("fetching beta anew");
    expect(await part.isDone()).toBe(true);
  });

  it("that stays damaged fails the set-up, with names", async () => {
    fs.truncateSync(checkout.file("index", "beta", "beta", "__init__.py"), 0);
    fs.truncateSync(checkout.file("cache of uv", "beta", "beta", "__init__.py"), 0);
    await expect(run()).rejects.toThrow(/not what the packages say of themselves:\s+beta: 1 files/);
    expect(await part.isDone()).toBe(false);
  });

  it.each([
    ["does not start", "exit 3"],
    ["crashes", 'echo "ModuleNotFoundError: No module named encodings" >&2; exit 1'],
    ["does not find a module", 'echo "missing: torch"'],
  ])("is made anew when its interpreter %s", async (_what, script) => {
    await installed();
    const python = inEnvironment("bin", "python");
    const size = fs.statSync(python).size;
    // Of the same size: only what it does tells.
    fs.writeFileSync(python, `#!/bin/sh\n${script}\n`.padEnd(size, "#"));
    fs.writeFileSync(inPackages("of no package"), "");
    expect(await part.isDone()).toBe(false);
    expect((await run()).said).toMatch(/python does not .*: making the environment anew/);
    expect(fs.existsSync(inPackages("of no package"))).toBe(false);
    expect(await part.isDone()).toBe(true);
  });

  it("is made anew when its configuration or its interpreter is missing", async () => {
    await installed();
    fs.rmSync(inEnvironment("pyvenv.cfg"));
    expect((await run()).said).toContain("1 file of the environment itself is missing or has another size: making");
    fs.rmSync(inEnvironment("bin"), { recursive: true });
    expect(await part.isDone()).toBe(false);
    await run();
    expect(await part.isDone()).toBe(true);
  });

  it("is made in place of half a one", async () => {
    fs.mkdirSync(inPackages("half"), { recursive: true });
    expect((await run()).said).toBe("");
    expect(fs.existsSync(inPackages("half"))).toBe(false);
    expect(await part.isDone()).toBe(true);
  });

  it.each([
    [
      "missing",
      () => {
        fs.rmSync(inEnvironment(".installed-files"));
      },
    ],
    [
      "unreadable",
      () => {
        fs.truncateSync(inEnvironment(".installed-files"), 60);
      },
    ],
  ])("whose list is %s is checked, not installed again", async (_what, harm) => {
    await installed();
    harm();
    fs.writeFileSync(inPackages("kept"), "");
    expect(await part.isDone()).toBe(false);
    expect(part.expect().what).toBe("check of what is installed");
    expect((await run()).said).toBe("there is no list of what was installed: checking every package");
    expect(log()).not.toContain("reinstall");
    expect(fs.existsSync(inPackages("kept"))).toBe(true);
    expect(await part.isDone()).toBe(true);
  });

  it("without a list is repaired by the packages' own", async () => {
    await installed();
    fs.rmSync(inEnvironment(".installed-files"));
    fs.rmSync(inPackages("alpha", "more.py"));
    expect((await run()).said).toContain("1 file of alpha is missing or has another size: installing it again");
    expect(await part.isDone()).toBe(true);
  });

  it("keeps its groups when a command repairs it that needs fewer, also after an interruption", async () => {
    await installed();
    const smaller = module.pythonEnvironment("train", "infrastructure");
    expect(await smaller.isDone()).toBe(true);
    fs.rmSync(inPackages("alpha"), { recursive: true });
    fs.writeFileSync(checkout.file("failing"), "");
    await expect(run(smaller)).rejects.toThrow("something else");
    fs.rmSync(checkout.file("failing"));
    forgetLog();
    expect(await smaller.isDone()).toBe(false);
    await run(smaller);
    expect(log()).toContain("--group train");
    expect(await part.isDone()).toBe(true);
  });

  it("keeps the groups that an earlier version of the project noted", async () => {
    await installed();
    const list = fs.readFileSync(inEnvironment(".installed-files"), "utf8").split("\n");
    fs.writeFileSync(inEnvironment("posttraining.json"), list[1] ?? "");
    fs.rmSync(inEnvironment(".installed-files"));
    await run(module.pythonEnvironment("train", "infrastructure"));
    expect(log()).toContain("--group train");
    expect(fs.existsSync(inEnvironment("posttraining.json"))).toBe(false);
    expect(await part.isDone()).toBe(true);
  });

  it("is not removed when the Python that it was made with is broken", async () => {
    await installed();
    const base = checkout.file("base", "python3.11");
    command(checkout.file("base"), "python3.11", "exit 3");
    fs.rmSync(inEnvironment("bin", "python"));
    fs.symlinkSync(base, inEnvironment("bin", "python"));
    await expect(run()).rejects.toThrow(/base\/python3\.11 does not start[^]*UV_PYTHON=/);
    expect(fs.existsSync(inPackages("alpha", "more.py"))).toBe(true);
    vi.stubEnv("UV_PYTHON", "3.12");
    await run();
    expect(await part.isDone()).toBe(true);
  });

  it("is made with a Python that is downloaded again when the one that was downloaded is broken", async () => {
    vi.stubEnv("POSTTRAINING_CACHE", checkout.file("cache"));
    await installed();
    const folder = checkout.file("cache", "python", "cpython-3.11");
    command(path.join(folder, "bin"), "python3.11", "exit 3");
    fs.rmSync(inEnvironment("bin", "python"));
    fs.symlinkSync(path.join(folder, "bin", "python3.11"), inEnvironment("bin", "python"));
    expect((await run()).said).toContain("downloading that Python again");
    expect(fs.existsSync(folder)).toBe(false);
    expect(await part.isDone()).toBe(true);
  });
});
