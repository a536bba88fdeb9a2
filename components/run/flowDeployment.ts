import * as pulumi from "@pulumi/pulumi";
import type { Placement } from "../../contracts/placement";
import type { Plan } from "../../contracts/plan";
import type { Recipe } from "../../contracts/recipe";
import { stackLayout } from "../../machine/checkout.mjs";
import { FlowRun, type FlowRunArgs } from "../../provider/sdk/flowRun";
import { Rehearsal, type RehearsalArgs } from "../../provider/sdk/rehearsal";
import { rehearsalIdentity } from "../../rehearsal/identity";
import { defaultProcesses } from "../../rehearsal/processes";
import { type RehearsalDemand, requirementProblem } from "../../rehearsal/requirement";
import { componentTypes } from "../core/componentTypes";
import { type InputError, refuse } from "../core/inputErrors";
import { partHash, partHashes, runContentHash } from "../../recipe/runIdentity";
import { type FlowCode, rehearsalCodeHash } from "./flowCode";
import type { MetaflowBackend } from "../metaflow/metaflowBackend";
import { type Transform, transformed } from "../core/transform";

/**
 * Arguments of `FlowDeployment`. What a run computes is plain on purpose (recipe, plan, code): its hash is known in the preview, which
 * therefore says whether anything runs. The base model is an Input: it may be another run's.
 */
export interface FlowDeploymentArgs {
  /** Where the flow runs. */
  backend: MetaflowBackend;

  /** What to train, and how good it must become; every field is in docs/contracts.md. `loadRecipe` reads one of flows/recipes/. */
  recipe: Recipe;

  /** What the planner decided: processes, GPUs, batches, sharding. Another plan is another run. */
  plan: Plan;

  /** Where the run's pods go: image, nodes, identity; null: on this machine. A run that is placed elsewhere is the same run. */
  placement: Placement | null;

  /**
   * Prefix of the base model, usually another deployment's `modelUri`.
   *
   * @default the recipe's own `model.base`
   * @example
   * ```ts
   * { baseModelUri: sft.modelUri }
   * ```
   */
  baseModelUri?: pulumi.Input<string>;

  /**
   * The flow's code and the packages that it is locked to. Two deployments of the same code, packages, recipe, plan and base model
   * are one run.
   *
   * @example
   * ```ts
   * { code: flowCode("sft") }
   * ```
   */
  code: FlowCode;

  /**
   * `completion`: `up` ends with the run, fails if it fails, and shows its progress. `started`: `up` ends once the run has started.
   *
   * @default `"completion"`
   * @example
   * ```ts
   * { wait: "started" }
   * ```
   */
  wait?: "completion" | "started";

  /**
   * A new number here is a new run of the same contents.
   *
   * @default `1`
   * @example
   * ```ts
   * { generation: 2 }
   * ```
   */
  generation?: number;

  /**
   * What `up` does when the run's model is gone from the store: `run-again` makes it again, in the same place; `serve-last` has
   * the last promoted model of this deployment that is there stand in for it.
   *
   * @default `"run-again"`
   * @example
   * ```ts
   * { whenLost: "serve-last" }
   * ```
   */
  whenLost?: "run-again" | "serve-last";

  /**
   * Whether the recipe must have been rehearsed: run small with this plan, packages and code, on this machine's processors, with proof
   * that it learns (docs/rehearsal.md). `required`: a program that deploys it without is refused, before anything is made, and told
   * the command. `first`: `up` rehearses it before the run. `none`: nobody asks.
   *
   * @default `"required"` where the plan has GPUs, else `"none"`
   * @example
   * ```ts
   * { rehearsal: "first" }
   * ```
   */
  rehearsal?: RehearsalDemand;

  /**
   * What one run takes: shown in the preview.
   *
   * @example
   * ```ts
   * { estimate: { usd: 0, minutes: 5, where: "on this machine" } }
   * ```
   */
  estimate: {
    /** Dollars. */
    usd: number;
    /** Minutes; null: nobody can say. */
    minutes: number | null;
    /** Where it runs, in words. */
    where: string;
  };

  /** Changes what the component makes: arguments, options and names. */
  transform?: { run?: Transform<FlowRunArgs>; rehearsal?: Transform<RehearsalArgs> };
}

/**
 * A flow deployed and its run as a resource: SFT, DPO or GRPO of one model by one recipe.
 *
 * Nothing changes, nothing runs. A change of flow code, packages, recipe, plan or base model starts one new run, which the preview says;
 * until that has passed its gate, the old run and its model stay what they were. An `up` that was interrupted finds its run again.
 *
 * **Cost**: the plan's GPUs while the run lasts; nothing afterwards.
 *
 * **Teardown**: a live run is stopped; models and metrics stay in the store.
 *
 * @example
 * ```ts
 * const sft = new FlowDeployment("sft", { backend, recipe, plan, placement, code: flowCode("sft"), estimate });
 * const dpo = new FlowDeployment("dpo", { ...rest, baseModelUri: sft.modelUri });
 * ```
 */
export class FlowDeployment extends pulumi.ComponentResource {
  /** Prefix of the promoted model. */
  readonly modelUri: pulumi.Output<string>;
  /** Metaflow's name of the run: `<Flow>/<run id>`. */
  readonly pathspec: pulumi.Output<string | null>;
  /** What became of the run, as the driver says it. */
  readonly status: pulumi.Output<string>;
  /** The resources inside, for what the outputs above do not say. */
  readonly nodes: { readonly run: FlowRun; readonly rehearsal?: Rehearsal };

  constructor(name: string, args: FlowDeploymentArgs, options?: pulumi.ComponentResourceOptions) {
    const demand = args.rehearsal ?? defaultDemand(args.plan);
    if (demand === "required") refuse("FlowDeployment", name, rehearsalErrors(args));
    super(componentTypes.flowDeployment, name, {}, options);
    const rehearsal = demand === "first" ? this.rehearsalOf(name, args) : undefined;
    const baseModelUri: pulumi.Output<string | null> =
      args.baseModelUri === undefined ? pulumi.output(null) : pulumi.output(args.baseModelUri);
    const contents = { ...args.code, recipe: args.recipe, plan: args.plan, generation: args.generation ?? 1 };
    const run = new FlowRun(
      ...transformed(
        args.transform?.run,
        `${name}-run`,
        {
          name,
          flow: args.recipe.method,
          run: pulumi.all([baseModelUri, args.backend.store.modelsRoot]).apply(([base, modelsRoot]) => ({
            recipe: args.recipe,
            plan: args.plan,
            placement: args.placement,
            baseModelUri: base,
            modelsRoot,
            name,
            modelUri: null,
          })),
          contentHash: baseModelUri.apply((base) => runContentHash({ ...contents, baseModelUri: base })),
          contentParts: { ...partHashes(contents), baseModel: baseModelUri.apply(partHash) },
          orchestrator: args.backend.orchestrator,
          environment: args.backend.environment,
          wait: args.wait ?? "completion",
          whenLost: args.whenLost ?? "run-again",
          estimate: args.estimate,
        },
        { parent: this, ...(rehearsal === undefined ? {} : { dependsOn: [rehearsal] }) },
      ),
    );
    this.nodes = { run, ...(rehearsal === undefined ? {} : { rehearsal }) };
    this.modelUri = run.modelUri.apply((uri) => uri ?? "");
    this.pathspec = run.pathspec;
    this.status = run.status;
    this.registerOutputs({ modelUri: this.modelUri, pathspec: this.pathspec, status: this.status });
  }
  /** What is done before the run: it works in the stack's folder, and its report is the checkout's. */
  private rehearsalOf(name: string, { code, recipe, plan, transform }: FlowDeploymentArgs): Rehearsal {
    const { identity, parts, rehearsalCode } = rehearsalIdentity({ ...code, recipe, plan }, rehearsalCodeHash());
    const folder = stackLayout(pulumi.getStack()).rehearsals;
    const inputs = { identity, parts, rehearsalCode, recipe, plan, processes: defaultProcesses, folder };
    return new Rehearsal(...transformed(transform?.rehearsal, `${name}-rehearsal`, inputs, { parent: this }));
  }
}

/** GPUs cost money; a run without costs minutes, as its rehearsal would. */
const defaultDemand = ({ gpusPerNode }: Plan): RehearsalDemand => (gpusPerNode > 0 ? "required" : "none");

function rehearsalErrors({ code, recipe, plan }: FlowDeploymentArgs): InputError[] {
  const reason = requirementProblem({ ...code, recipe, plan }, rehearsalCodeHash());
  return reason === undefined ? [] : [{ propertyPath: "rehearsal", reason }];
}
