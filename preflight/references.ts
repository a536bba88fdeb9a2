import * as fs from "node:fs";
import * as path from "node:path";
import { fileURLToPath } from "node:url";
import { findTask } from "../recipe/evaluationTasks";
import { type FieldError, show } from "../validation/explain";
import { type HubAnswer, hubCache, hubEndpoint, offlineVariable } from "./hub";
import { root } from "../machine/checkout.mjs";
import type { Machine } from "./machine";
import type { Readable } from "../validation/readable";
import type { Recipe } from "../contracts/recipe";

/** Whether what a recipe refers to is there: models and datasets, in folders and on the hub. The stack's own store is left to the run. */

type RecipeReading = Readable<Recipe>;

/** What is found of a base model. */
export interface FoundModel {
  readonly errors: readonly FieldError[];
  /** Its `config.json`, where it can be read. */
  readonly config: unknown;
  /** Its weights need not be downloaded. */
  readonly isHere: boolean;
  /** What the hub says of its licence, as a sentence; undefined where it was not asked. */
  readonly licence?: string | undefined;
}

/** What is wrong with data sets, and what the hub says of the licence of the one that is trained on. */
export interface FoundDataset {
  readonly errors: readonly FieldError[];
  readonly licence?: string | undefined;
}

/**
 * Looks for the base model of a recipe.
 *
 * @param isNeeded whether a run would fetch it; otherwise only what is on this machine is looked at.
 */
export async function findModel({ model }: RecipeReading, isNeeded: boolean, machine: Machine): Promise<FoundModel> {
  const { base, revision } = model ?? {};
  if (base === undefined || /^(?:tiny:|s3:\/\/)/.test(base)) {
    return { errors: [], config: undefined, isHere: true };
  }
  if (base.startsWith("file://")) return modelInFolder(base);
  const cached = cachedConfig(base, revision ?? "main", machine);
  if (cached !== undefined || !isNeeded) {
    return { errors: kindErrors(base, cached), config: cached, isHere: true };
  }
  const hub = hubEndpoint(machine.environment);
  const at = encodeURIComponent(revision ?? "main");
  const answer = await ask(`${hub}/${base}/resolve/${at}/config.json`, "model", machine);
  if (answer.kind === "found") {
    const wrong = kindErrors(base, answer.content);
    const files =
      wrong.length > 0 ? undefined : await ask(`${hub}/api/models/${base}/revision/${at}`, "model", machine);
    return {
      errors: [...wrong, ...filesErrors(base, files, machine)],
      config: answer.content,
      isHere: false,
      licence: files?.kind === "found" ? licenceOf(base, files.content) : undefined,
    };
  }
  if (answer.kind === "no revision") {
    return {
      errors: [
        {
          path: "model.revision",
          reason: `got ${show(revision ?? "main")}; ${base} has no such branch, tag or commit on ${hostOf(machine)}`,
        },
      ],
      config: undefined,
      isHere: false,
    };
  }
  const asked = {
    path: "model.base",
    got: show(base),
    what: "model",
    otherwise: "name a folder (file:///...)",
  } as const;
  return { errors: refusals(answer, asked, machine), config: undefined, isHere: false };
}

function modelInFolder(reference: string): FoundModel {
  const folder = folderOf(reference);
  const because = (what: string, config?: unknown): FoundModel => ({
    errors: [{ path: "model.base", reason: `got ${show(reference)}; ${what}` }],
    config,
    isHere: true,
  });
  const file = path.join(folder, "config.json");
  if (!isFile(file)) {
    return because(
      fs.existsSync(folder) ? "the folder has no config.json, so that it holds no model" : "the folder does not exist",
    );
  }
  const config = jsonIn(file);
  if (typeof config !== "object" || config === null || Array.isArray(config)) {
    return because("the folder's config.json cannot be read as JSON: copy the model anew");
  }
  if (!entriesOf(folder).some((name) => isFile(path.join(folder, name)) && isWeights(name))) {
    return because("the folder has a config.json and no weights (*.safetensors): copy the whole model there", config);
  }
  return { errors: kindErrors(reference, config), config, isHere: true };
}

/** What transformers loads from a folder. Of the hub, only the former are fetched (posttraining/models.py). */
const isWeights = (name: string): boolean => /\.safetensors$|^pytorch_model.*\.bin$/.test(name);

/** What the flows do not train, whatever the library could do with it. */
function kindErrors(reference: string, config: unknown): FieldError[] {
  const { is_encoder_decoder, quantization_config } = (config ?? {}) as Readonly<Record<string, unknown>>;
  const because = (what: string): FieldError[] => [
    { path: "model.base", reason: `got ${show(reference)}, which is ${what}` },
  ];
  if (is_encoder_decoder === true) {
    return because(
      "an encoder with a decoder, and only models that go on with a text are trained: choose another model",
    );
  }
  return typeof quantization_config === "object" && quantization_config !== null
    ? because("quantised: name the model that it was made of; kind: qlora quantises it for the training")
    : [];
}

/** Whether the hub has weights of a model in the only form that a run downloads; what does not say its files is left to the run. */
function filesErrors(base: string, answer: HubAnswer | undefined, machine: Machine): FieldError[] {
  const { siblings } = (answer?.kind === "found" ? (answer.content ?? {}) : {}) as { readonly siblings?: unknown };
  if (!Array.isArray(siblings)) return [];
  const names = (siblings as readonly { readonly rfilename?: unknown }[]).map(({ rfilename }) => rfilename);
  if (names.some((name) => typeof name === "string" && name.endsWith(".safetensors"))) return [];
  const reason = `got ${show(base)}; it has no *.safetensors on ${hostOf(machine)}, and no other weights are read: choose another model or revision`;
  return [{ path: "model.base", reason }];
}

/** What the hub says of a licence: in the card of a model or a dataset, or in a tag that it makes of the card. */
function licenceOf(id: string, content: unknown): string {
  const { cardData, tags } = (content ?? {}) as { readonly cardData?: unknown; readonly tags?: unknown };
  const { license, license_name } = (cardData ?? {}) as Readonly<Record<string, unknown>>;
  const named = license === "other" && typeof license_name === "string" ? license_name : license;
  const tagged = (Array.isArray(tags) ? (tags as readonly unknown[]) : [])
    .filter((tag) => typeof tag === "string")
    .filter((tag) => tag.startsWith("license:"))
    .map((tag) => tag.slice("license:".length));
  const found = (Array.isArray(named) ? (named as readonly unknown[]) : [named]).filter(
    (each) => typeof each === "string",
  );
  const licences = found.length > 0 ? found : tagged;
  return licences.length > 0 ? `${id} has the licence ${licences.join(", ")}` : `${id} states no licence`;
}

function isFile(file: string): boolean {
  try {
    return fs.statSync(file).isFile();
  } catch {
    return false;
  }
}

/** Percent signs that stand for nothing stay what they are, as in Python's `unquote`. */
function folderOf(reference: string): string {
  try {
    return fileURLToPath(reference);
  } catch {
    return reference.slice("file://".length);
  }
}

function jsonIn(file: string): unknown {
  try {
    return JSON.parse(fs.readFileSync(file, "utf8"));
  } catch {
    return undefined;
  }
}

function entriesOf(folder: string): readonly string[] {
  try {
    return fs.readdirSync(folder);
  } catch {
    return [];
  }
}

/** `config.json` of a model that the hub's client has downloaded with its weights; undefined where it would download. */
function cachedConfig(id: string, revision: string, machine: Machine): unknown {
  const folder = path.join(hubCache(machine.environment, machine.hubHome), `models--${id.replace("/", "--")}`);
  let commit = revision;
  try {
    commit = fs.readFileSync(path.join(folder, "refs", revision), "utf8").trim();
  } catch {
    // A commit has no such file.
  }
  const snapshot = path.join(folder, "snapshots", commit);
  return entriesOf(snapshot).some((file) => file.endsWith(".safetensors"))
    ? jsonIn(path.join(snapshot, "config.json"))
    : undefined;
}

const hostOf = ({ environment }: Machine): string => hubEndpoint(environment).replace(/^https?:\/\//, "");

async function ask(url: string, what: "model" | "dataset", machine: Machine): Promise<HubAnswer> {
  const offline = offlineVariable(machine.environment, what);
  return offline === undefined
    ? machine.askHub(url)
    : { kind: "unreachable", why: `${offline} is set, which keeps the run from asking` };
}

/** What the hub was asked for, in the words of a message. */
interface Asked {
  readonly path: string;
  /** What stands in the field. */
  readonly got: string;
  readonly what: "model" | "dataset";
  /** What can be written where the hub cannot be asked. */
  readonly otherwise: string;
}

/** What a person can do about an answer. */
function refusals(answer: HubAnswer, { path: field, got, what, otherwise }: Asked, machine: Machine): FieldError[] {
  const host = hostOf(machine);
  const because = (reason: string): FieldError[] => [{ path: field, reason: `got ${got}; ${reason}` }];
  switch (answer.kind) {
    case "found":
    case "unknown":
      return [];
    case "gated":
      return because(
        `${host} does not let you read it: accept its terms there, and set HF_TOKEN to a token that may read it`,
      );
    case "missing":
    case "no revision":
      return because(
        `there is no such ${what} on ${host} (or it is private: then set HF_TOKEN): write owner/name as its page has it`,
      );
    case "no such file":
      return because(`it has no config.json on ${host}, so that it holds no model to train`);
    case "unreachable": {
      const cache = path.relative(root, hubCache(machine.environment, machine.hubHome));
      return because(
        `it is not in the stack's cache (${cache}), and ${host} cannot be reached: ${answer.why}; connect this machine, set HF_ENDPOINT to a mirror, or ${otherwise}`,
      );
    }
  }
}

/** Looks for the dataset that a recipe trains on, and for those that its tasks read. */
export async function findDatasets(recipe: RecipeReading, machine: Machine): Promise<FoundDataset> {
  const [trained, ...evaluated] = await Promise.all([
    findDataset(recipe, machine),
    ...(recipe.evaluation?.tasks ?? []).map(async (task, index) => ({
      errors: await taskErrors(task, `evaluation.tasks[${index}]`, machine),
    })),
  ]);
  return { ...trained, errors: [trained, ...evaluated].flatMap(({ errors }) => errors) };
}

async function findDataset({ dataset }: RecipeReading, machine: Machine): Promise<FoundDataset> {
  const { source, revision } = dataset ?? {};
  if (source === undefined || /^(?:tiny:|s3:\/\/)/.test(source)) return { errors: [] };
  if (source.startsWith("file://")) return { errors: fileErrors(source) };
  const asked = { path: "dataset.source", got: show(source), otherwise: "name JSON lines (file:///...)" };
  return askForDataset(source, revision, asked, machine);
}

/** Of a group of tasks with many datasets the first ones stand for all. */
const mostAsked = 10;

async function taskErrors(name: string | undefined, field: string, machine: Machine): Promise<FieldError[]> {
  const task = name === undefined ? undefined : findTask(name);
  // What is no task to run is said by evaluationChecks.ts, and what it would read does not matter.
  const isUsable = (task?.kind === "task" || task?.kind === "group") && !task.isUnsafe && !task.isMultimodal;
  if (task === undefined || task.isOwn || !isUsable) return [];
  const got = show(name);
  const missing = task.modules.filter((module) => !machine.hasModule(module));
  const packages = missing.map((module) => `"${module}"`).join(" and ");
  const needs = `got ${got}, which needs Python's ${packages}, and the environment of flows lacks that: write another task`;
  const errors = missing.length === 0 ? [] : [{ path: field, reason: needs }];
  const asked = await Promise.all(
    task.datasets.slice(0, mostAsked).map((id) => {
      const what = { path: field, got: `${got}, which reads dataset ${id}`, otherwise: "write tasks of the project" };
      return askForDataset(id, undefined, what, machine);
    }),
  );
  return [...errors, ...asked.flatMap((found) => found.errors).slice(0, 1)];
}

async function askForDataset(
  id: string,
  revision: string | undefined,
  asked: Omit<Asked, "what">,
  machine: Machine,
): Promise<FoundDataset> {
  if (isCachedDataset(id, machine)) return { errors: [] };
  const place = `${hubEndpoint(machine.environment)}/api/datasets/${id}`;
  const at = revision === undefined ? "" : `/revision/${encodeURIComponent(revision)}`;
  const answer = await ask(`${place}${at}?expand=gated&expand=cardData`, "dataset", machine);
  if (answer.kind === "no revision" && revision !== undefined) {
    const reason = `got ${show(revision)}; ${id} has no such branch, tag or commit on ${hostOf(machine)}`;
    return { errors: [{ path: "dataset.revision", reason }] };
  }
  const isClosed = answer.kind === "found" && isGated(answer.content) && !(await isLetIn(place, machine));
  const errors = refusals(isClosed ? { kind: "gated" } : answer, { ...asked, what: "dataset" }, machine);
  return { errors, licence: answer.kind === "found" ? licenceOf(id, answer.content) : undefined };
}

/** Whether the owner of a dataset whose terms must be accepted has let this user in; its description can be read by everybody. */
async function isLetIn(place: string, machine: Machine): Promise<boolean> {
  return machine.hasHubToken() && (await ask(`${place}/auth-check`, "dataset", machine)).kind !== "gated";
}

/** Whether the hub's description of a dataset says that its terms must be accepted. */
function isGated(content: unknown): boolean {
  const { gated } = (content ?? {}) as { readonly gated?: unknown };
  return gated !== undefined && gated !== false;
}

/** Downloaded by the hub's client, or made of what was downloaded by the library `datasets`. */
function isCachedDataset(id: string, machine: Machine): boolean {
  const downloaded = path.join(
    hubCache(machine.environment, machine.hubHome),
    `datasets--${id.replace("/", "--")}`,
    "snapshots",
  );
  const made = machine.environment.HF_DATASETS_CACHE ?? path.join(machine.hubHome, "datasets");
  return entriesOf(downloaded).length > 0 || entriesOf(path.join(made, id.replace("/", "___"))).length > 0;
}

/** JSON lines in a file, or in files below a folder (posttraining/examples.py); what is in the lines is left to the run. */
function fileErrors(source: string): FieldError[] {
  const place = folderOf(source);
  const error = (reason: string): FieldError[] => [
    { path: "dataset.source", reason: `got ${show(source)}; ${reason}` },
  ];
  if (!fs.existsSync(place)) return error("it does not exist");
  if (source.endsWith(".jsonl")) {
    if (!isFile(place)) return error("it is a folder, and its name is that of a file: call it otherwise");
    return fs.statSync(place).size === 0 ? error("the file is empty") : [];
  }
  if (!fs.statSync(place).isDirectory()) return error("it is neither a folder nor a file whose name ends in .jsonl");
  return hasLines(place) ? [] : error("there is no .jsonl file below it");
}

/** Whether a folder or one below it has a file of JSON lines. What this user may not read, the run may not either. */
function hasLines(folder: string): boolean {
  const folders: string[] = [folder];
  for (let next = folders.pop(); next !== undefined; next = folders.pop()) {
    for (const entry of typedEntriesOf(next)) {
      const place = path.join(next, entry.name);
      if (entry.isDirectory()) folders.push(place);
      // A link to a file counts, one to a folder is not followed (posttraining/storage.py).
      else if (entry.name.endsWith(".jsonl") && isFile(place)) return true;
    }
  }
  return false;
}

function typedEntriesOf(folder: string): readonly fs.Dirent[] {
  try {
    return fs.readdirSync(folder, { withFileTypes: true });
  } catch {
    return [];
  }
}
