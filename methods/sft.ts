import { z } from "zod";
import facts from "../flows/posttraining/methods/sft.facts.json";
import { defineMethod } from "./method";

/** Supervised fine-tuning: learns from demonstrations. */
export const sft = defineMethod({
  name: "sft",
  label: "SFT",
  fields: {
    /** Compute the loss on the answer's tokens only. */
    completionOnlyLoss: z.boolean().default(true),
  },
  facts,
  packs: true,
  inTable: true,
});
