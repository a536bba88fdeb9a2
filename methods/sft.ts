import { z } from "zod";
import facts from "../flows/posttraining/methods/sft.facts.json";
import { defineMethod } from "./method";

/** Supervised fine-tuning: learns from demonstrations. */
export const sft = defineMethod({
  name: "sft",
  label: "SFT",
  fields: {
    completionOnlyLoss: z.boolean().default(true).describe("Compute the loss on the answer's tokens only."),
  },
  facts,
  packs: true,
  inTable: true,
});
