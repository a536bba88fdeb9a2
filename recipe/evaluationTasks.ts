import * as fs from "node:fs";
import * as path from "node:path";
import { parseDocument } from "yaml";
import { layout } from "../machine/checkout.mjs";

/**
 * What is known of the tasks that a recipe may be evaluated on: the project's own, and lm-eval's, whose facts are read from
 * flows/posttraining/lm_eval_tasks.json once a recipe names one that is not among the project's.
 */

export interface EvaluationTask {
  /** `tag`: a name for several tasks, under which none is reported; `broken`: lm-eval itself cannot load it. */
  readonly kind: "task" | "group" | "tag" | "broken";
  readonly isOwn: boolean;
  /** What it reports, as posttraining/evaluation.py names it without the task; undefined where only running code knows. */
  readonly metrics: readonly string[] | undefined;
  /** Places in lm-eval's list of the tasks that are run for it: two names that share one cannot be asked for together. */
  readonly places: readonly Range[];
  /** It runs code that a model has written. */
  readonly isUnsafe: boolean;
  /** It asks about images or sounds. */
  readonly isMultimodal: boolean;
  /** Modules of Python that it needs beyond those of training and evaluation. */
  readonly modules: readonly string[];
  /** Ids on the hub of the datasets that it reads. */
  readonly datasets: readonly string[];
}

/** Places from the first to the last one, both included. */
type Range = readonly [number, number];

const libraryDirectory = path.join(layout.flows, "posttraining");

let ownNames: readonly string[] | undefined;

/** Names of the project's own tasks, sorted. */
function ownTaskNames(): readonly string[] {
  ownNames ??= fs
    .readdirSync(path.join(libraryDirectory, "tasks"))
    .filter((file) => file.endsWith(".yaml"))
    .map((file) => path.basename(file, ".yaml"))
    .sort();
  return ownNames;
}

/** Whether a task is the project's own, and brings its data with it. */
export const isOwnTask = (name: string): boolean => ownTaskNames().includes(name);

const found = new Map<string, EvaluationTask | undefined>();

/** What is known of a task, a group or a tag; undefined where there is none of this name. */
export function findTask(name: string): EvaluationTask | undefined {
  if (!found.has(name)) found.set(name, isOwnTask(name) ? ownTask(name) : libraryTask(name));
  return found.get(name);
}

/** Every name of lm-eval and of the project's tasks. */
export function taskNames(): readonly string[] {
  return [...ownTaskNames(), ...library().names];
}

/** Version of lm-eval that the facts are of. */
export const libraryVersion = (): string => library().version;

interface TaskFile {
  readonly include?: string;
  readonly metric_list?: readonly { readonly metric: string }[];
  readonly filter_list?: readonly { readonly name: string }[];
}

/** The project's tasks list in `metric_list` all that their code reports. */
function ownTask(name: string): EvaluationTask {
  const file = readTaskFile(`${name}.yaml`);
  const filters = file.filter_list?.map((filter) => filter.name) ?? ["none"];
  const metrics = (file.metric_list ?? []).flatMap(({ metric }) =>
    filters.map((filter) => (filter === "none" ? metric : `${metric}@${filter}`)),
  );
  const plain = { isUnsafe: false, isMultimodal: false, modules: [], datasets: [] };
  return { kind: "task", isOwn: true, metrics, places: [], ...plain };
}

function readTaskFile(name: string): TaskFile {
  const text = fs.readFileSync(path.join(libraryDirectory, "tasks", name), "utf8");
  // Functions are tagged values, which nothing here looks at.
  const file = parseDocument(text, { logLevel: "silent" }).toJS() as TaskFile;
  return file.include === undefined ? file : { ...readTaskFile(file.include), ...file };
}

/** The content of lm_eval_tasks.json; its `about` says how it is written. */
interface FactsFile {
  readonly version: string;
  readonly names: readonly string[];
  readonly metrics: Readonly<Record<string, string>>;
  readonly groups: Readonly<Record<string, string>>;
  readonly tags: Readonly<Record<string, string>>;
  readonly broken: string;
  readonly unsafe: string;
  readonly multimodal: string;
  readonly modules: Readonly<Record<string, string>>;
  readonly datasets: Readonly<Record<string, string>>;
}

let libraryFacts: FactsFile | undefined;

/** The file's content, its names written out: sorted by code points, as Python sorts. */
function library(): FactsFile {
  if (libraryFacts === undefined) {
    const text = fs.readFileSync(path.join(libraryDirectory, "lm_eval_tasks.json"), "utf8");
    const file = JSON.parse(text) as FactsFile;
    libraryFacts = { ...file, names: decoded(file.names) };
  }
  return libraryFacts;
}

/** Words of which each says only how it differs from the one before it. */
function decoded(lines: readonly string[]): string[] {
  let before = "";
  return lines
    .join(" ")
    .split(" ")
    .map((word) => (before = before.slice(0, Number.parseInt(word.charAt(0), 36)) + word.slice(1)));
}

/** `3 5-8` */
function rangesOf(text: string): Range[] {
  return text
    .split(" ")
    .filter((part) => part !== "")
    .map((part) => {
      const [first = "", last = first] = part.split("-");
      return [Number(first), Number(last)];
    });
}

export const overlap = (some: readonly Range[], others: readonly Range[]): boolean =>
  some.some(([from, to]) => others.some(([first, last]) => from <= last && first <= to));

function libraryTask(name: string): EvaluationTask | undefined {
  const facts = library();
  const place = facts.names.indexOf(name);
  if (place < 0) return undefined;
  const here: readonly Range[] = [[place, place]];
  const isIn = (text: string, places: readonly Range[] = here): boolean => overlap(rangesOf(text), places);
  const keysOf = (table: Readonly<Record<string, string>>, places: readonly Range[]): string[] =>
    Object.entries(table).flatMap(([key, text]) => (isIn(text, places) ? [key] : []));
  const tag = facts.tags[String(place)];
  const group = facts.groups[String(place)];
  const places = rangesOf(tag ?? group ?? String(place));
  const [metrics = "*"] = keysOf(facts.metrics, here);
  return {
    kind: tag !== undefined ? "tag" : isIn(facts.broken) ? "broken" : group !== undefined ? "group" : "task",
    isOwn: false,
    metrics: metrics === "*" ? undefined : metrics.split(" ").filter((metric) => metric !== ""),
    places,
    isUnsafe: isIn(facts.unsafe, places),
    isMultimodal: isIn(facts.multimodal, places),
    modules: keysOf(facts.modules, places),
    datasets: keysOf(facts.datasets, places),
  };
}

/** Names of the tasks at some places, the first few of them. */
export function namesAt(places: readonly Range[], most: number): readonly string[] {
  const { names } = library();
  return places.flatMap(([first, last]) => names.slice(first, Math.min(last + 1, first + most))).slice(0, most);
}
