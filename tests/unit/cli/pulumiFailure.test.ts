import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { explainFailure } from "../../../cli/pulumiFailure";

const facts = {
  stack: "local",
  passphraseSource: "the variable PULUMI_CONFIG_PASSPHRASE",
  stateDirectory: "/checkout/.posttraining",
};

describe("explainFailure", () => {
  it("says where a wrong passphrase came from", () => {
    const text = explainFailure(
      "error: getting stack configuration: get stack secrets manager: incorrect passphrase",
      facts,
    );
    expect(text).toContain("stack local");
    expect(text).toContain("the variable PULUMI_CONFIG_PASSPHRASE");
  });

  it("says how a lock is removed", () => {
    const text = explainFailure("error: the stack is currently locked by 1 lock(s). Either wait …", facts);
    expect(text).toContain("npm run pulumi -- cancel --yes local");
  });

  it("says where a full disk can be emptied", () => {
    expect(explainFailure("error: write /x: no space left on device", facts)).toContain("/checkout/.posttraining");
  });

  it("says how a missing stack is made", () => {
    expect(explainFailure("error: no stack named 'local' found", facts)).toContain(
      "npm run pulumi -- stack init local",
    );
  });

  it("says that the network is missing", () => {
    expect(
      explainFailure("error: could not download plugin: dial tcp: lookup get.pulumi.com: no such host", facts),
    ).toContain("HTTPS_PROXY");
  });

  it("leaves other errors as they are", () => {
    expect(explainFailure("error: update failed", facts)).toBeUndefined();
  });
});

describe("a configuration that Pulumi cannot read", () => {
  /** What is said of an error, with a configuration file that holds the value of `posttraining:stack`. */
  function explained(errors: string, stack: string): string | undefined {
    const folder = mkdtempSync(path.join(tmpdir(), "configuration-"));
    const configuration = path.join(folder, "Pulumi.local.yaml");
    writeFileSync(configuration, `config:\n  posttraining:stack:\n${stack}`);
    try {
      return explainFailure(errors, { ...facts, configuration });
    } finally {
      rmSync(folder, { recursive: true });
    }
  }

  const marshal =
    "error: getting stack configuration: invalid YAML file: could not unmarshal map: json: error calling MarshalJSON for type config.object: json: unsupported value:";

  it.each(["NaN", "+Inf", "-Inf"])("names every field that is %s or the like", (value) => {
    const text = explained(
      `${marshal} ${value}`,
      "    stages:\n      - set: { optimizer: { learningRate: .nan, beta1: 0.9 } }\n      - set:\n          seed: -.inf\n",
    );
    expect(text).toContain(
      "  - stages[0].set.optimizer.learningRate: got .nan (line 4); must be a number, with digits",
    );
    expect(text).toContain("  - stages[1].set.seed: got -.inf (line 6)");
    expect(text).not.toContain("beta1");
  });

  it("names what has a key that is none", () => {
    const error = "error: getting stack configuration: invalid YAML file: yaml: invalid map key: []interface {}{1, 2}";
    expect(explained(error, "    stages: { [1, 2]: a }\n")).toContain(
      "  - stages.?: got a (line 3); has a key that is a list",
    );
  });

  it("names what looks like a secret and is none", () => {
    const error = "error: validating stack config: bad value";
    expect(explained(error, "    store: { secure: abc }\n")).toContain(
      "  - store.secure: got abc (line 3); must be what",
    );
  });

  it("names the file and the line of what is not YAML", () => {
    const error =
      "error: getting stack configuration: invalid YAML file: yaml: line 3: did not find expected ',' or ']'";
    expect(explained(error, "    stages: [a\n")).toMatch(
      /Pulumi\.local\.yaml is not valid YAML: yaml: line 3: did not find/,
    );
    const twice =
      'error: getting stack configuration: yaml: unmarshal errors:\n  line 5: mapping key "a" already defined at line 4';
    expect(explained(twice, "    a: 1\n    a: 2\n")).toContain(
      'is not valid YAML: line 5: mapping key "a" already defined',
    );
  });

  it("says nothing where the file holds nothing of the kind", () => {
    expect(explained(`${marshal} NaN`, "    kind: local\n")).toBeUndefined();
  });
});
