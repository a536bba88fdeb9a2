import { gpuByKey } from "../../catalog/gpus";
import { memoryCoefficients, type MemoryCoefficients } from "../coefficients";
import { estimateMemory, partEntries, type MemoryEstimate } from "../memory";
import { estimateStepTime } from "../throughput";
import { interpretRow, RowError, type InterpretedRow } from "./interpret";

export interface RowEstimate extends InterpretedRow {
  readonly memory: MemoryEstimate;
  readonly peakGib: number;
  readonly fits: boolean | null;
  readonly tokensPerSecondPerGpu: number;
}

/** Interprets a row and estimates its memory. */
export function estimateRow(
  input: Readonly<Record<string, unknown>>,
  coefficients: MemoryCoefficients = memoryCoefficients,
): RowEstimate {
  const interpreted = interpretRow(input);
  const memory = estimateMemory(interpreted.workload, interpreted.gpuMemoryGib ?? 80, coefficients);
  const time = estimateStepTime(interpreted.workload, interpreted.gpu ?? gpuByKey("a100-80"), {
    fillShare: interpreted.fillShare,
    packed: interpreted.packed,
    float8: interpreted.float8,
  });
  return {
    ...interpreted,
    tokensPerSecondPerGpu: time.tokensPerSecondPerGpu,
    memory,
    peakGib: memory.peakGib[interpreted.metric],
    fits: interpreted.gpuMemoryGib === undefined ? null : memory.requiredGib <= interpreted.gpuMemoryGib,
  };
}

const round = (value: number): number => Math.round(value * 1000) / 1000;

/** What `npm run -s estimate` prints for one row. */
export interface RowAnswer {
  readonly id: string | null;
  readonly peakGiB: number;
  readonly parts: Readonly<Record<string, number>>;
  readonly fits: boolean | null;
  readonly tokensPerSecondPerGpu: number;
  readonly assumed: readonly string[];
}

/** What is wrong with a row. */
export interface RowRefusal {
  readonly id: string | null;
  readonly error: string;
}

/** The answer to one row, or what is wrong with it. */
export function answerRow(input: unknown): RowAnswer | RowRefusal {
  if (typeof input !== "object" || input === null || Array.isArray(input))
    return { id: null, error: "a line must be one JSON object with the fields of the table" };
  const record = input as Record<string, unknown>;
  const { id: given } = record;
  const id =
    typeof given === "string" || typeof given === "number" || typeof given === "boolean" ? String(given) : null;
  try {
    const estimate = estimateRow(record);
    const parts = estimate.memory.parts[estimate.metric];
    return {
      id,
      peakGiB: round(estimate.peakGib),
      parts: Object.fromEntries(partEntries(parts).map(([name, value]) => [name, round(value)])),
      fits: estimate.fits,
      tokensPerSecondPerGpu: Math.round(estimate.tokensPerSecondPerGpu * 10) / 10,
      assumed: estimate.assumed,
    };
  } catch (error) {
    if (error instanceof RowError) return { id, error: error.message };
    throw error;
  }
}
