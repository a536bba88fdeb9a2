import { z } from "zod";
import facts from "../flows/posttraining/methods/kto.facts.json";
import { weight } from "./fields";
import { defineMethod } from "./method";

/** Kahneman-Tversky optimisation: learns from single answers, each said to be good or bad. */
export const kto = defineMethod({
  name: "kto",
  label: "KTO",
  fields: {
    kto: z
      .strictObject({
        beta: z
          .number()
          .positive()
          .max(100)
          .default(0.1)
          .describe("How strongly the policy is held to the reference model."),
        lossType: z
          .enum(["kto", "apo_zero_unpaired"])
          .default("kto")
          .describe(
            "TRL's loss name: `kto` measures how far the model has moved on the answers of other prompts; `apo_zero_unpaired` does not.",
          ),
        desirableWeight: weight
          .default(1)
          .describe("Weight of good answers, against a dataset that has more of one kind."),
        undesirableWeight: weight.default(1).describe("Weight of bad answers."),
        precomputeReferenceLogProbabilities: z
          .boolean()
          .default(false)
          .describe(
            "Compute the reference model's log-probabilities once before training instead of holding it in memory.",
          ),
      })
      .meta({ id: "KtoSettings", description: "What only KTO has." }),
  },
  facts,

  // Alone in a forward pass, an answer would be measured against itself (trl/trainer/kto_trainer.py refuses it).
  leastMicroBatch: ({ kto }) => (kto?.lossType === "kto" ? 2 : 1),

  reference({ kto }) {
    const precomputed = kto?.precomputeReferenceLogProbabilities;
    return precomputed === undefined ? undefined : precomputed ? "precomputed" : "beside";
  },

  // Prompts with the answers of others, by the model and by its reference.
  scoringPasses: ({ kto }) => (kto.lossType === "kto" ? (kto.precomputeReferenceLogProbabilities ? 1 : 2) : 0),
});
