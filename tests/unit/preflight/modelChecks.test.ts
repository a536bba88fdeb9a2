import { describe, expect, it } from "vitest";
import type { HubAnswer } from "../../../preflight/hub";
import type { Machine } from "../../../preflight/machine";
import { hub, stagesOf, temporaryModels, tiny } from "./temporaryModels";

const { asked, fields, machine, write } = temporaryModels();

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
