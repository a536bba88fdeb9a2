import { basename } from "node:path";
import { catalog } from "../catalog/instances";
import { regionNames } from "../catalog/regions";
import { recipeNames } from "../recipe/read";
import type { CapacityKind, Constraints } from "../sizing/search";
import { nearest, notAllowed } from "../validation/explain";
import { plainNumber } from "../validation/numberText";
import { shownValue } from "../validation/shownValue";

/** The options of commands that plan a recipe: which recipe, and what the planner may choose from. */

/** The options for `parseArgs` of node:util. */
export const constraintOptions = {
  families: { type: "string" },
  capacity: { type: "string" },
  budget: { type: "string" },
  "usd-per-hour": { type: "string" },
  deadline: { type: "string" },
  nodes: { type: "string" },
  headroom: { type: "string" },
  fastest: { type: "boolean", default: false },
  region: { type: "string" },
} as const;

/** What they mean, for the usage of a command. */
export const constraintUsage = `  --families g6e,p5        only these instance families
  --capacity on-demand     only bought this way: on-demand, capacity-block
  --budget <usd>           at most this much for a run
  --usd-per-hour <usd>     at most this much an hour
  --deadline <hours>       done within
  --nodes <n>              at most this many nodes
  --headroom <share>       part of each GPU's memory to leave free (0.1)
  --fastest                the fastest plan instead of the cheapest
  --region <region>        region of the prices`;

/** Their values, as they are given. */
export type ConstraintValues = Readonly<
  Partial<Record<Exclude<keyof typeof constraintOptions, "fastest">, string | undefined>>
> & { readonly fastest?: boolean | undefined };

interface OptionToken {
  readonly kind: string;
  readonly name?: string;
  readonly value?: string | undefined;
}

/** @param several names of options that may stand more than once. */
export function repeatedOptions(tokens: readonly OptionToken[], several: readonly string[] = []): string[] {
  const given = tokens.flatMap(({ kind, name, value }) =>
    kind === "option" && value !== undefined && name !== undefined && !several.includes(name) ? [name] : [],
  );
  const repeated = new Set(given.filter((name, index) => given.indexOf(name) !== index));
  return [...repeated].map((name) => `--${name}: stands more than once`);
}

const kinds = ["on-demand", "capacity-block"] as const satisfies readonly CapacityKind[];
const families = [...new Set(catalog.instances.map(({ family }) => family))];

interface NumberOption {
  readonly name: "budget" | "usd-per-hour" | "deadline" | "nodes" | "headroom";
  /** What it sets in the search. */
  readonly constraint: "maximumUsdPerRun" | "maximumUsdPerHour" | "maximumHours" | "maximumNodes" | "headroom";
  readonly allowed: (value: number) => boolean;
  /** What is allowed, for the message: "must be ...". */
  readonly expected: string;
}

const within = (maximum: number) => (value: number) => value > 0 && value <= maximum;
const numberOptions: readonly NumberOption[] = [
  {
    name: "budget",
    constraint: "maximumUsdPerRun",
    allowed: within(1e9),
    expected: "a number of USD above 0 and at most 1000000000, such as 500",
  },
  {
    name: "usd-per-hour",
    constraint: "maximumUsdPerHour",
    allowed: within(1e6),
    expected: "a number of USD above 0 and at most 1000000, such as 20",
  },
  {
    name: "deadline",
    constraint: "maximumHours",
    allowed: within(87_600),
    expected: "a number of hours above 0 and at most 87600, such as 12",
  },
  {
    name: "nodes",
    constraint: "maximumNodes",
    allowed: (value) => Number.isInteger(value) && value >= 1 && value <= 10_000,
    expected: "a whole number from 1 to 10000",
  },
  {
    name: "headroom",
    constraint: "headroom",
    allowed: (value) => value >= 0 && value < 1,
    expected: "a number from 0 to below 1: 0.1 leaves a tenth free",
  },
];

/** The number of an option; undefined where it is left out. */
function readNumber(
  { name, allowed, expected }: NumberOption,
  text: string | undefined,
  problems: string[],
): number | undefined {
  if (text === undefined) return undefined;
  const value = plainNumber(text.trim());
  if (value !== undefined && allowed(value)) return value;
  problems.push(`--${name}: ${shownValue(text)} must be ${expected}`);
  return undefined;
}

/** Words between commas, each of which must be allowed. */
function readWords<Word extends string>(
  name: string,
  text: string | undefined,
  allowed: readonly Word[],
  problems: string[],
): Word[] | undefined {
  const words = text?.split(",").map((word) => word.trim());
  for (const word of words ?? [])
    if (!(allowed as readonly string[]).includes(word)) problems.push(`--${name}: ${notAllowed(word, allowed)}`);
  return words as Word[] | undefined;
}

function regionProblem(region: string): string[] {
  if (region === catalog.region) return [];
  const prices = `--region: the catalog holds prices of ${catalog.region}, not of ${shownValue(region)}`;
  if ((regionNames as readonly string[]).includes(region))
    return [`${prices}; run \`npm run refresh-catalog -- --region ${region}\``];
  const near = nearest(region, regionNames);
  return [`${prices}, which is no region that is known here${near === undefined ? "" : ` (did you mean ${near}?)`}`];
}

/** A recipe goes by its name: not by a path, and not in another case. */
export function recipeProblems([recipe, ...others]: readonly string[]): string[] {
  if (recipe === undefined) return [];
  if (others.length > 0) return [`one recipe at a time, not ${[recipe, ...others].join(", ")}`];
  const names = recipeNames();
  if (names.includes(recipe)) return [];
  const name = basename(recipe).replace(/\.ya?ml$/i, "");
  const near = nearest(name, names);
  return [
    `no recipe ${shownValue(recipe)}; there are ${names.join(", ")}${near === undefined ? "" : ` (did you mean ${near}?)`}`,
  ];
}

/** What the options leave the search to choose from. Only what is given stands in it. */
export function readConstraints(values: ConstraintValues, problems: string[]): Constraints {
  if (values.region !== undefined) problems.push(...regionProblem(values.region));
  const constraints = {
    region: values.region,
    families: readWords("families", values.families, families, problems),
    capacity: readWords("capacity", values.capacity, kinds, problems),
    ...Object.fromEntries(
      numberOptions.map((option) => [option.constraint, readNumber(option, values[option.name], problems)]),
    ),
    objective: values.fastest === true ? "fastest" : undefined,
  };
  return Object.fromEntries(Object.entries(constraints).filter(([, value]) => value !== undefined));
}
