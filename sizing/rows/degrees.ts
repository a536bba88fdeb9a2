import { shownValue } from "../../validation/shownValue";
import type { Sharding } from "../workload";
import type { Row } from "./fields";
import { wordProblem } from "./vocabulary";

/** The words of a sharding, in lower case with single spaces. */
export const shardingWords = (row: Row): string => row.sharding.toLowerCase().replace(/[_\s]+/g, " ");

const degreePattern = (names: string): RegExp =>
  new RegExp(String.raw`(?:^|[^a-z])(?:${names})[\s=:-]*(\d+)([.,]\d|e[+-]?\d)?`);
const tensorDegree = degreePattern("tp|tensor parallel");
const pipelineDegree = degreePattern("pp|pipeline parallel");
const contextDegree = degreePattern("cp|context parallel|sp|ulysses");

/** The degree behind one of these names (`TP4 PP2`), and whether more is glued to it than another name (`TP1e9`). */
function degreeOf(text: string, pattern: RegExp): { degree: number; readable: boolean } {
  const match = pattern.exec(text);
  if (match === null) return { degree: 1, readable: true };
  return { degree: Math.max(1, Number(match[1])), readable: match[2] === undefined };
}

/** GPUs over which one copy of a model is split, each way. */
export type Degrees = Pick<Sharding, "tensorParallel" | "pipelineParallel" | "contextParallel">;

/** The degrees that the words of a sharding state, 1 where they do not. */
export const degreesOf = (text: string): Degrees => ({
  tensorParallel: degreeOf(text, tensorDegree).degree,
  pipelineParallel: degreeOf(text, pipelineDegree).degree,
  contextParallel: degreeOf(text, contextDegree).degree,
});

/** GPUs that tensor, pipeline or context parallelism of one degree spans at most. */
const largestDegree = 1024;

/** Finds a sharding that nobody knows, and degrees that cannot be or that ask for more GPUs than there are. */
export function checkDegrees(row: Row, gpus: number | undefined, problems: string[]): void {
  if (row.sharding === "") return;
  const text = shardingWords(row);
  const patterns = [tensorDegree, pipelineDegree, contextDegree];
  const unknown = patterns.some((pattern) => pattern.test(text)) ? undefined : wordProblem("sharding", row);
  const degrees = patterns.map((pattern) => degreeOf(text, pattern));
  const product = degrees.reduce((all, { degree }) => all * degree, 1);
  if (unknown !== undefined) problems.push(unknown);
  else if (degrees.some(({ degree, readable }) => !readable || degree > largestDegree))
    problems.push(
      `sharding: ${shownValue(row.sharding)} must have degrees from 1 to ${largestDegree}, such as Megatron TP4 PP2`,
    );
  else if (gpus !== undefined && product > gpus)
    problems.push(
      `sharding: ${shownValue(row.sharding)} contradicts num_gpus ${shownValue(row.num_gpus)}: its degrees need ${product} GPUs`,
    );
}
