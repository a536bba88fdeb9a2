import { nearest } from "../../validation/explain";
import { rowFields, unreadColumns, type RowField } from "./fields";
import { shortened } from "../../validation/shownValue";

/** What tools and people call the fields, without dashes and in lower case. */
const synonyms: Readonly<Record<RowField, string>> = {
  id: "name rowid key run runid",
  method: "algorithm algo task trainer trainertype trainingmethod stage objective",
  model: "modelname modelid modelnameorpath basemodel base checkpoint architecture",
  params_b: "params parameters numparams nparams numparameters modelsize size billions parametersb",
  trainable: "finetuningtype trainingtype traintype tuner tuning tunertype peft pefttype adapter lora qlora",
  lora_rank: "rank r lorar loradim adapterrank peftrank",
  weights_precision:
    "precision quantization quantisation quant bits loadin4bit loadin8bit weightsdtype weightdtype modeldtype",
  train_dtype: "dtype torchdtype computedtype trainprecision mixedprecision amp bf16 fp16",
  optimizer: "optim opt optimiser optimname",
  seq_len:
    "sequencelength seqlength maxlength maxlen maxseqlen maxseqlength maxsequencelength maxtokens context contextlength contextlen contextwindow ctx ctxlen ctxlength tokens length cutofflen blocksize modelmaxlength maxmodellen sequence seq",
  seq_is: "seqkind sequenceis seqtype",
  micro_batch:
    "batch batchsize bs mbs microbatchsize perdevicebatchsize perdevicetrainbatchsize trainbatchsize batchsizepergpu batchpergpu trainmicrobatchsizepergpu perdevicebatch",
  grad_accum:
    "gradientaccumulation gradientaccumulationsteps gradaccumulation gradaccumulationsteps gradaccumsteps accumulation accumulationsteps accum gas gradacc",
  gpu: "gputype gpuname gpumodel card accelerator accelerators hardware device instance instancetype machine machinetype devicename",
  num_gpus:
    "gpus gpucount ngpus ngpu numgpu numberofgpus countgpus devices numdevices ndevices devicecount worldsize nprocpernode numprocesses gpuspernode",
  sharding:
    "shard strategy shardingstrategy parallelism parallel distributed fsdp deepspeed ddp zero zerostage tp tensorparallel",
  cpu_offload: "offload offloading offloadparams offloadoptimizer",
  activation_ckpt:
    "gradientcheckpointing activationcheckpointing activationcheckpoint gradientcheckpoint gradckpt gradcheckpointing checkpointing recompute activationrecomputation actckpt",
  attention:
    "attn attnimplementation attnimpl attentionimplementation attentionimpl flashattention flashattn useflashattention",
  loss_impl: "loss lossfunction lossfn losskernel liger useliger useligerkernel crossentropy",
  packing: "pack packed samplepacking usepacking",
  compile: "torchcompile compiled usecompile",
  vllm_mode: "vllm usevllm generation rollout rolloutengine inference engine inferenceengine",
  vllm_util: "gpumemoryutilization vllmgpumemoryutilization vllmutilization utilization memoryutilization gpuutil",
  num_generations:
    "generations ngenerations groupsize group n rollouts numrollouts rolloutn numsamples completions numcompletions",
  peak_metric: "metric peak memorymetric peakkind",
};

const plain = (key: string): string => key.toLowerCase().replace(/[\s_.-]+/g, "");

const fieldByName: ReadonlyMap<string, RowField> = new Map([
  ...Object.entries(synonyms).flatMap(([field, names]) =>
    names.split(" ").map((name): [string, RowField] => [name, field as RowField]),
  ),
  ...rowFields.map((field): [string, RowField] => [plain(field), field]),
]);
const names: readonly string[] = [...fieldByName.keys()];

/** No name of a field is nearly as long. */
const longestKey = 64;
/** A row of a thousand wrong keys is not of this table, and the first of them say so. */
const namedKeys = 20;

const known: ReadonlySet<string> = new Set<string>([...rowFields, ...unreadColumns]);

/** The field that somebody means by a key, if one is near. */
export function fieldMeant(key: string): RowField | undefined {
  if (key.length > longestKey) return undefined;
  const name = plain(key);
  const exact = fieldByName.get(name);
  // Two letters are near to too much.
  if (exact !== undefined || name.length < 3) return exact;
  const near = nearest(name, names);
  return near === undefined ? undefined : fieldByName.get(near);
}

/** What is wrong with the keys of a row: each that is no field of the table, with the field that may be meant. */
export function keyProblems(keys: readonly string[]): string[] {
  const unknown = keys.filter((key) => !known.has(key));
  if (unknown.length === 0) return [];
  const meant = unknown.slice(0, namedKeys).map((key) => ({ key, field: fieldMeant(key) }));
  const problems = meant.map(({ key, field }) => {
    const shown = key === "" ? '""' : shortened(key);
    return `${shown}: is not a field${field === undefined ? "" : `; did you mean ${field}?`}`;
  });
  if (unknown.length > namedKeys) problems.push(`${unknown.length - namedKeys} more keys are no fields either`);
  if (meant.some(({ field }) => field === undefined)) problems.push(`the fields are ${rowFields.join(", ")}`);
  return problems;
}
