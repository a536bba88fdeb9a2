import * as pulumi from "@pulumi/pulumi";
import { LocalMetaflowBackend } from "../../components/metaflow/localMetaflowBackend";
import { flowCode } from "../../components/run/flowCode";
import { FlowDeployment } from "../../components/run/flowDeployment";
import { LocalInferenceEndpoint } from "../../components/run/localInferenceEndpoint";
import { LocalArtifactStore } from "../../components/store/localArtifactStore";
import { stackLayout } from "../../machine/checkout.mjs";
import { localStackMachine, planForThisMachine } from "../../recipe/plan";
import { readRecipe } from "../../recipe/read";
import { tinyHours } from "../../sizing/processor";

/** A tiny model, trained by SFT and then by DPO, and served: all on this machine. */

// Below `.posttraining/stacks` of the checkout, beside the folders of its own stacks.
const folders = stackLayout(`${pulumi.getProject()}-${pulumi.getStack()}`);

const store = new LocalArtifactStore("store", {
  dataDirectory: folders.store,
  processesDirectory: folders.processes,
  removal: "remove",
});
const backend = new LocalMetaflowBackend("metaflow", {
  store,
  homeDirectory: folders.metaflow,
  runsDirectory: folders.runs,
  cacheDirectory: folders.cache,
});

/** What a recipe of `flows/recipes` needs to run here. */
function runOf(recipeName: string) {
  const recipe = readRecipe(recipeName);
  return {
    backend,
    recipe,
    plan: planForThisMachine(recipe, localStackMachine),
    placement: null,
    code: flowCode(recipe.method),
    estimate: { usd: 0, minutes: Math.ceil(tinyHours(recipe) * 60), where: "this machine" },
  };
}

const sft = new FlowDeployment("sft", runOf("sft-tiny"));
// DPO begins with the model that SFT has promoted, and so after it.
const dpo = new FlowDeployment("dpo", { ...runOf("dpo-tiny"), baseModelUri: sft.modelUri });

const endpoint = new LocalInferenceEndpoint("endpoint", {
  store,
  modelUri: dpo.modelUri,
  modelName: "dpo",
  processesDirectory: folders.processes,
});

export const modelUri = dpo.modelUri;
export const url = endpoint.url;
/** What clients send as bearer token; secret. */
export const apiKey = endpoint.apiKey;
