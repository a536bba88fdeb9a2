import { tableVariants, type TableVariant } from "../sizing/table";

/** Which rehearsals a change asks for: a pure function of the files that it touches. */

/** What a change of files puts at risk, the gravest first. */
interface Risk {
  readonly files: RegExp;
  readonly variant: TableVariant;
  readonly why: string;
}

const lora = (recipe: string): TableVariant => ({ recipe, trainable: "LoRA" });
const full = (recipe: string): TableVariant => ({ recipe, trainable: "full" });

/** What passes through most of the paths that cost money: adapters, sharded, checkpointed, packed, merged and served. */
const standard = lora("sft-70b");

const risks: readonly Risk[] = [
  {
    files:
      /^flows\/posttraining\/(?:trainers\/(?:adapters|saving|processor_sharding|checkpoint\w*)\.py|checkpoints\.py|models\.py)/,
    variant: standard,
    why: "adapters, sharding, checkpoints, merging",
  },
  {
    files: /^flows\/posttraining\/(?:trainers\/(?:precision|arguments)\.py|precision_facts\.json)/,
    variant: full("sft-3b"),
    why: "number formats of all weights",
  },
  {
    files: /^(?:flows\/(?:dpo\/|posttraining\/(?:methods\/(?:dpo|reference)|trainers\/reference))|methods\/dpo)/,
    variant: full("dpo-3b"),
    why: "DPO",
  },
  {
    files: /^(?:flows\/(?:grpo\/|posttraining\/(?:methods\/grpo|rewards|generation_server))|methods\/(?:grpo|rewards))/,
    variant: lora("grpo-3b"),
    why: "GRPO",
  },
  {
    files: /^flows\/posttraining\/(?:data\/|examples|chat_templates\/|methods\/columns)/,
    variant: lora("dpo-3b"),
    why: "rows and chat templates",
  },
  { files: /^(?:flows\/(?:sft\/|posttraining\/methods\/sft)|methods\/sft)/, variant: full("sft-3b"), why: "SFT" },
  {
    files: /^(?:flows\/(?!sweep|batch_inference|notebooks|typings|tests)|rehearsal\/)/,
    variant: standard,
    why: "the flows",
  },
];

/** The rehearsal of a recipe's own file. */
function ofRecipeFile(file: string): TableVariant[] {
  const name = /^flows\/recipes\/([\w-]+)\.yaml$/.exec(file)?.[1];
  return tableVariants.filter(({ recipe, trainable }) => recipe === name && trainable === "LoRA");
}

export interface ChosenRehearsal {
  readonly variant: TableVariant;
  readonly why: string;
}

export interface RehearsalChoice {
  readonly chosen: readonly ChosenRehearsal[];
  /** Asked for by the change, and too many. */
  readonly leftOut: readonly ChosenRehearsal[];
}

const isSame = (one: TableVariant, other: TableVariant): boolean =>
  one.recipe === other.recipe && one.trainable === other.trainable;

/**
 * Chooses what to rehearse.
 *
 * @param files that a change touches, by their paths in the checkout; undefined: nobody can tell.
 * @param most how many at most, at least 1.
 * @returns at least one.
 */
export function chooseRehearsals(files: readonly string[] | undefined, most: number): RehearsalChoice {
  const asked: ChosenRehearsal[] = [];
  const ask = (variant: TableVariant, why: string): void => {
    if (!asked.some((other) => isSame(other.variant, variant))) asked.push({ variant, why });
  };
  // A file counts for what it puts most at risk.
  const first = new Set((files ?? []).flatMap((file) => risks.find((risk) => risk.files.test(file)) ?? []));
  for (const file of files ?? []) for (const variant of ofRecipeFile(file)) ask(variant, file);
  for (const risk of risks) if (first.has(risk)) ask(risk.variant, risk.why);
  if (asked.length === 0)
    ask(standard, files === undefined ? "what has changed cannot be told" : "no flow has changed");
  return { chosen: asked.slice(0, most), leftOut: asked.slice(most) };
}
