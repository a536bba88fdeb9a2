import { tools, type Tool } from "../tools";
import type { Row, RowField } from "./fields";

/** Tools by settings that only they have, in lower case; the first that fits counts. */
const marks: readonly (readonly [tool: keyof typeof tools, fits: (of: (field: RowField) => string) => boolean])[] = [
  ["unsloth", (of) => (of("activation_ckpt") + of("loss_impl") + of("attention")).includes("unsloth")],
  ["litgpt", (of) => /bf16-true|fp16-true/.test(of("train_dtype")) || of("loss_impl").includes("litgpt")],
  ["torchtune", (of) => of("loss_impl").includes("cewithchunked")],
  ["torchtune", (of) => of("attention").includes("flex") || of("model").includes("torchtune")],
  ["megatron", (of) => of("sharding").includes("megatron")],
  ["verl", (of) => of("peak_metric").includes("actor process")],
  ["peft-benchmark", (of) => of("train_dtype").includes("adapters fp32")],
  ["llm-foundry", (of) => of("attention").includes("triton") || of("train_dtype").startsWith("amp_")],
  ["torchtitan", (of) => of("weights_precision").includes("fp32 master")],
  ["deepspeed", (of) => /zero|deepspeed/.test(of("sharding"))],
  // Training scripts that ship with a model run through DeepSpeed, but for LoRA on one GPU.
  [
    "deepspeed",
    (of) => of("activation_ckpt").includes("finetune scripts") && ["full", "qlora"].includes(of("trainable")),
  ],
  ["fsdp-qlora", (of) => of("sharding").includes("fsdp") && of("trainable").includes("lora")],
];

/** Recognises the tool by settings that only it has. */
export function recogniseTool(row: Row): Tool {
  const of = (field: RowField): string => row[field].toLowerCase();
  return tools[marks.find(([, fits]) => fits(of))?.[0] ?? "transformers"];
}
