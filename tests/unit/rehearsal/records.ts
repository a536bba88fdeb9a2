import type { RehearsalRecord } from "../../../contracts/rehearsal";
import { readRecipe } from "../../../recipe/read";
import { type RehearsalContents, type RehearsalIdentity, rehearsalIdentity } from "../../../rehearsal/identity";

/** A run that is rehearsed, and records of rehearsals as tests need them. */

export const contents: RehearsalContents = {
  code: "c0de",
  packages: "9ac4",
  recipe: readRecipe("sft-70b"),
  plan: {
    nodes: 1,
    generationNodes: 0,
    gpusPerNode: 8,
    microBatch: 1,
    gradientAccumulation: 4,
    sharding: "fsdp2",
    activationCheckpointing: "full",
  },
};

export const identityOf = (changes: Partial<RehearsalContents> = {}, rehearsalCode = "abc1"): RehearsalIdentity =>
  rehearsalIdentity({ ...contents, ...changes }, rehearsalCode);

export function recordOf(
  { recipe, identity, parts, rehearsalCode }: RehearsalIdentity,
  changes: Partial<RehearsalRecord["report"]> = {},
  leftOut: readonly string[] = [],
): RehearsalRecord {
  return {
    report: {
      version: 1,
      identity,
      recipe,
      passed: true,
      replaced: [],
      invariants: [
        { name: "the adapter is not empty", passed: true, message: "28 tensors", measured: { tensors: 28 } },
      ],
      seconds: { train: 12, total: 80 },
      at: "2026-11-29T12:00:00Z",
      ...changes,
    },
    parts,
    rehearsalCode,
    leftOut: [...leftOut],
  };
}

export const broken: Pick<RehearsalRecord["report"], "passed" | "invariants"> = {
  passed: false,
  invariants: [
    { name: "the adapter is not empty", passed: false, message: "0 tensors: write it whole", measured: { tensors: 0 } },
    { name: "the endpoint answers", passed: true, message: "200", measured: {} },
  ],
};
