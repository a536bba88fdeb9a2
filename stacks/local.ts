import * as path from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { flowCode } from "../components/run/flowCode";
import { FlowDeployment } from "../components/run/flowDeployment";
import { LocalArtifactStore } from "../components/store/localArtifactStore";
import { LocalInferenceEndpoint } from "../components/run/localInferenceEndpoint";
import { LocalMetaflowBackend } from "../components/metaflow/localMetaflowBackend";
import { root, stackLayout } from "../machine/checkout.mjs";
import { localStackMachine, planForThisMachine } from "../recipe/plan";
import type { LocalConfiguration } from "../configuration/local";
import type { Recipe } from "../contracts/recipe";
import { tinyHours } from "../sizing/processor";
import { type LocalOutputs, stackOutputsVersion } from "../contracts/stackOutputs";
import type { PendingOutputs } from "./outputs";

/**
 * The program of kind `local`: store, Metaflow, the chain of runs, and the endpoint, all on this machine.
 *
 * @param hoursOf what a recipe's run takes on this machine; left out: all of them train the tiny model
 */
export function localStack(
  configuration: LocalConfiguration,
  stack: string,
  hoursOf: (recipe: Recipe) => number | undefined = tinyHours,
): PendingOutputs<LocalOutputs> {
  const folders = stackLayout(stack);
  const store = new LocalArtifactStore("store", {
    dataDirectory: folders.store,
    processesDirectory: folders.processes,
    ...(configuration.store.port === undefined ? {} : { port: configuration.store.port }),
    removal: configuration.store.removal,
  });
  const backend = new LocalMetaflowBackend("metaflow", {
    store,
    homeDirectory: folders.metaflow,
    runsDirectory: folders.runs,
    cacheDirectory: folders.cache,
  });
  const deployments = new Map<string, FlowDeployment>();
  /** The model that a stage's chain starts from: as large as all that are made of it. */
  const models = new Map<string, Recipe["model"]>();
  for (const { name, recipe, from, generation, whenLost, rehearsal } of configuration.stages) {
    const base = from === undefined ? undefined : deployments.get(from);
    const model = (from === undefined ? undefined : models.get(from)) ?? recipe.model;
    models.set(name, model);
    deployments.set(
      name,
      new FlowDeployment(name, {
        backend,
        recipe,
        plan: planForThisMachine(recipe, localStackMachine),
        placement: null,
        code: flowCode(recipe.method),
        ...(base === undefined ? {} : { baseModelUri: base.modelUri }),
        generation,
        whenLost,
        rehearsal,
        estimate: { usd: 0, minutes: inMinutes(hoursOf({ ...recipe, model })), where: "this machine" },
      }),
    );
  }
  const endpoint = endpointOf(configuration.endpoint, deployments, store, folders.processes);
  return {
    kind: "local",
    version: stackOutputsVersion,
    stages: configuration.stages.map(({ name, recipe }) => stageSummary(name, recipe.method, deployments)),
    endpoint: endpoint === undefined ? null : endpointSummary(endpoint),
    endpointEnvironment: endpoint === undefined ? null : endpointEnvironment(endpoint),
    metaflowConfig: backend.configuration,
    metaflowEnvironment: backend.environment,
    modelsRoot: store.modelsRoot,
  };
}

function endpointOf(
  endpoint: LocalConfiguration["endpoint"],
  deployments: ReadonlyMap<string, FlowDeployment>,
  store: LocalArtifactStore,
  processesDirectory: string,
): LocalInferenceEndpoint | undefined {
  const served = endpoint === undefined ? undefined : deployments.get(endpoint.serves);
  if (endpoint === undefined || served === undefined) return undefined;
  return new LocalInferenceEndpoint("endpoint", {
    store,
    modelUri: served.modelUri,
    modelName: endpoint.modelName ?? endpoint.serves,
    processesDirectory,
    engine: endpoint.engine,
    key: endpoint.key,
    ...(endpoint.port === undefined ? {} : { port: endpoint.port }),
  });
}

/** Minutes, to a tenth; null where nobody can say. */
const inMinutes = (hours: number | undefined): number | null =>
  hours === undefined ? null : Math.round(hours * 600) / 10;

function stageSummary(name: string, method: string, deployments: ReadonlyMap<string, FlowDeployment>) {
  const run = deployments.get(name)?.nodes.run;
  if (run === undefined) throw new Error(`stage ${name} has no deployment`);
  return {
    name,
    method,
    status: run.status,
    pathspec: run.pathspec,
    metric: run.headline.apply((headline) => headline?.metric ?? null),
    before: run.headline.apply((headline) => headline?.before ?? null),
    after: run.headline.apply((headline) => headline?.after ?? null),
    gainError: run.headline.apply((headline) => headline?.standardError?.gain ?? null),
    minutes: pulumi
      .all([run.startedAt, run.finishedAt])
      .apply(([from, to]) => (from === null || to === null ? null : minutesBetween(from, to))),
    modelUri: run.modelUri,
    cards: run.cards,
  };
}

/** Minutes between two ISO 8601 times, to a tenth. */
export function minutesBetween(from: string, to: string): number {
  return Math.round((Date.parse(to) - Date.parse(from)) / 6000) / 10;
}

function endpointSummary(endpoint: LocalInferenceEndpoint) {
  return {
    url: endpoint.url,
    model: endpoint.modelName,
    modelUri: endpoint.modelUri,
    headerFile: endpoint.headerFile,
    curl: pulumi
      .all([endpoint.url, endpoint.modelName, endpoint.headerFile])
      .apply(([url, model, headerFile]) => curlLine(url, model, headerFile)),
  };
}

/** What clients of the endpoint read from their environment: OpenAI's own, and the notebook's. */
function endpointEnvironment(endpoint: LocalInferenceEndpoint): pulumi.Output<Record<string, string>> {
  return pulumi.secret(
    pulumi
      .all([endpoint.url, endpoint.modelName, endpoint.apiKey])
      .apply(([url, model, apiKey]): Record<string, string> => ({
        OPENAI_BASE_URL: url,
        // Clients refuse to start without one.
        OPENAI_API_KEY: apiKey ?? "none",
        ENDPOINT_URL: url,
        ENDPOINT_MODEL: model,
      })),
  );
}

/**
 * A line for a shell that asks the endpoint one question.
 *
 * @param headerFile file with the header that holds the key, so that the key is in no command line and no history; null: no key.
 */
export function curlLine(url: string, model: string, headerFile: string | null): string {
  const body = JSON.stringify({ model, messages: [{ role: "user", content: "What is 3 plus 4?" }], max_tokens: 12 });
  const relative = headerFile === null ? undefined : path.relative(root, headerFile);
  const authorization =
    relative === undefined ? "" : ` -H ${/^[\w./-]+$/.test(relative) ? `@${relative}` : `'@${relative}'`}`;
  return `curl -s --noproxy '*' ${url}/chat/completions${authorization} -H 'content-type: application/json' -d '${body}'`;
}
