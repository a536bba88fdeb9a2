/**
 * The fields of a row that the estimator reads: every field is text, blank where it is not known.
 * What was filled in for a blank is listed, so that nobody takes an assumption for a fact.
 */
export const rowFields = [
  "id",
  "method",
  "model",
  "params_b",
  "trainable",
  "lora_rank",
  "weights_precision",
  "train_dtype",
  "optimizer",
  "seq_len",
  "seq_is",
  "micro_batch",
  "grad_accum",
  "gpu",
  "num_gpus",
  "sharding",
  "cpu_offload",
  "activation_ckpt",
  "attention",
  "loss_impl",
  "packing",
  "compile",
  "vllm_mode",
  "vllm_util",
  "num_generations",
  "peak_metric",
] as const;

export type RowField = (typeof rowFields)[number];
export type Row = Readonly<Record<RowField, string>>;

/**
 * Columns of the measured table that say where a figure comes from and what was measured. A row may bring them along;
 * the estimator does not look at them.
 */
export const unreadColumns = [
  "source_repo",
  "source_path",
  "source_commit",
  "source_date",
  "peak_value",
  "peak_unit_printed",
  "peak_gib",
  "outcome",
  "tok_s_gpu",
  "s_per_step",
  "mfu",
  "grade",
  "floor_check",
  "notes",
] as const;
