import type { Recipe } from "../contracts/recipe";
import { catalog } from "../catalog/instances";
import { methods } from "../methods";
import { rateFor } from "./learningRates";
import { planRecipe, NothingFitsError, type SizedPlan } from "./planRecipe";
import type { Constraints } from "./search";

/** One cell of the table 'Suggested GPU requirement': a method at a size, all weights or adapters. */
export interface TableCell {
  /** The method's label. */
  readonly method: string;
  readonly size: "3B" | "70B";
  readonly trainable: "LoRA" | "full";
  readonly plan: SizedPlan | null;
  /** Why there is no plan. */
  readonly problem?: string;
}

const tableMethods = methods.filter(({ inTable }) => inTable);
export const tableSizes = ["3b", "70b"] as const;

/** A recipe of the table, with adapters or all weights. */
export interface TableVariant {
  readonly recipe: string;
  readonly trainable: "LoRA" | "full";
}

/** All that the table plans, by recipe: each method, two sizes, LoRA and all weights. */
export const tableVariants: readonly TableVariant[] = tableMethods.flatMap((method) =>
  tableSizes.flatMap((size) =>
    (["LoRA", "full"] as const).map((trainable) => ({ recipe: `${method.name}-${size}`, trainable })),
  ),
);

const variants: Readonly<Record<TableVariant["trainable"], Recipe["trainable"]>> = {
  full: { kind: "full" },
  LoRA: { kind: "lora", rank: 32, alpha: 64, dropout: 0, targets: "all-linear", saves: "both" },
};

/** The recipe with its trainable part replaced, and the learning rate that goes with it; the batch, data and model stay. */
export function withTrainable(recipe: Recipe, trainable: "LoRA" | "full"): Recipe {
  if ((trainable === "LoRA" ? "lora" : "full") === recipe.trainable.kind) return recipe;
  const variant = variants[trainable];
  return {
    ...recipe,
    trainable: variant,
    optimizer: { ...recipe.optimizer, learningRate: rateFor(recipe, variant) },
  };
}

/** Plans every cell: each method of the table, two sizes, LoRA and all weights. `read` finds a recipe by name. */
export function planTable(read: (name: string) => Recipe, constraints: Constraints = {}): TableCell[] {
  const cells: TableCell[] = [];
  for (const method of tableMethods)
    for (const size of tableSizes)
      for (const trainable of ["LoRA", "full"] as const) {
        const recipe = withTrainable(read(`${method.name}-${size}`), trainable);
        const common = {
          method: method.label,
          size: size.toUpperCase() as TableCell["size"],
          trainable,
        };
        try {
          cells.push({ ...common, plan: planRecipe(recipe, constraints) });
        } catch (error) {
          if (!(error instanceof NothingFitsError)) throw error;
          cells.push({ ...common, plan: null, problem: error.message });
        }
      }
  return cells;
}

const money = (usd: number): string => `$${usd < 100 ? usd.toFixed(0) : Math.round(usd).toLocaleString("en-US")}`;
const hours = (h: number): string => (h < 1 ? `${String(Math.round(h * 60))} min` : `${h.toFixed(1)} h`);

/** One plan in a table cell: GPUs, machines, hours and price. */
export function cellText(cell: TableCell): string {
  const machines = cell.plan?.machines;
  if (cell.plan === null || machines === null || machines === undefined) return "nothing fits";
  const gpus = machines.gpusPerNode * machines.nodes;
  return `${String(gpus)} x ${machines.gpu.replace("NVIDIA ", "").replace(" Blackwell Server Edition", "")}: ${String(machines.nodes)} x ${machines.instanceType}, ${hours(cell.plan.hours)}, ${money(cell.plan.usdPerRun)}`;
}

/** The README's table as Markdown, with what it rests on. */
export function tableMarkdown(cells: readonly TableCell[]): string {
  const find = (method: string, size: string, trainable: string): string => {
    const cell = cells.find((entry) => entry.method === method && entry.size === size && entry.trainable === trainable);
    return cell === undefined ? "" : cellText(cell);
  };
  const lines = [
    "| | 3B, LoRA | 3B, all weights | 70B, LoRA | 70B, all weights |",
    "| --- | --- | --- | --- | --- |",
    ...tableMethods.map(({ label: name }) => {
      return `| **${name}** | ${find(name, "3B", "LoRA")} | ${find(name, "3B", "full")} | ${find(name, "70B", "LoRA")} | ${find(name, "70B", "full")} |`;
    }),
    "",
    `Each cell: GPUs, nodes and instance, hours and USD of one run of \`flows/recipes/<method>-<size>.yaml\`, starting nodes and loading the model included. Prices: ${catalog.region}, ${catalog.pricesDate}. All weights: weights, gradients and AdamW's two moments in float32, arithmetic in bfloat16 ([docs/precision.md](docs/precision.md) has what takes less memory, and what it learns); adapters are trained in float32 beside weights in bfloat16, with ten times the learning rate. Every plan leaves a tenth of the GPU's memory free. \`npm run plan -- sft-70b\` shows one plan in full, with alternatives; [docs/sizing.md](docs/sizing.md) shows how far to trust it.`,
  ];
  return lines.join("\n");
}

export const tableStart = "<!-- gpu-requirements: generated by dev/readmeTable.ts -->";
export const tableEnd = "<!-- gpu-requirements: end -->";
