import { describe, expect, it } from "vitest";
import { parseOutputs } from "../../../cli/stackOutputs";
import { sealedLocalOutputsSchema, stackOutputsVersion } from "../../../contracts/stackOutputs";

/** As Pulumi's state has them: nothing of what is null, and what is secret as it was sealed. */
const document = {
  kind: "local",
  version: stackOutputsVersion,
  metaflowConfig: {},
  metaflowEnvironment: { "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", ciphertext: "v1:" },
  stages: [],
  modelsRoot: "s3://posttraining/models",
};

describe("the outputs of a stack", () => {
  it("are read with what it lacks as null", () => {
    expect(parseOutputs("local", sealedLocalOutputsSchema, document)).toMatchObject({ stages: [], endpoint: null });
  });

  it.each([
    ["of another version", { ...document, version: stackOutputsVersion + 1 }, "version: "],
    ["of another kind of stack", { ...document, kind: "platform" }, "kind: "],
    ["that were cut short", { kind: "local" }, "stages: "],
  ])("%s are refused, with what to do", (_, wrong, said) => {
    const parse = () => parseOutputs("local", sealedLocalOutputsSchema, wrong);
    expect(parse).toThrow(said);
    expect(parse).toThrow("Have them written anew: npm run pulumi -- up -s local");
  });
});
