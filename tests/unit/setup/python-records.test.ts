import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  environmentItself,
  ownedFiles,
  parseRecord,
  readDistributions,
  recordedDamage,
  sizesIn,
} from "../../../setup/python-records.mjs";

describe("parseRecord", () => {
  it("reads paths with commas and quotes, and rows without a size", () => {
    expect(parseRecord('a.py,sha256=x,12\n"b,""c"".py",sha256=y,3\r\nd.dist-info/RECORD,,\n')).toEqual([
      { file: "a.py", size: 12 },
      { file: 'b,"c".py', size: 3 },
      { file: "d.dist-info/RECORD", size: undefined },
    ]);
  });

  it.each(["", "a.py,sha256=x,12\nb.py,sha2", "a.py"])("refuses one that was cut off: %j", (text) => {
    expect(parseRecord(text)).toBeUndefined();
  });
});

let environment: string;
const sitePackages = "lib/python3.11/site-packages";

beforeEach(() => {
  environment = fs.mkdtempSync(path.join(os.tmpdir(), "environment "));
  write("pyvenv.cfg", "home = /usr/bin\n");
  write(".lock", "");
  write("bin/python", "");
  write("bin/tool", "#!");
  write(`${sitePackages}/alpha/__init__.py`, "alpha");
  write(`${sitePackages}/alpha/__pycache__/__init__.pyc`, "byte code");
  write(
    `${sitePackages}/Alpha_One-1.0.dist-info/RECORD`,
    "alpha/__init__.py,sha256=x,5\nalpha/__pycache__/__init__.pyc,,\n../../../bin/tool,sha256=x,2\nAlpha_One-1.0.dist-info/RECORD,,\n",
  );
});

afterEach(() => {
  fs.rmSync(environment, { recursive: true, force: true });
});

function write(file: string, text: string): void {
  fs.mkdirSync(path.dirname(path.join(environment, file)), { recursive: true });
  fs.writeFileSync(path.join(environment, file), text);
}

const damage = () => recordedDamage(readDistributions(environment), sizesIn(environment));

describe("an environment's own lists", () => {
  it("say whose each file is, by the names that uv knows; byte code is nobody's", () => {
    expect(ownedFiles(environment, readDistributions(environment))).toEqual([
      {
        owner: "alpha-one",
        files: [`${sitePackages}/alpha/__init__.py`, "bin/tool", `${sitePackages}/Alpha_One-1.0.dist-info/RECORD`],
      },
      { owner: environmentItself, files: ["pyvenv.cfg", "bin/python"] },
    ]);
  });

  it("show nothing wrong after an installation", () => {
    expect(damage()).toEqual(new Map());
  });

  it.each([
    [
      "a file is missing",
      () => {
        fs.rmSync(path.join(environment, sitePackages, "alpha", "__init__.py"));
      },
    ],
    [
      "a file was cut off",
      () => {
        write(`${sitePackages}/alpha/__init__.py`, "alp");
      },
    ],
    [
      "the list itself is missing",
      () => {
        fs.rmSync(path.join(environment, sitePackages, "Alpha_One-1.0.dist-info/RECORD"));
      },
    ],
    [
      "the list itself was cut off",
      () => {
        write(`${sitePackages}/Alpha_One-1.0.dist-info/RECORD`, "alpha/__init__.py,sha");
      },
    ],
  ])("show that %s", (_what, harm) => {
    harm();
    expect(damage()).toEqual(new Map([["alpha-one", 1]]));
  });

  it("accept a file that two packages bring, as either brings it", () => {
    write(`${sitePackages}/beta-2.dist-info/RECORD`, "alpha/__init__.py,sha256=y,7\n");
    expect(damage()).toEqual(new Map());
    write(`${sitePackages}/alpha/__init__.py`, "another");
    expect(damage()).toEqual(new Map());
    write(`${sitePackages}/alpha/__init__.py`, "cut");
    expect([...damage().keys()].sort()).toEqual(["alpha-one", "beta"]);
  });

  it("are none where there is no environment", () => {
    expect(readDistributions(path.join(environment, "none"))).toEqual([]);
  });
});
