import * as fs from "node:fs";
import * as net from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TestStack } from "./pulumi";

/** Bad input to the real engine: one clear message, and nothing half-made. */

const stages = [{ name: "sft", recipe: "sft-tiny" }];
// No hub, whatever network the machine has.
const stack = new TestStack("test-refusals", { environment: { HF_HUB_OFFLINE: "1" } });

beforeAll(() => {
  fs.rmSync(stack.layout.directory, { recursive: true, force: true });
  stack.initialize();
});

afterAll(async () => {
  await stack.run("destroy");
});

/** Resources in the stack's state, the stack itself not counted. */
async function resourcesInState(): Promise<number> {
  const state = JSON.parse(await stack.ok("stack export")) as { deployment: { resources?: { type: string }[] } };
  return (state.deployment.resources ?? []).filter((resource) => resource.type !== "pulumi:pulumi:Stack").length;
}

describe("a configuration that is wrong", () => {
  it.each([
    [{ kind: "locale" }, ['kind: got "locale"; allowed: local, platform, experiment']],
    [{ kind: "local", stage: stages, stages }, ["stage: is not a known key; did you mean stages?"]],
    [
      {
        kind: "local",
        stages: [
          { name: "sft", recipe: "sft-tiny", set: { optimizer: { learningRate: -1 } } },
          { name: "next", recipe: "stf-tiny" },
        ],
      },
      ["stages[0].recipe (sft-tiny) optimizer.learningRate: got -1", 'stages[1].recipe: got "stf-tiny"; allowed:'],
    ],
    // What only the plan, the installed libraries or this machine could have said: once it was found when the store was up.
    [
      {
        kind: "local",
        stages: [
          { name: "sft", recipe: "sft-tiny", set: { batch: { micro: 5 }, sharding: "fsdp2" } },
          { name: "next", recipe: "sft-tiny", set: { evaluation: { tasks: ["tiny_sums", "gsm8kk"] } } },
          { name: "last", recipe: "sft-tiny", set: { dataset: { source: "file:///no/such/data.jsonl" } } },
        ],
      },
      [
        "stages[0].recipe (sft-tiny) batch.micro: got 5; must divide batch.global (32)",
        'stages[0].recipe (sft-tiny) sharding: got "fsdp2"',
        'stages[1].recipe (sft-tiny) evaluation.tasks[1]: got "gsm8kk"; no such task',
        'stages[2].recipe (sft-tiny) dataset.source: got "file:///no/such/data.jsonl"; it does not exist',
      ],
    ],
    [
      { kind: "local", stages: [{ name: "sft", recipe: "sft-70b" }] },
      [
        `stages[0].recipe (sft-70b) model.base: got "meta-llama/Llama-3.1-70B"; it is not in the stack's cache`,
        "HF_HUB_OFFLINE is set",
      ],
    ],
  ])("%# is refused in one message without a stack trace, before anything is made", async (document, expected) => {
    stack.configure(document);
    const { status, output } = await stack.run("up");
    expect(status).not.toBe(0);
    for (const text of expected) expect(output).toContain(text);
    expect(output).not.toMatch(/^\s+at .*\.ts:/m);
    expect(await resourcesInState()).toBe(0);
    expect(fs.existsSync(stack.layout.directory)).toBe(false);
  });
});

describe("a machine that is in the way", () => {
  it("a port that is taken is named, with the setting to change", async () => {
    const server = net.createServer();
    const port = await new Promise<number>((resolve) => {
      server.listen(0, "127.0.0.1", () => {
        resolve((server.address() as net.AddressInfo).port);
      });
    });
    stack.configure({ kind: "local", store: { port, removal: "remove" }, stages });
    const { status, output } = await stack.run("up");
    server.close();
    expect(status).not.toBe(0);
    expect(output).toContain(`port ${port} on 127.0.0.1 is taken by another program: set store.port to a free port`);
    expect(output).not.toMatch(/^\s+at .*\.ts:/m);
    expect(await resourcesInState()).toBe(0);
    expect(fs.existsSync(stack.layout.directory)).toBe(false);
  });
});
