import * as fs from "node:fs";
import { createRequire, syncBuiltinESMExports } from "node:module";
import * as os from "node:os";
import * as path from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FlowDeployment } from "../../../components/run/flowDeployment";
import { LocalArtifactStore } from "../../../components/store/localArtifactStore";
import { LocalMetaflowBackend } from "../../../components/metaflow/localMetaflowBackend";
import { flowCode } from "../../../components/run/flowCode";
import type { HubAnswer } from "../../../preflight/hub";
import { type LocalReading, readLocal } from "../../../configuration/local";
import type { Machine } from "../../../preflight/machine";
import { modelErrors } from "../../../preflight/modelChecks";
import { localStackMachine, planForThisMachine } from "../../../recipe/plan";
import { runKeyOf } from "../../../preflight/standingRuns";
import { resourceTypes } from "../../../provider/resourceTypes";
import { runKey } from "../../../recipe/runIdentity";
import { collect } from "../../components/collect";
import { machineOf } from "../program/program";

/** Models and datasets that are there are not asked for, and a stage whose run is recorded is held to nothing. */

const nodeFs = createRequire(__filename)("node:fs") as { readdirSync: typeof fs.readdirSync };

let folder: string;

beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "models-"));
});

afterEach(() => {
  fs.rmSync(folder, { recursive: true });
});

function write(file: string, content: unknown = ""): void {
  const whole = path.join(folder, file);
  fs.mkdirSync(path.dirname(whole), { recursive: true });
  fs.writeFileSync(whole, typeof content === "string" ? content : JSON.stringify(content));
}

const asked: string[] = [];

/** A machine whose hub has nothing at all. */
function machine(change: Partial<Machine> = {}): Machine {
  asked.length = 0;
  return machineOf({
    hubHome: path.join(folder, "hub home"),
    runsDirectory: path.join(folder, "runs"),
    askHub: (url) => {
      asked.push(url);
      return Promise.resolve({ kind: "missing" });
    },
    ...change,
  });
}

const stagesOf = (...stages: readonly unknown[]): LocalReading => readLocal({ kind: "local", stages });
const fields = async (reading: LocalReading, on = machine()): Promise<string[]> => {
  expect(reading.errors).toEqual([]);
  return (await modelErrors(reading, on)).map(({ path: field }) => field);
};

const tiny = { name: "sft", recipe: "sft-tiny" };
const hub = { ...tiny, set: { model: { base: "owner/model" } } };

describe("a model on the hub", () => {
  it("is asked for by its revision, once for a chain of stages", async () => {
    const chain = stagesOf(
      { ...tiny, set: { model: { base: "owner/model", revision: "refs/pr/1" } } },
      { name: "dpo", recipe: "dpo-tiny", from: "sft" },
    );
    expect(await fields(chain)).toEqual(["stages[0].recipe (sft-tiny) model.base"]);
    expect(asked).toEqual(["https://huggingface.co/owner/model/resolve/refs%2Fpr%2F1/config.json"]);
  });

  it("is not asked for where the stack's cache has it whole", async () => {
    write("hub home/hub/models--owner--model/refs/main", "abc");
    const snapshot = "hub home/hub/models--owner--model/snapshots/abc";
    write(`${snapshot}/config.json`, { max_position_embeddings: 32 });
    // Without its weights they would be downloaded.
    expect(await fields(stagesOf(hub))).toEqual(["stages[0].recipe (sft-tiny) model.base"]);
    write(`${snapshot}/model.safetensors`);
    expect(await fields(stagesOf(hub))).toEqual(["stages[0].recipe (sft-tiny) sequence.maxLength"]);
    expect(asked).toEqual([]);
  });

  it("is trained whatever it has experts for, or modules of other names", async () => {
    const asking = (content: unknown): Machine =>
      machine({ askHub: () => Promise.resolve({ kind: "found", content }) });
    const experts = { model: { base: "owner/model" }, evaluation: { headline: "train/aux_loss" }, loggingSteps: 1 };
    const stage = { ...tiny, set: experts };
    expect(await fields(stagesOf(stage), asking({ router_aux_loss_coef: 0.001 }))).toEqual([]);
    expect(await fields(stagesOf(stage), asking({ num_local_experts: 8 }))).toEqual([]);
    const field = ["stages[0].recipe (sft-tiny) evaluation.headline"];
    expect(await fields(stagesOf(stage), asking({ num_local_experts: 8, router_aux_loss_coef: 0 }))).toEqual(field);
    const trainable = { kind: "lora", rank: 256, alpha: 16, targets: ["c_attn"] };
    const chain = stagesOf(
      { ...hub, set: { ...hub.set, trainable } },
      { name: "dpo", recipe: "dpo-tiny", from: "sft", set: { trainable, sequence: { maxLength: 1024 } } },
    );
    expect(await fields(chain, asking({ model_type: "gpt2" }))).toEqual([]);
    expect(await fields(chain, asking({ model_type: "llama" }))).toEqual([
      "stages[0].recipe (sft-tiny) trainable.targets[0]",
      "stages[1].recipe (dpo-tiny) trainable.targets[0]",
    ]);
  });

  it("is asked for its files, where it has any of them", async () => {
    const urls: string[] = [];
    const askHub = (url: string): Promise<HubAnswer> => {
      urls.push(url);
      return Promise.resolve({ kind: "found", content: { siblings: [{ rfilename: "model.safetensors" }] } });
    };
    expect(
      await fields(stagesOf({ ...hub, set: { model: { base: "owner/model", revision: "v1" } } }), machine({ askHub })),
    ).toEqual([]);
    expect(urls).toEqual([
      "https://huggingface.co/owner/model/resolve/v1/config.json",
      "https://huggingface.co/api/models/owner/model/revision/v1",
    ]);
  });

  it("of unknown size is held to nothing; one whose shape is known, to the machine", async () => {
    const found = (content: unknown): Machine => machine({ askHub: () => Promise.resolve({ kind: "found", content }) });
    expect(await fields(stagesOf(hub), found({}))).toEqual([]);
    const huge = {
      max_position_embeddings: 4096,
      num_hidden_layers: 80,
      hidden_size: 8192,
      num_attention_heads: 64,
      num_key_value_heads: 8,
      intermediate_size: 28672,
      vocab_size: 128256,
      tie_word_embeddings: false,
      hidden_act: "silu",
      rms_norm_eps: 1e-5,
      model_type: "llama",
    };
    expect(await fields(stagesOf(hub), found(huge))).toEqual(["stages[0].recipe (sft-tiny) model.base", "stages"]);
    expect(await fields(stagesOf(hub), { ...found(huge), memory: () => 2 ** 50, freeDisk: () => 2 ** 50 })).toEqual([]);
  });
});

describe("models and datasets in folders", () => {
  it("are taken where they are whole, whatever characters their paths have", async () => {
    write("my model/config.json", { max_position_embeddings: 4096 });
    write("my model/model.safetensors");
    write("data 100%/part.jsonl", "{}\n");
    const place = (name: string): string => pathToFileURL(path.join(folder, name)).href;
    const stage = {
      ...tiny,
      set: { model: { base: place("my model") }, dataset: { source: place("data 100%") } },
    };
    expect(await fields(stagesOf(stage))).toEqual([]);
    const unescaped = {
      ...tiny,
      set: { dataset: { source: `file://${path.join(folder, "data 100%", "part.jsonl")}` } },
    };
    expect(await fields(stagesOf(unescaped))).toEqual([]);
  });

  it.each([
    ["nothing but its config.json", { "config.json": {} }, "has a config.json and no weights (*.safetensors)"],
    ["weights that are a folder", { "config.json": {}, "a.safetensors/x": "" }, "and no weights"],
    ["a config.json that is none", { "config.json": "{", "model.safetensors": "" }, "cannot be read as JSON"],
    ["a config.json that is a list", { "config.json": [], "model.safetensors": "" }, "cannot be read as JSON"],
    ["a config.json that is a folder", { "config.json/x": "" }, "has no config.json"],
    [
      "an encoder with a decoder",
      { "config.json": { is_encoder_decoder: true }, "model.safetensors": "" },
      "which is an encoder with a decoder",
    ],
    [
      "quantised weights",
      { "config.json": { quantization_config: {} }, "model.safetensors": "" },
      "which is quantised",
    ],
  ])("are refused with %s", async (_what, files, reason) => {
    for (const [file, content] of Object.entries(files)) write(`model/${file}`, content);
    const stage = { ...tiny, set: { model: { base: `file://${path.join(folder, "model")}` } } };
    const [error, ...more] = await modelErrors(stagesOf(stage), machine());
    expect(more).toEqual([]);
    expect(error?.path).toBe("stages[0].recipe (sft-tiny) model.base");
    expect(error?.reason).toContain(reason);
  });

  it("are taken with the older kind of weights", async () => {
    write("model/config.json", {});
    write("model/pytorch_model-00001-of-00002.bin");
    const stage = { ...tiny, set: { model: { base: `file://${path.join(folder, "model")}` } } };
    expect(await fields(stagesOf(stage))).toEqual([]);
  });

  it("are taken where only a part of them may be read, and links to files count", async () => {
    write("data/closed/part.jsonl", "{}\n");
    write("elsewhere", "{}\n");
    const stage = { ...tiny, set: { dataset: { source: `file://${path.join(folder, "data")}` } } };
    // Folders are closed to nobody where the tests run as root.
    const open = nodeFs.readdirSync;
    const closed = (place: string, options: object): unknown => {
      if (place.endsWith("closed")) throw Object.assign(new Error("EACCES"), { code: "EACCES" });
      return (open as (place: string, options: object) => unknown)(place, options);
    };
    try {
      nodeFs.readdirSync = closed as typeof open;
      syncBuiltinESMExports();
      expect(await fields(stagesOf(stage))).toEqual(["stages[0].recipe (sft-tiny) dataset.source"]);
      fs.symlinkSync(path.join(folder, "elsewhere"), path.join(folder, "data", "link.jsonl"));
      expect(await fields(stagesOf(stage))).toEqual([]);
    } finally {
      nodeFs.readdirSync = open;
      syncBuiltinESMExports();
    }
  });

  it("are refused where there is nothing in them", async () => {
    write("empty.jsonl");
    write("notes/readme.txt", "nothing");
    write("folder.jsonl/part.jsonl", "{}\n");
    write("below/folder.jsonl/readme.txt", "nothing");
    fs.symlinkSync("nowhere", path.join(folder, "below", "gone.jsonl"));
    fs.symlinkSync(path.join(folder, "folder.jsonl"), path.join(folder, "below", "link.jsonl"));
    for (const source of ["empty.jsonl", "notes", "folder.jsonl", "below"]) {
      const stage = { ...tiny, set: { dataset: { source: `file://${path.join(folder, source)}` } } };
      expect(await fields(stagesOf(stage)), source).toEqual(["stages[0].recipe (sft-tiny) dataset.source"]);
    }
  });
});

describe("a dataset on the hub", () => {
  const stage = { ...tiny, set: { dataset: { source: "owner/data" } } };

  it("is not asked for where it was downloaded, or made", async () => {
    expect(await fields(stagesOf(stage))).toEqual(["stages[0].recipe (sft-tiny) dataset.source"]);
    write("hub home/datasets/owner___data/default/data.arrow");
    expect(await fields(stagesOf(stage))).toEqual([]);
    expect(asked).toEqual([]);
  });
});

describe("a dataset whose terms must be accepted", () => {
  const stage = { ...tiny, set: { dataset: { source: "owner/data" } } };
  const gated = (gate: unknown, hasToken: boolean): Machine =>
    machine({
      askHub: () => Promise.resolve({ kind: "found", content: { id: "owner/data", gated: gate } }),
      hasHubToken: () => hasToken,
    });

  it("is refused to whom the hub does not know, and left to the run otherwise", async () => {
    expect(await fields(stagesOf(stage), gated("manual", false))).toEqual([
      "stages[0].recipe (sft-tiny) dataset.source",
    ]);
    expect(await fields(stagesOf(stage), gated("manual", true))).toEqual([]);
    expect(await fields(stagesOf(stage), gated(false, false))).toEqual([]);
  });
});

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
    expect(asked).toEqual(["https://huggingface.co/api/datasets/openai/gsm8k?expand=gated"]);
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
