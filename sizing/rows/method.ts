import type { TrainingMethod } from "../workload";

export interface Method {
  readonly kind: TrainingMethod;
  /** A frozen copy of the weights gives log-probabilities to compare with. */
  readonly reference?: true;
  /** A value model of the policy's size is trained beside it. */
  readonly critic?: true;
  /** One vector or score a sequence comes out; no logits over the vocabulary. */
  readonly pooled?: true;
}

/** Methods by their names without spaces and dashes; those that share a memory profile share an entry's kind. */
const methods: ReadonlyMap<string, Method> = new Map(
  Object.entries({
    "sft finetuning finetune supervisedfinetuning instructiontuning ift": { kind: "sft" },
    "pretrain pretraining cpt continuedpretraining": { kind: "pretrain" },
    "dpo ipo apo odpo": { kind: "dpo", reference: true },
    "simpo orpo cpo cpoorposimporm": { kind: "dpo" },
    // One completion an example, not a pair.
    "kto bco": { kind: "sft", reference: true },
    "rm reward rewardmodel rewardmodeling": { kind: "dpo", pooled: true },
    "embedding embeddings contrastive reranker classification": { kind: "sft", pooled: true },
    "grpo gspo drgrpo dapo rloo reinforce reinforce++ rlvr onlinedpo gkd distillation": {
      kind: "grpo",
      reference: true,
    },
    "ppo rlhf rlvrppo": { kind: "grpo", reference: true, critic: true },
  } satisfies Record<string, Method>).flatMap(([names, method]) => names.split(" ").map((name) => [name, method])),
);

export const findMethod = (text: string): Method | undefined =>
  methods.get(text.toLowerCase().replace(/[\s_/-]+/g, ""));
