import { processesPerNode } from "../contracts/plan";
import type { RunDocument } from "../contracts/runDocument";
import { methodOf } from "../methods";
import { type FieldError, show } from "../validation/explain";
import { processorNeeds } from "./plan";

type Run = Pick<RunDocument, "recipe" | "plan">;

/**
 * What must hold between the recipe and the plan of a run document, beyond what its schema says. flows/posttraining/checks.py judges
 * the same (tests/contracts/documents.json).
 *
 * @returns one entry for every field of the recipe or the plan that does not fit the other; empty for what the planner makes.
 */
export function runDocumentErrors(run: Run): FieldError[] {
  return [
    ...processErrors(run),
    ...(run.plan.gpusPerNode === 0 ? gpuErrors(run) : []),
    ...referenceErrors(run),
    ...generationErrors(run),
  ];
}

/** Whether the processes that train share states and batch as the plan says. */
function processErrors({ recipe, plan }: Run): FieldError[] {
  const { nodes, generationNodes, microBatch, gradientAccumulation, sharding } = plan;
  const processes = (nodes - generationNodes) * processesPerNode(plan);
  const { global } = recipe.batch;
  const errors: FieldError[] = [...processesOfGpusErrors(plan)];
  if (sharding !== "none" && processes === 1) {
    errors.push({
      path: "sharding",
      reason: `${sharding} spreads states over several processes; the plan has one; write auto`,
    });
  }
  if (microBatch * gradientAccumulation * processes !== global) {
    errors.push({
      path: "batch.global",
      reason:
        `got ${global}; the plan makes ${microBatch} (microBatch) x ${gradientAccumulation} (gradientAccumulation) x ` +
        `${processes} (processes that train) of it`,
    });
  }
  const method = methodOf(recipe);
  const least = method.leastMicroBatch(recipe);
  if (microBatch < least) {
    errors.push({
      path: "batch.global",
      reason:
        `got ${global}; ${method.label} takes ${least} or more examples in one forward pass, and the plan has ` +
        `${microBatch} on each of ${processes} GPUs: write ${least * processes} or more`,
    });
  }
  return errors;
}

/** A node's GPUs say how many processes it has. */
const processesOfGpusErrors = ({ gpusPerNode, processesPerNode: said }: Run["plan"]): FieldError[] =>
  gpusPerNode === 0 || said === undefined
    ? []
    : [
        {
          path: "plan.processesPerNode",
          reason: `got ${said}; a node with GPUs has one process for each of them, ${gpusPerNode}: remove it`,
        },
      ];

/** What a recipe asks for that only GPUs can do. */
const gpuErrors = ({ recipe }: Run): FieldError[] =>
  processorNeeds(recipe).map(({ path, value, instead }) => ({
    path,
    reason: `${value} needs GPUs; the plan has none; write ${instead}`,
  }));

/** TRL 1.16: the first process alone writes what it precomputes, to a file on its node. */
function referenceErrors({ recipe, plan }: Run): FieldError[] {
  const method = methodOf(recipe);
  if (method.reference(recipe) !== "precomputed" || plan.nodes === 1) return [];
  return [
    {
      path: `${method.name}.precomputeReferenceLogProbabilities`,
      reason: "only the first of several nodes would have them; set it to false, or plan one node",
    },
  ];
}

/** Whether the plan has what generates answers, and nothing for it where nothing does. */
function generationErrors({ recipe, plan }: Run): FieldError[] {
  const { nodes, generationNodes, sharding, generation } = plan;
  const method = methodOf(recipe);
  const { kind } = method.generation(recipe);
  const usesVllm = kind === "colocated" || kind === "server";
  const kindPath = `${method.name}.generation.kind`;
  const errors: FieldError[] = [];
  if (kind === "server" && (generationNodes !== 1 || nodes < 2)) {
    errors.push({
      path: kindPath,
      reason:
        `vllm-server takes one node for generation beside those that train; the plan has ${generationNodes} for it, of ${nodes}: ` +
        "write generationNodes 1 and 2 nodes or more",
    });
  }
  if (kind !== "server" && generationNodes > 0) {
    errors.push(
      method.generates
        ? { path: kindPath, reason: `needs no node for generation; the plan has ${generationNodes}` }
        : {
            path: "method",
            reason: `${method.name} generates nothing; the plan sets ${generationNodes} nodes apart for it`,
          },
    );
  }
  if (generation !== undefined && !usesVllm) {
    errors.push({ path: "plan.generation", reason: `got ${show(generation)}; vLLM generates nothing here: remove it` });
  }
  if (usesVllm && recipe.trainable.kind === "qlora" && sharding === "fsdp2") {
    // https://github.com/huggingface/trl/issues/5975
    errors.push({
      path: "trainable.kind",
      reason: "quantised weights sharded with FSDP2 cannot be sent to vLLM; write lora",
    });
  }
  return errors;
}
