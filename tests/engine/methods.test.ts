import * as fs from "node:fs";
import * as path from "node:path";
import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { root } from "../../machine/checkout.mjs";
import { type MethodName, methods } from "../../methods";
import { readRecipe } from "../../recipe/read";
import { TestStack } from "./pulumi";

/**
 * Every method of the registry that the stack of stacks/Pulumi.local.yaml leaves out, for real: its tiny recipe is trained after the SFT
 * stage, has to pass its gate, and is served. What is in that stack, chain.test.ts sees.
 */

interface LocalStack {
  readonly config: { readonly "posttraining:stack": { readonly stages: readonly { readonly recipe: string }[] } };
}

function methodsOfLocalStack(): MethodName[] {
  const file = path.join(root, "stacks", "Pulumi.local.yaml");
  const { config } = parse(fs.readFileSync(file, "utf8")) as LocalStack;
  return config["posttraining:stack"].stages.map(({ recipe }) => readRecipe(recipe).method);
}

interface Outputs {
  readonly stages: readonly { readonly name: string; readonly status: string; readonly modelUri: string }[];
  readonly endpoint: { readonly url: string; readonly model: string; readonly modelUri: string };
  readonly endpointEnvironment: Readonly<Record<string, string>>;
}

const inLocalStack = methodsOfLocalStack();
const others = methods.map(({ name }) => name).filter((name) => !inLocalStack.includes(name));

describe("methods beyond the local stack", () => {
  it.each(methods.map(({ name }) => name))("%s has a tiny recipe of the project's own task", (name) => {
    const recipe = readRecipe(`${name}-tiny`);
    expect(recipe.method).toBe(name);
    expect(recipe.dataset.source).toBe("tiny:sums");
  });

  describe.each(others)("%s", (method) => {
    const stack = new TestStack(`test-method-${method}`);
    const sft = { name: "sft", recipe: "sft-tiny" };
    const stage = { name: method, recipe: `${method}-tiny`, from: "sft" };
    const configure = (...stages: readonly object[]): void => {
      stack.configure({ kind: "local", store: { removal: "remove" }, stages, endpoint: { serves: method } });
    };
    const outputs = async (): Promise<Outputs> => (await stack.outputs()) as unknown as Outputs;
    beforeAll(() => {
      fs.rmSync(stack.layout.directory, { recursive: true, force: true });
      stack.initialize();
      configure(sft, stage);
    });
    afterAll(async () => {
      await stack.run("cancel", "--yes");
      await stack.run("destroy");
    });

    it("is trained after SFT, passes its gate, and is served", async () => {
      await stack.ok("up");
      const { stages, endpoint, endpointEnvironment } = await outputs();
      expect(stages.map(({ name, status }) => [name, status])).toEqual([
        ["sft", "succeeded"],
        [method, "succeeded"],
      ]);
      expect(endpoint.modelUri).toBe(stages[1]?.modelUri);
      const client = new OpenAI({ baseURL: endpoint.url, apiKey: endpointEnvironment.OPENAI_API_KEY, maxRetries: 0 });
      const answer = await client.chat.completions.create({
        model: endpoint.model,
        messages: [{ role: "user", content: "What is 3 plus 4?" }],
        max_completion_tokens: 12,
        temperature: 0,
      });
      expect(answer.choices[0]?.message.content).toContain("7");
    });

    it("misses its gate where it has hardly been trained, and the model before is served on", async () => {
      const before = await outputs();
      configure(sft, { ...stage, set: { duration: { steps: 1 }, optimizer: { warmupSteps: 0 } } });
      const { status, output } = await stack.run("up");
      expect(status).not.toBe(0);
      expect(output).toMatch(/finished, but its model did not pass the gate[\s\S]*wanted at least/);
      expect((await outputs()).endpoint).toEqual(before.endpoint);
    });

    it("leaves nothing behind", async () => {
      await stack.ok("destroy");
      expect(fs.existsSync(stack.layout.runs)).toBe(false);
      expect(fs.existsSync(stack.layout.store)).toBe(false);
    });
  });
});
