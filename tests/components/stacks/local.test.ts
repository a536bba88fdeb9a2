import * as pulumi from "@pulumi/pulumi";
import { beforeEach, describe, expect, it } from "vitest";
import { FlowDeployment } from "../../../components/run/flowDeployment";
import { LocalArtifactStore } from "../../../components/store/localArtifactStore";
import { LocalInferenceEndpoint } from "../../../components/run/localInferenceEndpoint";
import { LocalMetaflowBackend } from "../../../components/metaflow/localMetaflowBackend";
import type { Recipe } from "../../../contracts/recipe";
import { placementSchema } from "../../../contracts/placement";
import { parseRecipe, readRecipe } from "../../../recipe/read";
import { localStackMachine, planForThisMachine } from "../../../recipe/plan";
import { parseLocal } from "../../../configuration/local";
import { localOutputsSchema, sealedLocalOutputsSchema } from "../../../contracts/stackOutputs";
import { planRecipe } from "../../../sizing/planRecipe";
import { localStack } from "../../../stacks/local";
import { resourceTypes } from "../../../provider/resourceTypes";
import { sftDocument } from "../../unit/recipe/recipes";
import { collect, type ProviderOutputs, type RegisteredResource, secretValue, valueOf } from "../collect";

const outputs: ProviderOutputs = {
  [resourceTypes.objectStoreServer]: () => ({
    endpoint: "http://127.0.0.1:9000",
    port: 9000,
    accessKeyId: "key",
    secretAccessKey: "hidden",
    status: "running",
  }),
  [resourceTypes.flowRun]: (inputs) => ({
    status: "succeeded",
    modelUri: `s3://posttraining/models/${String(inputs.name)}/1`,
    pathspec: "SftFlow/1",
  }),
  [resourceTypes.modelServer]: () => ({ url: "http://127.0.0.1:8000/v1", port: 8000 }),
};

const result = parseRecipe(sftDocument);
if (!("recipe" in result)) throw new Error("the recipe for tests is not valid");
const { recipe } = result;
const estimate = { usd: 0, minutes: 2, where: "this machine" };
const code = { code: "code", packages: "packages" };
const placement = placementSchema.parse({
  image: "example/training:1",
  namespace: "jobs",
  serviceAccount: "flows",
  ...{ cpu: 8, memory: 64_000, disk: 200_000 },
});
const shared = { recipe, plan: planForThisMachine(recipe, localStackMachine), placement: null, code, estimate };

function storeAndBackend(transform?: ConstructorParameters<typeof LocalArtifactStore>[1]["transform"]) {
  const store = new LocalArtifactStore("store", {
    dataDirectory: "/data",
    processesDirectory: "/processes",
    ...(transform === undefined ? {} : { transform }),
  });
  const backend = new LocalMetaflowBackend("metaflow", {
    store,
    homeDirectory: "/metaflow",
    runsDirectory: "/runs",
    cacheDirectory: "/cache",
  });
  return { store, backend };
}

const ofType = (resources: readonly RegisteredResource[], type: string) =>
  resources.filter((resource) => resource.type === type);

describe("LocalArtifactStore", () => {
  it("makes one server, its child, and names the places for models, datastore, checkpoints and datasets", async () => {
    const { result: made, resources, registrations } = await collect(() => storeAndBackend().store, outputs);
    const [server] = ofType(resources, resourceTypes.objectStoreServer);
    expect(server?.inputs).toMatchObject({
      dataDirectory: "/data",
      processDirectory: "/processes/store",
      bucket: "posttraining",
      removal: "retain",
    });
    expect(registrations.find((r) => r.name === "store-server")?.opts.parent).toBe(made);
    expect(await valueOf(made.modelsRoot)).toBe("s3://posttraining/models");
    expect(await valueOf(made.datastoreRoot)).toBe("s3://posttraining/metaflow");
    expect(await valueOf(made.checkpointsRoot)).toBe("s3://posttraining/metaflow/mf.checkpoints");
    expect(await valueOf(made.datasetsRoot)).toBe("s3://posttraining/datasets");
  });

  it("keeps the credentials secret all the way to the run and the endpoint", async () => {
    const { result: made, resources } = await collect(() => {
      const { store, backend } = storeAndBackend();
      const deployment = new FlowDeployment("sft", { backend, ...shared });
      new LocalInferenceEndpoint("endpoint", {
        store,
        modelUri: deployment.modelUri,
        modelName: "sft",
        processesDirectory: "/processes",
      });
      return { store, backend };
    }, outputs);
    expect(await pulumi.isSecret(made.store.environment)).toBe(true);
    expect(await pulumi.isSecret(made.backend.environment)).toBe(true);
    const [run] = ofType(resources, resourceTypes.flowRun);
    const [server] = ofType(resources, resourceTypes.modelServer);
    expect(secretValue(run?.inputs.environment)).toMatchObject({ AWS_SECRET_ACCESS_KEY: "hidden" });
    expect(secretValue(server?.inputs.storeEnvironment)).toMatchObject({ AWS_SECRET_ACCESS_KEY: "hidden" });
  });

  it("lets a transform change the server's arguments", async () => {
    const { resources } = await collect(() => storeAndBackend({ server: { requestedPort: 9999 } }), outputs);
    expect(ofType(resources, resourceTypes.objectStoreServer)[0]?.inputs.requestedPort).toBe(9999);
  });
});

describe("LocalMetaflowBackend", () => {
  it("gives a person a configuration without secrets that points at the store", async () => {
    const { result: backend } = await collect(() => storeAndBackend().backend, outputs);
    expect(await pulumi.isSecret(backend.configuration)).toBe(false);
    const configuration = await valueOf(backend.configuration);
    expect(configuration).toMatchObject({
      METAFLOW_DEFAULT_DATASTORE: "s3",
      METAFLOW_DATASTORE_SYSROOT_S3: "s3://posttraining/metaflow",
      METAFLOW_S3_ENDPOINT_URL: "http://127.0.0.1:9000",
    });
    expect(JSON.stringify(configuration)).not.toContain("hidden");
  });
});

describe("FlowDeployment", () => {
  let hashes: string[];
  beforeEach(() => {
    hashes = [];
  });

  async function hashOf(change: Partial<ConstructorParameters<typeof FlowDeployment>[1]>): Promise<string> {
    const { resources } = await collect(
      () => new FlowDeployment("sft", { backend: storeAndBackend().backend, ...shared, ...change }),
      outputs,
    );
    const hash = ofType(resources, resourceTypes.flowRun)[0]?.inputs.contentHash as string;
    hashes.push(hash);
    return hash;
  }

  it("has a new hash for new code, packages, recipe, plan, base model or generation, and for nothing else", async () => {
    const first = await hashOf({});
    expect(await hashOf({ placement })).toBe(first);
    expect(await hashOf({ estimate: { usd: 9, minutes: 9, where: "elsewhere" }, wait: "started" })).toBe(first);
    await hashOf({ code: { ...code, code: "other code" } });
    await hashOf({ code: { ...code, packages: "other packages" } });
    await hashOf({ generation: 2 });
    await hashOf({ recipe: { ...recipe, seed: 1 } });
    await hashOf({ plan: { ...shared.plan, microBatch: 1 } });
    await hashOf({ baseModelUri: "s3://posttraining/models/other/1" });
    expect(new Set(hashes.slice(3)).size).toBe(6);
    expect(hashes.slice(3)).not.toContain(first);
  });

  it("gives the flow its placement", async () => {
    const { resources } = await collect(
      () => new FlowDeployment("sft", { backend: storeAndBackend().backend, ...shared, placement }),
      outputs,
    );
    expect(ofType(resources, resourceTypes.flowRun)[0]?.inputs.run).toMatchObject({ plan: shared.plan, placement });
  });

  it("gives the flow recipe, plan, base model and the place for models, and waits for its end", async () => {
    const { resources } = await collect(() => {
      const { backend } = storeAndBackend();
      const sft = new FlowDeployment("sft", { backend, ...shared });
      return new FlowDeployment("next", { backend, ...shared, baseModelUri: sft.modelUri });
    }, outputs);
    const [first, second] = ofType(resources, resourceTypes.flowRun);
    expect(first?.inputs).toMatchObject({ name: "sft", flow: "sft", wait: "completion" });
    expect(first?.inputs.run).toMatchObject({
      baseModelUri: null,
      modelsRoot: "s3://posttraining/models",
      name: "sft",
    });
    expect(second?.inputs.run).toMatchObject({ baseModelUri: "s3://posttraining/models/sft/1" });
  });
});

describe("LocalInferenceEndpoint", () => {
  it("serves the model under its name and says where", async () => {
    const { result: endpoint, resources } = await collect(
      () =>
        new LocalInferenceEndpoint("endpoint", {
          store: storeAndBackend().store,
          modelUri: "s3://posttraining/models/grpo/1",
          modelName: "grpo",
          processesDirectory: "/processes",
          port: 8000,
        }),
      outputs,
    );
    expect(ofType(resources, resourceTypes.modelServer)[0]?.inputs).toMatchObject({
      modelUri: "s3://posttraining/models/grpo/1",
      engine: "auto",
      requestedPort: 8000,
      directory: "/processes/endpoint",
    });
    expect(await valueOf(endpoint.url)).toBe("http://127.0.0.1:8000/v1");
  });
});

describe("localStack", () => {
  const document = {
    kind: "local",
    stages: [
      { name: "sft", recipe: "sft-tiny" },
      { name: "dpo", recipe: "dpo-tiny", from: "sft" },
    ],
  };
  const made = {
    ...outputs,
    [resourceTypes.flowRun]: (inputs: Record<string, unknown>) => ({
      status: "succeeded",
      modelUri: `s3://posttraining/models/${String(inputs.name)}/1`,
      pathspec: "SftFlow/1",
      headline: {
        ...{ metric: "accuracy", before: 0.1, after: 0.9 },
        standardError: { before: 0.01, after: 0.02, gain: 0.03 },
      },
      startedAt: "2026-11-29T01:00:00Z",
      finishedAt: "2026-11-29T01:01:30Z",
      cards: ["/runs/sft/card.html"],
    }),
    [resourceTypes.modelServer]: (inputs: Record<string, unknown>) => ({
      url: "http://127.0.0.1:8000/v1",
      modelName: inputs.modelName,
      apiKey: "hidden",
      headerFile: "/processes/endpoint/header",
    }),
  };

  async function outputsOf(change: object): Promise<Record<string, unknown>> {
    const configuration = parseLocal({ ...document, ...change });
    const { result: pending } = await collect(() => localStack(configuration, "test"), made);
    return valueOf(pulumi.output(pending as Record<string, unknown>));
  }

  async function minutesOf(hoursOf?: (recipe: Recipe) => number | undefined): Promise<unknown[]> {
    const { resources } = await collect(() => localStack(parseLocal(document), "test", hoursOf), made);
    return ofType(resources, resourceTypes.flowRun).map(
      ({ inputs }) => (inputs.estimate as { minutes: unknown }).minutes,
    );
  }

  it("says of each run what the planner says, in minutes, and nothing where that does not know the model", async () => {
    const planned = ["sft-tiny", "dpo-tiny"].map((name) => planRecipe(readRecipe(name)).hours);
    expect(await minutesOf()).toEqual(planned.map((hours) => Math.round(hours * 600) / 10));
    expect(await minutesOf(() => undefined)).toEqual([null, null]);
  });

  it("asks how long a run takes of the model that its chain starts from", async () => {
    const stages = [
      { name: "sft", recipe: "sft-tiny", set: { model: { base: "Qwen/Qwen2.5-0.5B" }, precision: "bfloat16-mixed" } },
      { name: "dpo", recipe: "dpo-tiny", from: "sft" },
    ];
    const asked: string[] = [];
    const hoursOf = ({ model }: Recipe): undefined => void asked.push(model.base);
    await collect(() => localStack(parseLocal({ ...document, stages }), "test", hoursOf), made);
    expect(asked).toEqual(["Qwen/Qwen2.5-0.5B", "Qwen/Qwen2.5-0.5B"]);
  });

  it.each([
    ["an endpoint", { endpoint: { serves: "dpo" } }],
    ["none", {}],
  ])("has the outputs that contracts/stackOutputs.ts promises, with %s", async (_, change) => {
    const found = await outputsOf(change);
    expect(localOutputsSchema.safeParse(found).error).toBeUndefined();
    expect(localOutputsSchema.safeParse({ ...found, more: 1 }).success).toBe(false);
    expect(localOutputsSchema.safeParse({ ...found, version: 0 }).success).toBe(false);
    const sealed = { ...found, metaflowEnvironment: "[secret]", endpointEnvironment: "[secret]" };
    const { stages } = sealedLocalOutputsSchema.parse(sealed);
    expect(stages.map(({ before, after, gainError }) => [before, after, gainError])).toEqual([
      [0.1, 0.9, 0.03],
      [0.1, 0.9, 0.03],
    ]);
  });
});
