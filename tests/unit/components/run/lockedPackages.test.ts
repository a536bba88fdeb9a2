import { describe, expect, it } from "vitest";
import { lockedPackages, type PackageEnvironment } from "../../../../components/run/lockedPackages";

const here: PackageEnvironment = { groups: ["train"], python: "3.11", platform: "linux", machine: "x86_64" };

/** A small lock in the form in which uv 0.9 writes it. */
function lock(
  parts: { trl?: string; ruff?: string; numpy?: string; dependency?: string; train?: string } = {},
): string {
  const entry = (name: string, version: string, rest = ""): string =>
    `[[package]]
name = "${name}"
version = "${version}"
source = { registry = "https://pypi.org/simple" }
${rest}sdist = { url = "https://files.pythonhosted.org/${name}.tar.gz", hash = "sha256:00", size = 1 }
wheels = [
    { url = "https://files.pythonhosted.org/${name}.whl", hash = "sha256:00", size = 1 },
]
`;
  return [
    `version = 1
revision = 5
requires-python = ">=3.11, <3.13"
resolution-markers = [
    "python_full_version >= '3.12'",
]
`,
    entry("numpy", parts.numpy ?? "2.0"),
    `[[package]]
name = "project"
version = "0.1.0"
source = { virtual = "." }

[package.dev-dependencies]
train = [
    { name = "trl"${parts.train ?? ""} },
]
serve = [
    { name = "vllm" },
]
lint = [
    { name = "ruff" },
]

[package.metadata]

[package.metadata.requires-dev]
train = [{ name = "trl", specifier = "==1.0" }]
`,
    entry("ruff", parts.ruff ?? "0.1"),
    entry("trl", parts.trl ?? "1.0", `dependencies = [\n    { name = "numpy"${parts.dependency ?? ""} },\n]\n`) +
      '\n[package.optional-dependencies]\nquantization = [\n    { name = "vllm" },\n]\n',
    entry("vllm", "0.9"),
  ].join("\n");
}

describe("the packages that groups of a lock install", () => {
  it("are all that they need, with versions, and nothing of other groups", () => {
    expect(lockedPackages(lock(), here)).toEqual(["numpy==2.0", "trl==1.0"]);
    expect(lockedPackages(lock(), { ...here, groups: ["train", "lint"] })).toEqual([
      "numpy==2.0",
      "ruff==0.1",
      "trl==1.0",
    ]);
  });

  it("change with a package, with one that it needs, and with no tool", () => {
    const before = lockedPackages(lock(), here);
    expect(lockedPackages(lock({ trl: "1.1" }), here)).toEqual(["numpy==2.0", "trl==1.1"]);
    expect(lockedPackages(lock({ numpy: "2.1" }), here)).toEqual(["numpy==2.1", "trl==1.0"]);
    expect(lockedPackages(lock({ ruff: "0.2" }), here)).toEqual(before);
  });

  it("are those of an extra too, where it is asked for", () => {
    const withExtra = lock({ train: ', extra = ["quantization"]' });
    expect(lockedPackages(withExtra, here)).toEqual(["numpy==2.0", "trl==1.0", "vllm==0.9"]);
  });

  it("are of the version that a dependency names, where the lock has two", () => {
    const older = '[[package]]\nname = "numpy"\nversion = "1.9"\nsource = { registry = "r" }\n';
    const two = `${lock({ dependency: ', version = "1.9", source = { registry = "r" }' })}\n${older}`;
    expect(lockedPackages(two, here)).toEqual(["numpy==1.9", "trl==1.0"]);
  });

  it("are found where packages need each other", () => {
    const cycle = lock().replace(
      'name = "numpy"\nversion = "2.0"',
      'name = "numpy"\nversion = "2.0"\ndependencies = [{ name = "trl" }]',
    );
    expect(lockedPackages(cycle, here)).toEqual(["numpy==2.0", "trl==1.0"]);
  });

  it.each([
    ["sys_platform == 'linux'", true],
    ["sys_platform != 'linux'", false],
    ["platform_machine == 'aarch64' or sys_platform == 'linux'", true],
    ["platform_machine == 'aarch64' and sys_platform == 'linux'", false],
    ["platform_machine == 'aarch64' and sys_platform == 'win32' or sys_platform == 'linux'", true],
    ["platform_machine == 'aarch64' and (sys_platform == 'win32' or sys_platform == 'linux')", false],
    ["(sys_platform == 'linux' and extra == 'group-7-project-train') or extra == 'group-7-project-serve'", true],
    ["extra == 'group-7-project-serve'", false],
    ["extra != 'group-7-project-serve'", true],
    ["python_full_version < '3.12'", true],
    ["python_full_version >= '3.9'", true],
    ["python_full_version < '3.9'", false],
    ["python_version == '3.11'", true],
    ["implementation_name == 'pypy'", false],
    ["platform_python_implementation != 'PyPy'", true],
  ])("depend on a marker: %s", (marker, holds) => {
    const marked = lock({ dependency: `, marker = "${marker}"` });
    expect(lockedPackages(marked, { ...here, python: "3.11.14" }).includes("numpy==2.0")).toBe(holds);
  });

  it.each([
    "sys_platform",
    "sys_platform == 'linux' and",
    "(sys_platform == 'linux'",
    "moon == 'full'",
    "sys_platform == 'a' 1",
  ])("are not guessed where a marker is not understood: %s", (marker) => {
    expect(() => lockedPackages(lock({ dependency: `, marker = "${marker}"` }), here)).toThrow(/the marker/);
  });

  it("are refused where the lock lacks what is asked of it", () => {
    expect(() => lockedPackages(lock(), { ...here, groups: ["deploy"] })).toThrow("the lock has no group deploy");
    expect(() => lockedPackages(lock().replace('name = "numpy"\nv', 'name = "other"\nv'), here)).toThrow("lacks numpy");
    expect(() => lockedPackages("version = 2\npackage = []", here)).toThrow();
  });
});
