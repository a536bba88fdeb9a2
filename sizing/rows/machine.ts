import { nearest } from "../../validation/explain";
import { findGpu, gpuByKey, gpus, statesSize, type Gpu } from "../../catalog/gpus";
import { catalog, type Instance } from "../../catalog/instances";
import {
  countGpus,
  exactMemory,
  findInstance,
  instanceTypes,
  machineNouns,
  nominalMemory,
  replaceInstanceTypes,
  type GpuCount,
} from "./gpuCount";
import { plainNumber } from "../../validation/numberText";
import type { Row } from "./fields";
import { inRangeOf, numberProblem, rangeOf, readNumberField } from "./numbers";
import { shownValue } from "../../validation/shownValue";
import { didYouMean } from "./vocabulary";

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

interface StatedMemory {
  /** Of the device in brackets, as tools print it: `(14.741 GiB)`. */
  readonly exactGib?: number;
  /** `80GB` */
  readonly nominalGb?: number;
}

function statedMemory(text: string): StatedMemory {
  const bracketed = exactMemory.exec(text)?.[1];
  if (bracketed !== undefined) return { exactGib: plainNumber(bracketed) ?? Number.NaN };
  const nominal = nominalMemory.exec(text);
  if (nominal === null) return {};
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

/** What the names in a text stand for. */
interface Named {
  readonly instance: Instance | undefined;
  /** The card by its own name, of its variants that with the memory that the device has. */
  readonly card: Gpu | undefined;
  readonly memory: StatedMemory;
}

function readNames(text: string): Named {
  const memory = statedMemory(text);
  const named = findGpu(replaceInstanceTypes(text, " "));
  const { exactGib } = memory;
  const card =
    named === undefined || exactGib === undefined || !inRange(exactGib) ? named : variantWith(named, exactGib);
  return { instance: findInstance(instanceTypes(text)), card, memory };
}

const shownGpu = (text: string): string => `gpu: ${shownValue(text)}`;

/** Words for machines that are no GPU of the catalog and need no memory: `8 x Ascend NPU`, `unknown`. */
const namesNoGpu = (text: string): boolean => text === "" || /\bnpus?\b|^unknown\b/i.test(text);

/** Memory of one GPU as the text states it, or as the card has it. */
function memoryOf(
  text: string,
  gpu: Gpu | undefined,
  { exactGib, nominalGb }: StatedMemory,
  count: GpuCount,
  problems: string[],
): number | undefined {
  if (!inRange(exactGib) || (gpu === undefined && !inRange(nominalGb))) {
    problems.push(`${shownGpu(text)} must state the memory of one GPU, from 1 to ${largestMemory} GB, or none`);
    return undefined;
  }
  const gib = exactGib ?? gpu?.memoryGib ?? (nominalGb === undefined ? undefined : nominalGb * usableShare);
  if (gib === undefined && !count.alone && !namesNoGpu(text)) {
    const known = `${gpus.map(({ key }) => key).join(", ")}, an AWS instance type, or a size such as 80GB`;
    problems.push(`${shownGpu(text)} is not one of ${known}${didYouMean(nearestMachine(text))}`);
  }
  return gib;
}

/** Finds a count in the text of a machine that cannot be. */
function checkCount(text: string, { gpus: count, problem }: GpuCount, problems: string[]): void {
  if (problem === undefined && countInRange(count)) return;
  const reason = problem === undefined ? "" : `: ${problem}`;
  problems.push(`${shownGpu(text)} must count ${rangeOf("num_gpus")} GPUs, such as ${countExamples}${reason}`);
}

/** Says what is taken for a machine that the text does not name, or not for certain. */
function tellMachineTaken(
  text: string,
  { instance, card, memory }: Named,
  gpuMemoryGib: number | undefined,
  assumed: string[],
): void {
  if (instance !== undefined) return;
  if (card !== undefined) {
    if (memory.exactGib === undefined || !inRange(memory.exactGib)) tellCardTaken(text, card, assumed);
    return;
  }
  assumed.push("gpu: an A100 for speed");
  const near = gpuMemoryGib === undefined ? undefined : nearestMachine(text);
  if (near !== undefined)
    assumed.push(`${shownGpu(text)} is not a known card; its memory is used (did you mean ${near}?)`);
}

/** GPUs of a job whose row does not count them: sharding needs several. */
const usualCount = (row: Row): number => (/fsdp|zero-?[23]/i.test(row.sharding) ? 4 : 1);

/** The GPU by its own name or an AWS instance type's, with a count before or behind it where there is one. */
export function parseMachine(row: Row, assumed: string[], problems: string[]): Machine {
  const text = row.gpu;
  const named = readNames(text);
  const { instance, card } = named;
  if (card !== undefined && instance !== undefined && family(card.key) !== family(instance.gpu))
    problems.push(`${shownGpu(text)} contradicts itself: ${instance.name} has ${gpuByKey(instance.gpu).name}`);
  const gpu = instance === undefined ? card : gpuByKey(instance.gpu);
  const count = countGpus(text, card, instance);
  const unknown: string[] = [];
  const gpuMemoryGib = memoryOf(text, gpu, named.memory, count, unknown);
  tellMachineTaken(text, named, gpuMemoryGib, assumed);
  // Of a card that nobody knows nobody can tell which figures are a count: that is said once.
  if (unknown.length > 0) problems.push(...unknown);
  else checkCount(text, count, problems);
  const given = parseGpuCount(row, problems, assumed);
  const gpuCount = given ?? count.gpus ?? instance?.gpus ?? usualCount(row);
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
