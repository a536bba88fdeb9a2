import * as fs from "node:fs";
import { createRequire, syncBuiltinESMExports } from "node:module";
import { pathToFileURL } from "node:url";
import { describe, expect, it } from "vitest";
import type { Machine } from "../../../preflight/machine";
import { modelErrors } from "../../../preflight/modelChecks";
import { stagesOf, temporaryModels, tiny } from "./temporaryModels";

const nodeFs = createRequire(__filename)("node:fs") as { readdirSync: typeof fs.readdirSync };

const { asked, at, fields, machine, write } = temporaryModels();

describe("models and datasets in folders", () => {
  it("are taken where they are whole, whatever characters their paths have", async () => {
    write("my model/config.json", { max_position_embeddings: 4096 });
    write("my model/model.safetensors");
    write("data 100%/part.jsonl", "{}\n");
    const place = (name: string): string => pathToFileURL(at(name)).href;
    const stage = {
      ...tiny,
      set: { model: { base: place("my model") }, dataset: { source: place("data 100%") } },
    };
    expect(await fields(stagesOf(stage))).toEqual([]);
    const unescaped = {
      ...tiny,
      set: { dataset: { source: `file://${at("data 100%", "part.jsonl")}` } },
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
    const stage = { ...tiny, set: { model: { base: `file://${at("model")}` } } };
    const [error, ...more] = await modelErrors(stagesOf(stage), machine());
    expect(more).toEqual([]);
    expect(error?.path).toBe("stages[0].recipe (sft-tiny) model.base");
    expect(error?.reason).toContain(reason);
  });

  it("are taken with the older kind of weights", async () => {
    write("model/config.json", {});
    write("model/pytorch_model-00001-of-00002.bin");
    const stage = { ...tiny, set: { model: { base: `file://${at("model")}` } } };
    expect(await fields(stagesOf(stage))).toEqual([]);
  });

  it("are taken where only a part of them may be read, and links to files count", async () => {
    write("data/closed/part.jsonl", "{}\n");
    write("elsewhere", "{}\n");
    const stage = { ...tiny, set: { dataset: { source: `file://${at("data")}` } } };
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
      fs.symlinkSync(at("elsewhere"), at("data", "link.jsonl"));
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
    fs.symlinkSync("nowhere", at("below", "gone.jsonl"));
    fs.symlinkSync(at("folder.jsonl"), at("below", "link.jsonl"));
    for (const source of ["empty.jsonl", "notes", "folder.jsonl", "below"]) {
      const stage = { ...tiny, set: { dataset: { source: `file://${at(source)}` } } };
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

  it("is refused to whom the hub does not know", async () => {
    expect(await fields(stagesOf(stage), gated("manual", false))).toEqual([
      "stages[0].recipe (sft-tiny) dataset.source",
    ]);
    expect(await fields(stagesOf(stage), gated("manual", true))).toEqual([]);
    expect(await fields(stagesOf(stage), gated(false, false))).toEqual([]);
  });

  it("is refused to a user whom its owner has not let in", async () => {
    const urls: string[] = [];
    const notLetIn = machine({
      hasHubToken: () => true,
      askHub: (url) => {
        urls.push(url);
        return Promise.resolve(
          url.endsWith("/auth-check") ? { kind: "gated" } : { kind: "found", content: { gated: "auto" } },
        );
      },
    });
    const [error, ...more] = await modelErrors(stagesOf(stage), notLetIn);
    expect(more).toEqual([]);
    expect(error?.path).toBe("stages[0].recipe (sft-tiny) dataset.source");
    expect(error?.reason).toContain("accept its terms there, and set HF_TOKEN");
    expect(urls).toEqual([
      "https://huggingface.co/api/datasets/owner/data?expand=gated&expand=cardData",
      "https://huggingface.co/api/datasets/owner/data/auth-check",
    ]);
  });
});

describe("the revision of a dataset", () => {
  it("is asked for, and named where there is none", async () => {
    const stage = { ...tiny, set: { dataset: { source: "owner/data", revision: "refs/pr/1" } } };
    const urls: string[] = [];
    const on = machine({
      askHub: (url) => {
        urls.push(url);
        return Promise.resolve({ kind: "no revision" });
      },
    });
    const [error] = await modelErrors(stagesOf(stage), on);
    expect(urls[0]).toBe(
      "https://huggingface.co/api/datasets/owner/data/revision/refs%2Fpr%2F1?expand=gated&expand=cardData",
    );
    expect(error?.path).toBe("stages[0].recipe (sft-tiny) dataset.revision");
    expect(error?.reason).toContain("owner/data has no such branch, tag or commit");
  });
});

describe("licences", () => {
  it.each([
    [{ cardData: { license: "apache-2.0" } }, "has the licence apache-2.0"],
    [{ cardData: { license: ["mit", "cc-by-nc-4.0"] } }, "has the licence mit, cc-by-nc-4.0"],
    [{ cardData: { license: "other", license_name: "llama3.1" } }, "has the licence llama3.1"],
    [{ tags: ["text", "license:gemma"] }, "has the licence gemma"],
    [{}, "states no licence"],
  ])("are said and refuse nothing: %j", async (description, said) => {
    const set = { model: { base: "owner/model" }, dataset: { source: "owner/data" } };
    const content = { ...description, siblings: [{ rfilename: "model.safetensors" }] };
    const lines: string[] = [];
    const on = machine({ askHub: () => Promise.resolve({ kind: "found", content }) });
    const errors = await modelErrors(stagesOf({ ...tiny, set }), on, (line) => lines.push(line));
    expect(errors).toEqual([]);
    expect(lines).toEqual([`owner/model ${said}`, `owner/data ${said}`]);
  });
});
