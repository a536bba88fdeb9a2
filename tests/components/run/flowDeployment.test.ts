import * as fs from "node:fs";
import * as pulumi from "@pulumi/pulumi";
import { afterEach, describe, expect, it } from "vitest";
import { LocalMetaflowBackend } from "../../../components/metaflow/localMetaflowBackend";
import { rehearsalCodeHash } from "../../../components/run/flowCode";
import { FlowDeployment, type FlowDeploymentArgs } from "../../../components/run/flowDeployment";
import { LocalArtifactStore } from "../../../components/store/localArtifactStore";
import { resourceTypes } from "../../../provider/resourceTypes";
import { keepRecord } from "../../../rehearsal/records";
import { contents, identityOf, recordOf } from "../../unit/rehearsal/records";
import { collect } from "../collect";

const { code, packages, plan } = contents;
/** A recipe of no file, so that no rehearsal of a person's is met. */
const recipe = { ...contents.recipe, name: "sft-deployment-test" };
const identity = identityOf({ recipe }, rehearsalCodeHash());

const deploy = (more: Partial<FlowDeploymentArgs> = {}) =>
  collect(() => {
    const store = new LocalArtifactStore("store", { dataDirectory: "/data", processesDirectory: "/processes" });
    const folders = { homeDirectory: "/metaflow", runsDirectory: "/runs", cacheDirectory: "/cache" };
    const backend = new LocalMetaflowBackend("metaflow", { store, ...folders });
    const estimate = { usd: 100, minutes: 60, where: "a p5en" };
    return new FlowDeployment("sft", {
      ...{ backend, recipe, plan, placement: null, code: { code, packages }, estimate },
      ...more,
    });
  });

describe("the rehearsal of a deployment", () => {
  const files: string[] = [];
  afterEach(() => {
    for (const file of files.splice(0)) fs.rmSync(file, { force: true });
  });

  it("is required where the plan has GPUs: the program is refused in words, before anything of it is made", async () => {
    const refused: unknown = await deploy().catch((error: unknown) => error);
    expect(pulumi.InputPropertiesError.isInstance(refused)).toBe(true);
    expect((refused as Error).message).toContain(
      'The arguments of FlowDeployment "sft" are not valid:\n  - rehearsal: got "required", and sft-deployment-test has not been rehearsed',
    );
  });

  it("that has passed lets the run start, without a resource of its own", async () => {
    files.push(keepRecord(recordOf(identity)));
    const { resources } = await deploy();
    expect(resources.map(({ type }) => type)).toContain(resourceTypes.flowRun);
    expect(resources.map(({ type }) => type)).not.toContain(resourceTypes.rehearsal);
  });

  it("is none where nobody asks for one, or the plan has no GPUs", async () => {
    const { resources } = await deploy({ rehearsal: "none" });
    const { resources: small } = await deploy({ plan: { ...plan, gpusPerNode: 0, sharding: "none" } });
    for (const each of [resources, small]) {
      expect(each.map(({ type }) => type)).toContain(resourceTypes.flowRun);
      expect(each.map(({ type }) => type)).not.toContain(resourceTypes.rehearsal);
    }
  });

  it("comes first where that is asked for: the run waits for it", async () => {
    const { resources, registrations, result } = await deploy({
      rehearsal: "first",
      transform: { rehearsal: { processes: 4 } },
    });
    const made = resources.find(({ type }) => type === resourceTypes.rehearsal);
    expect(made?.name).toBe("sft-rehearsal");
    expect(made?.inputs).toMatchObject({
      identity: identity.identity,
      parts: identity.parts,
      rehearsalCode: identity.rehearsalCode,
      plan,
      processes: 4,
    });
    expect(made?.inputs.folder).toMatch(/\/\.posttraining\/stacks\/test\/rehearsals$/);
    const run = registrations.find(({ type }) => type === resourceTypes.flowRun);
    expect(run?.opts.dependsOn).toEqual([result.nodes.rehearsal]);
  });
});
