import type { RunDocument } from "../contracts/runDocument";
import { methodOf } from "../methods";
import type { FieldError } from "../validation/explain";

/**
 * What must hold between the recipe and the plan of a run document, beyond what its schema says. flows/posttraining/checks.py judges
 * the same (tests/contracts/documents.json).
 *
 * @returns one entry for every field of the recipe or the plan that does not fit the other; empty for what the planner makes.
 */
export function runDocumentErrors({ recipe, plan }: Pick<RunDocument, "recipe" | "plan">): FieldError[] {
  const errors: FieldError[] = [];
  const add = (path: string, reason: string): void => {
    errors.push({ path, reason });
  };
  const { nodes, generationNodes, microBatch, gradientAccumulation, sharding } = plan;
  const processes = (nodes - generationNodes) * Math.max(plan.gpusPerNode, 1);
  if (sharding !== "none" && processes === 1) {
    add("sharding", `${sharding} spreads states over several processes; the plan has one; write auto`);
  }
  if (microBatch * gradientAccumulation * processes !== recipe.batch.global) {
    add(
      "batch.global",
      `got ${recipe.batch.global}; the plan makes ${microBatch} (microBatch) x ${gradientAccumulation} (gradientAccumulation) x ` +
        `${processes} (processes that train) of it`,
    );
  }
  const method = methodOf(recipe);
  const { kind } = method.generation(recipe);
  if (kind === "server" && (generationNodes !== 1 || nodes < 2)) {
    add(
      `${method.name}.generation.kind`,
      `vllm-server takes one node for generation beside those that train; the plan has ${generationNodes} for it, of ${nodes}: ` +
        "write generationNodes 1 and 2 nodes or more",
    );
  }
  if (kind !== "server" && generationNodes > 0) {
    add(
      method.generates ? `${method.name}.generation.kind` : "method",
      method.generates
        ? `needs no node for generation; the plan has ${generationNodes}`
        : `${method.name} generates nothing; the plan sets ${generationNodes} nodes apart for it`,
    );
  }
  return errors;
}
