import * as fs from "node:fs";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { S3Client, ListObjectsV2Command } from "@aws-sdk/client-s3";
import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { root } from "../../machine/checkout.mjs";
import { resourceTypes } from "../../provider/resourceTypes";
import { readRecord } from "../../machine/supervisedProcess";
import { isAlive, type ProcessIdentity } from "../../machine/processes.mjs";
import { listens, processesMentioning } from "./leftovers";
import { TestStack } from "./pulumi";
import { nameOf } from "./urns";

/**
 * The main job, for real and once: the engine, the object store, Metaflow, TRL, lm-eval and vLLM on this machine.
 * The steps build on each other, in this order; each says what a person would see.
 */

interface Stage {
  readonly name: string;
  readonly status: string;
  readonly pathspec: string;
  readonly metric: string;
  readonly before: number | null;
  readonly after: number;
  readonly minutes: number;
  readonly modelUri: string;
  readonly cards: readonly string[];
}

interface Outputs {
  readonly stages: readonly Stage[];
  readonly endpoint: { url: string; model: string; modelUri: string; curl: string };
  readonly endpointEnvironment: Record<string, string>;
  readonly metaflowConfig: Record<string, string>;
  readonly metaflowEnvironment: Record<string, string>;
}

const stages = [
  { name: "sft", recipe: "sft-tiny" },
  { name: "dpo", recipe: "dpo-tiny", from: "sft" },
  { name: "grpo", recipe: "grpo-tiny", from: "dpo" },
];
const configuration = { kind: "local", store: { removal: "remove" }, stages, endpoint: { serves: "grpo" } };

// Serving must not need a C++ compiler, nor a path that one can read: what would call it finds none.
const stack = new TestStack("test-chain", { environment: { CXX: "/no/compiler" } });
let first: Outputs;

const outputs = async (): Promise<Outputs> => (await stack.outputs()) as unknown as Outputs;
const processDirectory = (name: string): string => path.join(stack.layout.processes, name);

function supervisorOf(stage: string): { key: string; identity: ProcessIdentity } {
  const keys = fs.readdirSync(stack.layout.runs).filter((key) => key.startsWith(`${stage}-`));
  expect(keys).toHaveLength(1);
  const key = keys[0] ?? "";
  const file = path.join(stack.layout.runs, key, "supervisor.json");
  const { pid, started } = JSON.parse(fs.readFileSync(file, "utf8")) as { pid: number; started: string };
  return { key, identity: { pid, startTime: started } };
}

function killProcess(name: string): void {
  const record = readRecord(processDirectory(name));
  if (record === undefined) throw new Error(`${name} has no process record`);
  process.kill(-record.pid, "SIGKILL");
}

function client(endpoint: Outputs["endpoint"]): OpenAI {
  return new OpenAI({ baseURL: endpoint.url, apiKey: first.endpointEnvironment.OPENAI_API_KEY, maxRetries: 0 });
}

/** Asks the endpoint for a sum, greedily. */
async function sum(endpoint: Outputs["endpoint"], a: number, b: number): Promise<string> {
  const answer = await client(endpoint).chat.completions.create({
    model: endpoint.model,
    messages: [{ role: "user", content: `What is ${a} plus ${b}?` }],
    max_completion_tokens: 12,
    temperature: 0,
  });
  return answer.choices[0]?.message.content ?? "";
}

beforeAll(() => {
  fs.rmSync(stack.layout.directory, { recursive: true, force: true });
  stack.initialize();
  stack.configure(configuration);
});

afterAll(async () => {
  await stack.run("cancel", "--yes");
  await stack.run("destroy");
});

describe("the chain on one machine", () => {
  it("goes on with its run after `pulumi up` was killed in the middle of it", async () => {
    const interrupted = stack.spawn("up");
    let seen = "";
    interrupted.stdout?.setEncoding("utf8").on("data", (text: string) => (seen += text));
    const closed = new Promise((resolve) => interrupted.once("close", resolve));
    const progress = /sft-run .*train \d+\/\d+, loss [\d.]+.*left/;
    while (!progress.test(seen) && interrupted.exitCode === null) await sleep(100);
    expect(seen).toMatch(progress);
    // Of what is new, too, it is told what it takes before it is started.
    expect(seen).toMatch(/starts 1 run of sft: this machine, about [\d.]+ min, \$0\.00/);
    interrupted.kill("SIGKILL");
    await closed;
    const run = supervisorOf("sft");
    expect(isAlive(run.identity)).toBe(true);

    // A killed engine cannot give its lock back.
    await stack.ok("cancel", "--yes");
    await stack.ok("up");
    expect(supervisorOf("sft")).toEqual(run);
    first = await outputs();
  });

  it("ends the provider with the engine that was killed", () => {
    // Of this stack: tests of others may be at work on the machine.
    const home = `PULUMI_HOME=${stack.environment.PULUMI_HOME ?? ""}`;
    const providers = processesMentioning(path.join(root, "provider", "main.ts"));
    expect(providers.filter(({ variables }) => variables.includes(home))).toEqual([]);
  });

  it("makes each stage better at what it is for", () => {
    expect(first.stages.map((stage) => [stage.name, stage.status])).toEqual([
      ["sft", "succeeded"],
      ["dpo", "succeeded"],
      ["grpo", "succeeded"],
    ]);
    for (const stage of first.stages) {
      expect(stage.after, stage.metric).toBeGreaterThan(stage.before ?? Number.NEGATIVE_INFINITY);
      expect(stage.minutes).toBeGreaterThan(0);
    }
  });

  it("shows cards as files that a browser opens", () => {
    for (const stage of first.stages) {
      expect(stage.cards.length, stage.name).toBeGreaterThan(0);
      for (const card of stage.cards) expect(fs.readFileSync(card, "utf8")).toContain("<html");
    }
  });

  it("answers the OpenAI client: list, chat and stream", async () => {
    const models = await client(first.endpoint).models.list();
    expect(models.data.map((model) => model.id)).toEqual(["grpo"]);
    expect(await sum(first.endpoint, 3, 4)).toBe("The answer is 7.");
    const stream = await client(first.endpoint).chat.completions.create({
      model: "grpo",
      messages: [{ role: "user", content: "What is 2 plus 2?" }],
      max_completion_tokens: 12,
      temperature: 0,
      stream: true,
    });
    const pieces: string[] = [];
    for await (const chunk of stream) pieces.push(chunk.choices[0]?.delta.content ?? "");
    expect(pieces.filter((piece) => piece !== "").length).toBeGreaterThan(1);
    expect(pieces.join("")).toBe("The answer is 4.");
  });

  it("keeps the store's credentials out of the state, the log and the public outputs", async () => {
    const secret = first.metaflowEnvironment.AWS_SECRET_ACCESS_KEY ?? "";
    expect(secret.length).toBeGreaterThan(20);
    expect((await stack.run("stack output", "--json")).output).not.toContain(secret);
    for (const file of fs.readdirSync(path.join(stack.directory, "state"), { recursive: true, encoding: "utf8" })) {
      const whole = path.join(stack.directory, "state", file);
      if (fs.statSync(whole).isFile()) expect(fs.readFileSync(whole, "utf8"), file).not.toContain(secret);
    }
  });

  it("does nothing when nothing changed", async () => {
    const output = await stack.ok("up", "--expect-no-changes");
    expect(output).toMatch(/Resources:\s+\d+ unchanged/);
    expect(await outputs()).toEqual(first);
  });

  it("keeps the models when the object store is killed, and brings it back", async () => {
    killProcess("store");
    await sleep(200);
    await stack.ok("up");
    const back = await outputs();
    expect(back.stages.map((stage) => stage.pathspec)).toEqual(first.stages.map((stage) => stage.pathspec));
    const environment = back.metaflowEnvironment;
    const s3 = new S3Client({
      endpoint: environment.AWS_ENDPOINT_URL_S3 ?? "",
      region: "us-east-1",
      forcePathStyle: true,
      credentials: {
        accessKeyId: environment.AWS_ACCESS_KEY_ID ?? "",
        secretAccessKey: environment.AWS_SECRET_ACCESS_KEY ?? "",
      },
    });
    const prefix = `${(first.stages[2]?.modelUri ?? "").replace("s3://posttraining/", "")}/`;
    const listed = await s3.send(new ListObjectsV2Command({ Bucket: "posttraining", Prefix: prefix }));
    const names = (listed.Contents ?? []).map((object) => path.basename(object.Key ?? ""));
    expect(names).toEqual(expect.arrayContaining(["config.json", "lineage.json", "model.safetensors"]));
  });

  it("finds a killed endpoint by refresh, and `up` brings it back under its address", async () => {
    killProcess("endpoint");
    await sleep(200);
    expect(await stack.ok("refresh")).toMatch(/ModelServer endpoint-server.*updated/);
    await stack.ok("up");
    expect((await outputs()).endpoint).toEqual(first.endpoint);
    expect(await sum(first.endpoint, 3, 4)).toBe("The answer is 7.");
  });

  it("would run a changed stage and those after it again, and no other", async () => {
    const [sft, dpo, grpo] = stages;
    stack.configure({
      ...configuration,
      stages: [sft, { ...dpo, set: { optimizer: { learningRate: 1.9e-4 } } }, grpo],
    });
    const replaced = (await stack.previewSteps())
      .filter((step) => step.op === "replace" && step.urn.includes(resourceTypes.flowRun))
      .map((step) => nameOf(step.urn));
    expect(replaced.sort()).toEqual(["dpo-run", "grpo-run"]);
  });

  it("runs the changed stage only, and serves its model", async () => {
    const [sft, dpo, grpo] = stages;
    stack.configure({
      ...configuration,
      stages: [sft, dpo, { ...grpo, set: { optimizer: { learningRate: 3.2e-4 } } }],
    });
    const output = await stack.ok("up");
    expect(output).toMatch(/starts 1 run of grpo: this machine, about [\d.]+ min, \$0\.00/);
    const next = await outputs();
    expect(next.stages.slice(0, 2)).toEqual(first.stages.slice(0, 2));
    expect(next.stages[2]?.pathspec).not.toBe(first.stages[2]?.pathspec);
    expect(next.endpoint.modelUri).toBe(next.stages[2]?.modelUri);
    expect(next.endpoint.url).toBe(first.endpoint.url);
    expect(await sum(next.endpoint, 3, 4)).toBe("The answer is 7.");
    first = next;
  });

  it("fails with the reason when a run fails or misses its gate, and goes on serving the last good model", async () => {
    const [sft, dpo] = stages;
    const grpo = { name: "grpo", recipe: "grpo-tiny", from: "dpo", set: { optimizer: { learningRate: 3.2e-4 } } };
    // What is in a file, only the run reads.
    const data = path.join(stack.directory, "data.jsonl");
    fs.writeFileSync(data, '{"prompt": "1 + 1?", "completion": "2"}\nno JSON\n');
    const source = pathToFileURL(data).href;
    const broken = { name: "broken", recipe: "sft-tiny", set: { dataset: { source } } };
    const weak = {
      name: "weak",
      recipe: "sft-tiny",
      set: { duration: { steps: 1 }, evaluation: { limit: 8 }, optimizer: { warmupSteps: 0 } },
    };
    stack.configure({ ...configuration, stages: [sft, dpo, grpo, broken, weak] });
    const { status, output } = await stack.run("up");
    expect(status).not.toBe(0);
    expect(output).toMatch(/run SftFlow\/\d+ failed in step "data": .*\/data\.jsonl, line 2 is not JSON/);
    expect(output).toMatch(/finished, but its model did not pass the gate[\s\S]*wanted at least/);
    expect(await sum(first.endpoint, 3, 4)).toBe("The answer is 7.");
    expect((await outputs()).endpoint).toEqual(first.endpoint);
  });

  it("leaves no process, port, lock or file behind", async () => {
    const ports = ["store", "endpoint"].map((name) => readRecord(processDirectory(name))?.port ?? 0);
    await stack.ok("destroy");
    expect(processesMentioning(stack.layout.directory)).toEqual([]);
    for (const port of ports) expect(await listens(port)).toBe(false);
    expect(fs.existsSync(stack.layout.store)).toBe(false);
    expect(fs.existsSync(stack.layout.runs)).toBe(false);
    const state = fs.readdirSync(path.join(stack.directory, "state"), { recursive: true, encoding: "utf8" });
    expect(state.filter((file) => /locks\/.*\.json$/.test(file))).toEqual([]);
  });
});
