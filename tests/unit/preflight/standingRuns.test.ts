import { describe, expect, it } from "vitest";
import { flowCode } from "../../../components/run/flowCode";
import { FlowDeployment } from "../../../components/run/flowDeployment";
import { LocalArtifactStore } from "../../../components/store/localArtifactStore";
import { LocalMetaflowBackend } from "../../../components/metaflow/localMetaflowBackend";
import type { LocalReading } from "../../../configuration/local";
import { runKeyOf } from "../../../preflight/standingRuns";
import { resourceTypes } from "../../../provider/resourceTypes";
import { localStackMachine, planForThisMachine } from "../../../recipe/plan";
import { runKey } from "../../../recipe/runIdentity";
import { collect } from "../../components/collect";
import { hub, stagesOf, temporaryModels, tiny } from "./temporaryModels";

const { asked, fields, write } = temporaryModels();

describe("a stage whose run is recorded", () => {
  const dpo = {
    name: "dpo",
    recipe: "dpo-tiny",
    from: "sft",
    set: { evaluation: { tasks: ["tiny_sums", "tiny_sums_preference", "gsm8k"] } },
  };
  const uri = "s3://posttraining/models/sft/1";

  function record(reading: LocalReading, index: number, base: string | null, status: string, modelUri?: string): void {
    const stage = reading.stages[index];
    const key = stage === undefined ? undefined : runKeyOf(stage, base);
    write(`runs/${key ?? "none"}/status.json`, { status, result: modelUri === undefined ? null : { modelUri } });
  }

  it("starts none, and is held to nothing", async () => {
    const reading = stagesOf(hub, dpo);
    const both = ["stages[0].recipe (sft-tiny) model.base", "stages[1].recipe (dpo-tiny) evaluation.tasks[2]"];
    expect(await fields(reading)).toEqual(both);
    record(reading, 0, null, "failed");
    expect(await fields(reading)).toEqual(both);
    record(reading, 0, null, "succeeded", uri);
    expect(await fields(reading)).toEqual(both.slice(1));
    expect(asked).toEqual(["https://huggingface.co/api/datasets/openai/gsm8k?expand=gated&expand=cardData"]);
    record(reading, 1, uri, "running");
    expect(await fields(reading)).toEqual([]);
    // Of the two copies of a record the newer one counts, and one alone is enough.
    const key = runKeyOf(reading.stages[1] as never, uri) ?? "none";
    const record0 = { startedAt: "2026-11-01T00:00:00.000Z", result: null };
    const files = { status: `runs/${key}/status.json`, copy: `runs/${key}/status.copy.json` };
    write(files.status, { ...record0, status: "running" });
    write(files.copy, { ...record0, status: "failed" });
    expect(await fields(reading)).toEqual(both.slice(1));
    write(files.copy, { ...record0, status: "running", startedAt: "2026-11-02T00:00:00.000Z" });
    write(files.status, { ...record0, status: "failed" });
    expect(await fields(reading)).toEqual([]);
    write(files.copy, { ...record0, status: "failed", startedAt: "2026-10-02T00:00:00.000Z" });
    write(files.status, { ...record0, status: "succeeded" });
    expect(await fields(reading)).toEqual([]);
    write(files.copy, { ...record0, status: "rejected" });
    for (const damaged of ["{", "null", '{"status":"lost"}']) {
      write(files.status, damaged);
      expect(await fields(reading)).toEqual([]);
    }
    // A change is another run.
    expect(await fields(stagesOf({ ...hub, generation: 2 }, dpo))).toEqual(both);
  });

  it.each([1, 3])("is found under the name that the deployment's run has (generation %i)", async (generation) => {
    const [stage] = stagesOf({ ...tiny, generation }).stages;
    if (stage?.complete === undefined) throw new Error("sft-tiny is not valid");
    const { complete: recipe } = stage;
    for (const base of [null, uri]) {
      const { resources } = await collect(() => {
        const store = new LocalArtifactStore("store", { dataDirectory: "/data", processesDirectory: "/processes" });
        const places = { homeDirectory: "/metaflow", runsDirectory: "/runs", cacheDirectory: "/cache" };
        const backend = new LocalMetaflowBackend("metaflow", { store, ...places });
        new FlowDeployment("sft", {
          ...{
            backend,
            recipe,
            plan: planForThisMachine(recipe, localStackMachine),
            placement: null,
            code: flowCode(recipe.method),
            generation,
          },
          ...(base === null ? {} : { baseModelUri: base }),
          estimate: { usd: 0, minutes: 1, where: "this machine" },
        });
      });
      const run = resources.find(({ type }) => type === resourceTypes.flowRun);
      const contentHash = String(run?.inputs.contentHash);
      expect(runKeyOf(stage, base)).toBe(runKey({ name: "sft", contentHash }));
    }
  });
});
