import { nearest } from "../../validation/explain";
import { findGpu, gpuByKey, gpus, statesSize, type Gpu } from "../../catalog/gpus";
import { catalog } from "../../catalog/instances";
import {
  countGpus,
  exactMemory,
  findInstance,
  instanceTypes,
  machineNouns,
  nominalMemory,
  replaceInstanceTypes,
} from "./gpuCount";
import { plainNumber } from "../../validation/numberText";
import type { Row } from "./fields";
import { inRangeOf, numberProblem, rangeOf, readNumberField } from "./numbers";
import { shownValue } from "../../validation/shownValue";

export interface Machine {
  readonly gpu: Gpu | undefined;
  readonly gpuMemoryGib: number | undefined;
  readonly gpuCount: number;
  /** The row says how many GPUs there are. */
  readonly gpuCountGiven: boolean;
}

/** What firmware takes of a GPU of which only the nominal size is known. */
const usableShare = 0.985;
/** One GPU's memory, GB: the largest announced holds 432 (AMD Instinct MI400, 2025-06); a GH200's "480GB" are its host's. */
const largestMemory = 450;

/** Short names of cards that `findGpu` understands, to offer for a name that it does not. */
const cardNames: readonly string[] = [
  ...new Set(gpus.map(({ key }) => key.replace(/^rtx-/, "").replace(/-\d\d$/, ""))),
].filter((name) => findGpu(name) !== undefined);
const dottedNames: readonly string[] = [...catalog.instances.map(({ name }) => name), ...cardNames];

/** The nearest card or instance type to any word of the text. */
function nearestMachine(text: string): string | undefined {
  const words = text.toLowerCase().split(/[\s_,;:()/+*×-]+/);
  for (const word of words) {
    if (!/\d/.test(word) || /^\d+(?:\.\d+)?[gm]i?b?$/.test(word)) continue;
    const found = nearest(word.replace(/^ml\./, ""), word.includes(".") ? dottedNames : cardNames);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Memory that a text states: of the device in brackets as tools print it, `(14.741 GiB)`, or the nominal size, `80GB`. */
function statedMemory(text: string): { readonly exactGib?: number; readonly nominalGb?: number } | undefined {
  const bracketed = exactMemory.exec(text)?.[1];
  if (bracketed !== undefined) return { exactGib: plainNumber(bracketed) ?? Number.NaN };
  const nominal = nominalMemory.exec(text);
  if (nominal === null) return undefined;
  return { nominalGb: Number(nominal[1]) / (nominal[2] === undefined ? 1024 : 1) };
}

const inRange = (memory: number | undefined): boolean =>
  memory === undefined || (memory >= 1 && memory <= largestMemory);

const countExamples = "8 x H100 or 2 nodes of 8 x H100";
const countInRange = (count: number | undefined): boolean => count === undefined || inRangeOf("num_gpus", count);

/** A card without the memory of its variant: an A100 is one, whatever it holds. */
const family = (key: string): string => key.replace(/-\d\d$/, "");

/** All cards that differ from this one in nothing but their memory, itself among them. */
const variantsOf = (card: Gpu): readonly Gpu[] => gpus.filter(({ key }) => family(key) === family(card.key));

/** Of the variants of a card the one whose memory is nearest to what the device has. */
const variantWith = (card: Gpu, exactGib: number): Gpu =>
  variantsOf(card).reduce((best, other) =>
    Math.abs(other.memoryGib - exactGib) < Math.abs(best.memoryGib - exactGib) ? other : best,
  );

/** The nominal size, GB, in the name of a card that has variants. */
const nominalSize = ({ name }: Gpu): number => Number(/(\d+)GB/.exec(name)?.[1]);

/** Says which card a name is taken for that may mean several or that is another one's. */
function tellCardTaken(text: string, card: Gpu, assumed: string[]): void {
  const others = variantsOf(card).filter(({ key }) => key !== card.key);
  const lower = text.toLowerCase();
  const named = family(card.key)
    .split("-")
    .every((part) => part === "rtx" || lower.includes(part));
  if (others.length > 0 && !statesSize(text, nominalSize(card)))
    assumed.push(
      `gpu: ${shownValue(text)} is taken as ${card.name}; ${others.map(({ key, name }) => `write ${key} for ${name}`).join(", ")}`,
    );
  else if (!named) assumed.push(`gpu: ${shownValue(text)} is taken as ${card.name}`);
}

/** The GPU by its own name or an AWS instance type's, with a count before or behind it where there is one. */
export function parseMachine(row: Row, assumed: string[], problems: string[]): Machine {
  const text = row.gpu;
  const shown = `gpu: ${shownValue(text)}`;
  const types = instanceTypes(text);
  const instance = findInstance(types);
  const memory = text === "" ? undefined : statedMemory(text);
  const named = text === "" ? undefined : findGpu(replaceInstanceTypes(text, " "));
  const exactGib = inRange(memory?.exactGib) ? memory?.exactGib : undefined;
  const card = named === undefined || exactGib === undefined ? named : variantWith(named, exactGib);
  if (card !== undefined && instance !== undefined && family(card.key) !== family(instance.gpu))
    problems.push(`${shown} contradicts itself: ${instance.name} has ${gpuByKey(instance.gpu).name}`);
  const gpu = instance === undefined ? card : gpuByKey(instance.gpu);
  const count = countGpus(text, card, instance);
  const problemsBefore = problems.length;
  let gpuMemoryGib: number | undefined;
  if (!inRange(memory?.exactGib) || (gpu === undefined && !inRange(memory?.nominalGb)))
    problems.push(`${shown} must state the memory of one GPU, from 1 to ${largestMemory} GB, or none`);
  else if (memory?.exactGib !== undefined) gpuMemoryGib = memory.exactGib;
  else if (gpu !== undefined) gpuMemoryGib = gpu.memoryGib;
  else if (memory?.nominalGb !== undefined) gpuMemoryGib = memory.nominalGb * usableShare;
  else if (text !== "" && !count.alone && !/\bnpus?\b|^unknown\b/i.test(text)) {
    const near = nearestMachine(text);
    problems.push(
      `${shown} is not one of ${gpus.map(({ key }) => key).join(", ")}, an AWS instance type, or a size such as 80GB${near === undefined ? "" : `; did you mean ${near}?`}`,
    );
  }
  if (gpu === undefined) assumed.push("gpu: an A100 for speed");
  if (card !== undefined && instance === undefined && exactGib === undefined) tellCardTaken(text, card, assumed);
  const near = gpu === undefined && gpuMemoryGib !== undefined ? nearestMachine(text) : undefined;
  if (near !== undefined) assumed.push(`${shown} is not a known card; its memory is used (did you mean ${near}?)`);

  // Of a card that nobody knows nobody can tell which figures are a count: that is said once.
  if (problems.length === problemsBefore && (count.problem !== undefined || !countInRange(count.gpus)))
    problems.push(
      `${shown} must count ${rangeOf("num_gpus")} GPUs, such as ${countExamples}${count.problem === undefined ? "" : `: ${count.problem}`}`,
    );
  const given = parseGpuCount(row, problems, assumed);
  const gpuCount = given ?? count.gpus ?? instance?.gpus ?? (/fsdp|zero-?[23]/i.test(row.sharding) ? 4 : 1);
  if (row.num_gpus === "") assumed.push(`num_gpus: ${String(gpuCount)}`);
  return { gpu, gpuMemoryGib, gpuCount, gpuCountGiven: given !== undefined };
}

const firstCount = String.raw`^\D*\d[\d.,'’_\s]*(?:e\+?\d+)?k?\s*`;
const nodesOfGpus = new RegExp(String.raw`(${firstCount})(?:${machineNouns})\s*(?:[x×*]|of\b)\s*(?=\d)`, "i");
const countedNodes = new RegExp(String.raw`${firstCount}(?:${machineNouns})(?![a-z])(?!\s*(?:[x×*]|of\b)\s*\d)`, "i");

/** `2 nodes x 8` and `8xH100` count GPUs; `2 nodes` does not say how many a node has. */
function parseGpuCount(row: Row, problems: string[], assumed: string[]): number | undefined {
  const text = row.num_gpus;
  if (text === "") return undefined;
  const instance = findInstance(instanceTypes(text));
  const card = findGpu(replaceInstanceTypes(text, " "));
  if (card !== undefined || instance !== undefined) {
    const { gpus: count } = countGpus(text, card, instance);
    if (!countInRange(count ?? 0)) problems.push(numberProblem("num_gpus", text));
    return count;
  }
  if (countedNodes.test(text)) {
    problems.push(`${numberProblem("num_gpus", text)}, not of nodes alone`);
    return undefined;
  }
  const unreadable: string[] = [];
  const value = readNumberField("num_gpus", text.replace(nodesOfGpus, "$1 x "), unreadable, assumed);
  if (unreadable.length > 0) problems.push(numberProblem("num_gpus", text));
  return value;
}
