import { replaceCards, type Gpu } from "../../catalog/gpus";
import { catalog, type Instance } from "../../catalog/instances";
import { fieldNumbers, readNumberField } from "./numbers";

/** How many GPUs a text counts. */
export interface GpuCount {
  /** Undefined where the text has no count. */
  readonly gpus: number | undefined;
  /** The text is a count and nothing else: `2 GPUs`. */
  readonly alone: boolean;
  /** Why the text's figures cannot be a count. */
  readonly problem?: string;
}

/** EC2 instance types, SageMaker's `ml.` before them or not. */
const instanceTypePattern =
  /(?<![a-z0-9.-])(?:ml\.)?([a-z]{1,6}\d[a-z0-9-]*\.(?:\d+x?large|x?large|medium|metal[a-z0-9-]*))(?![a-z0-9.-])/g;

export const instanceTypes = (text: string): string[] =>
  text.includes(".") ? [...text.toLowerCase().matchAll(instanceTypePattern)].map((match) => match[1] ?? "") : [];

/** The text in lower case with `mark` for each instance type. */
export const replaceInstanceTypes = (text: string, mark: string): string =>
  text.toLowerCase().replace(instanceTypePattern, mark);

export const findInstance = (types: readonly string[]): Instance | undefined =>
  catalog.instances.find(({ name }) => types.includes(name));

/** Memory as tools print it: `(14.741 GiB)`. */
export const exactMemory = /\(\s*([^()\s]+)\s*GiB\s*\)/i;
/** Nominal memory: `80GB`, `81920MiB`. */
export const nominalMemory = /(?<![\w.,]|^[-−])(\d+(?:\.\d+)?)\s*(?:(gi?b?)|mi?b)(?![a-z0-9])/i;
const anyMemory = new RegExp(`${exactMemory.source}|${nominalMemory.source}`, "gi");

/** Stand for a card and for an instance type once their names, which have digits too, are taken out. */
const cardMark = "\uE000";
const machineMark = "\uE001";

/** Digits that say what a card is made of, where it stands and what it draws. */
const remarks = new RegExp(
  [
    String.raw`(?<![a-z0-9])(?:sxm ?\d?|nvlink ?\d?|nvl ?\d*|hbm ?\d?e?|gddr ?\d?x?)(?:-(?=\d)|(?![a-z0-9]))`,
    // 16 lanes are no count; with a generation, fewer are none either.
    String.raw`(?<![a-z0-9])pcie ?(?:gen ?)?[3-6](?:\.0)?(?: ?x(?:16|8|4))?(?![a-z0-9])`,
    String.raw`(?<![a-z0-9])pcie(?: ?x16)?(?:-(?=\d)|(?![a-z0-9]))`,
    String.raw`(?<![\w.,-])\d+(?:\.\d+)? ?(?:w|kw|watts?)(?![a-z0-9])`,
    // A region of AWS.
    String.raw`(?<![a-z0-9-])[a-z]{2}(?:-[a-z]+){1,2}-\d[a-z]?(?![a-z0-9-])`,
    String.raw`(?<![a-z0-9])(?:nvidia|geforce|tesla|quadro|rtx|aws|amd|intel)(?![a-z0-9])`,
  ].join("|"),
  "g",
);
/** A name with a figure, of a card that nobody knows: `Radeon 7900 XTX`. Fewer digits may be a count. */
const unknownName =
  /(?<![\p{L}\p{N}])(?!(?:x|of|with|and)\s)\p{L}[\p{L}\p{N}]*[ -]\d{3,4}[a-z]{0,3}(?![\p{L}\p{N}.,])/gu;

const figure = String.raw`(?<![\p{L}\p{N}.,])\d[\d.,'’_]*(?:e\+?\d+)?k?`;
const factorBehind = new RegExp(String.raw`(${figure})\s*[x×*]\s*`, "gu");
const factorBefore = /(?<![\p{L}\p{N}])[x×*]\s*(?=\d)|(?<![\p{L}\p{N}])x(?![\p{L}\p{N}])/gu;
/** `8 MI300X`, but not `3080 Ti`: the word behind a count is a name with a figure of its own. */
const countOfUnknown = new RegExp(String.raw`^(${figure})\s+(?=\p{L}+\d)`, "u");

export const machineNouns = "nodes?|hosts?|machines?|instances?|servers?";
const nodesOf = new RegExp(
  String.raw`(\d)\s*(?:${machineNouns})\s*(?:(?:×|of(?![a-z]))\s*(?=\d)|(?:×|of(?![a-z]))?\s*(?=${machineMark}))`,
  "g",
);

/** The text with marks for names, `×` for every sign of multiplication, and without figures that are no counts. */
function simplified(text: string, known: boolean): string {
  const named = replaceCards(replaceInstanceTypes(text, ` ${machineMark} `), ` ${cardMark} `).replace(anyMemory, " ");
  const multiplied = (known ? named : named.replace(unknownName, " "))
    .replace(remarks, " ")
    .replace(factorBehind, "$1 × ")
    .replace(factorBefore, "× ");
  const marked = known
    ? multiplied
    : multiplied.replace(/×(?!\s*\d)/g, `× ${cardMark}`).replace(countOfUnknown, `$1 ${cardMark} `);
  return marked.replace(nodesOf, "$1 × ");
}

type FoundNumber = ReturnType<typeof fieldNumbers>[number];
type Product = readonly [FoundNumber, ...FoundNumber[]];

/** Numbers with nothing but a sign of multiplication between them belong together. */
function products(text: string): Product[] {
  const groups: [FoundNumber, ...FoundNumber[]][] = [];
  let end = 0;
  for (const number of fieldNumbers("num_gpus", text)) {
    const last = groups.at(-1);
    if (last !== undefined && /^\s*×\s*$/.test(text.slice(end, number.start))) last.push(number);
    else groups.push([number]);
    ({ end } = number);
  }
  return groups;
}

const nounAtEnd = /(?:gpu|card)s?$/;
const nothingElse = new RegExp(String.raw`^(?:[\s×()${cardMark}]|(?:gpu|card)s?)*$`);
const nounBehind = /^-(?:gpu|card)s?(?![a-z])/;
const markBehind = new RegExp(
  String.raw`^[\s(]*(×)?[\s(]*([${cardMark}${machineMark}]|(?:gpu|card)s?(?![a-z]))([\s)]*×)?`,
);
const timesBefore = new RegExp(String.raw`([${cardMark}${machineMark}])?[\s)]*×\s*$`);

/** What a number counts, and how many signs of multiplication tie it to that; undefined where nothing says so. */
function counted(
  text: string,
  start: number,
  end: number,
): { readonly machines: boolean; readonly signs: number } | undefined {
  const behind = text.slice(end);
  if (nounAtEnd.test(text.slice(start, end)) || nounBehind.test(behind)) return { machines: false, signs: 0 };
  const [, sign, mark, another] = markBehind.exec(behind) ?? [];
  if (mark !== undefined)
    // `8 x H100 x 8`: a factor on each side.
    return another === undefined ? { machines: mark === machineMark, signs: sign === undefined ? 0 : 1 } : undefined;
  const before = timesBefore.exec(text.slice(0, start));
  if (before === null) return undefined;
  const machines = before[1] === undefined ? !text.includes(cardMark) : before[1] === machineMark;
  return { machines: machines && text.includes(machineMark), signs: 1 };
}

/** `A100-80`: a bare figure behind a card that is about what it holds; the nominal size is up to a tenth more. */
const isMemoryOf = (card: Gpu | undefined, value: number | undefined, before: string): boolean =>
  card !== undefined &&
  value !== undefined &&
  before.trimEnd().endsWith(cardMark) &&
  value >= card.memoryGib * 0.98 &&
  value <= card.memoryGib * 1.1;

interface Counted {
  readonly gpus: number;
  /** Signs of multiplication that belong to it. */
  readonly signs: number;
  readonly written: string;
}

/** What a product of numbers counts, or why it is no count. */
function readProduct(simple: string, product: Product, instance: Instance | undefined): Counted | string {
  const { start } = product[0];
  const { end } = product.at(-1) ?? product[0];
  const written = simple.slice(start, end);
  const sign = /[-\u2010-\u2015\u2212]$/.exec(simple.slice(0, start))?.[0] ?? "";
  const shown = `${sign}${written.trim()}`;
  const tie = counted(simple, start, end);
  if (tie === undefined) return `${shown} is not understood`;
  const readable = product.every(({ value }) => value !== undefined);
  const value = readable ? readNumberField("num_gpus", written, [], []) : undefined;
  if (value === undefined) return `${shown} is no such count`;
  const each = tie.machines ? instance?.gpus : 1;
  if (each === undefined) return "the instance type is not in the catalog, so count its GPUs";
  return { gpus: value * each, signs: tie.signs + product.length - 1, written };
}

/**
 * How many GPUs a text counts beside the name of a card or of an instance type: `8 x H100`, `H100 x 8`,
 * `2 nodes of 8 x H100`, `2 x p5.48xlarge`, `2 GPUs`. Counts are read as `num_gpus` reads them. Whatever other figure
 * stands there makes the text unusable: it may be the count that somebody means.
 *
 * @param text of bounded length
 */
export function countGpus(text: string, card: Gpu | undefined, instance: Instance | undefined): GpuCount {
  const known = card !== undefined || instance !== undefined;
  const simple = simplified(text, known);
  const refused = (problem: string): GpuCount => ({ gpus: undefined, alone: false, problem });
  const counts = new Set<number>();
  let signs = 0;
  let rest = simple;
  for (const product of products(simple)) {
    if (product.length === 1 && isMemoryOf(card, product[0].value, simple.slice(0, product[0].start))) continue;
    const count = readProduct(simple, product, instance);
    if (typeof count === "string") return refused(count);
    counts.add(count.gpus);
    signs += count.signs;
    rest = rest.replace(count.written, "");
  }
  if (counts.size > 1) return refused(`it counts ${[...counts].join(" and ")}`);
  // `two x H100`, `H100 x eight`, and figures of other scripts.
  if (simple.split("×").length - 1 !== signs) return refused("what is multiplied must be written in digits");
  if (/(?!\d)\p{N}/u.test(simple)) return refused("figures must be the digits from 0 to 9");
  const [gpus] = counts;
  return { gpus, alone: gpus !== undefined && /(?:gpu|card)/.test(simple) && nothingElse.test(rest) };
}
