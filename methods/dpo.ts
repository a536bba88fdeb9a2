import { z } from "zod";
import facts from "../flows/posttraining/methods/dpo.facts.json";
import { show } from "../validation/explain";
import { repeated } from "../validation/repeated";
import { weight } from "./fields";
import { defineMethod } from "./method";

/** Direct preference optimisation: learns from pairs of answers, one preferred to the other. */
export const dpo = defineMethod({
  name: "dpo",
  label: "DPO",
  fields: {
    dpo: z
      .strictObject({
        beta: z
          .number()
          .positive()
          .max(100)
          .default(0.1)
          .describe("How strongly the policy is held to the reference model."),
        lossTypes: z
          .array(z.enum(["sigmoid", "ipo", "hinge", "robust", "sft"]))
          .min(1)
          .default(["sigmoid"])
          .describe(
            "TRL's loss names, added up with `lossWeights`; `sft` beside `sigmoid` keeps chosen answers likely.",
          ),
        lossWeights: z.array(weight).min(1).default([1]).describe("One weight for each of `lossTypes`."),
        precomputeReferenceLogProbabilities: z
          .boolean()
          .default(false)
          .describe(
            "Compute the reference model's log-probabilities once before training instead of holding it in memory.",
          ),
      })
      .meta({ id: "DpoSettings", description: "What only DPO has." }),
  },
  facts,
  batchOf: "pairs",
  inTable: true,
  memoryLike: "dpo",

  relations({ dpo }) {
    const { lossTypes, lossWeights } = dpo ?? {};
    const errors = repeated(lossTypes ?? [], "dpo.lossTypes");
    if (lossTypes !== undefined && lossWeights !== undefined && lossTypes.length !== lossWeights.length) {
      errors.push({
        path: "dpo.lossWeights",
        reason: `got ${show(lossWeights)}; must have one weight for each of dpo.lossTypes (${lossTypes.length})`,
      });
    }
    return errors;
  },

  reference({ dpo }) {
    const precomputed = dpo?.precomputeReferenceLogProbabilities;
    return precomputed === undefined ? undefined : precomputed ? "precomputed" : "beside";
  },
});
