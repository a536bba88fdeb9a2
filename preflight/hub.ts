import * as fs from "node:fs";
import * as path from "node:path";

/** Asking the model hub, as huggingface_hub would, whether it has something and lets this user read it. */

export type HubAnswer =
  /** `content`: what was read, where it is JSON. */
  | { readonly kind: "found"; readonly content: unknown }
  | { readonly kind: "gated" | "missing" | "no revision" | "no such file" }
  | { readonly kind: "unreachable"; readonly why: string }
  /** It cannot be told from here: the run's libraries go another way, or the hub wants to be asked later. */
  | { readonly kind: "unknown" };

type Environment = Readonly<Record<string, string | undefined>>;

/** Seconds after which the hub counts as unreachable. */
const patience = 5;

export const hubEndpoint = ({ HF_ENDPOINT }: Environment): string =>
  (HF_ENDPOINT ?? "https://huggingface.co").replace(/\/+$/, "");

const isTrue = (value: string | undefined): boolean => /^(?:1|on|yes|true)$/i.test(value ?? "");

/**
 * Whether the run's libraries are told not to ask the hub for something, and by which variable. A run sees them all
 * (posttraining/driver/environment.py). Of the first two the one that is set counts (huggingface_hub/constants.py); `datasets` has
 * one more (datasets/config.py), and asks by way of huggingface_hub, which then refuses too.
 */
export function offlineVariable(environment: Environment, what: "model" | "dataset"): string | undefined {
  // Python takes an empty variable for one that is not set.
  const name = environment.HF_HUB_OFFLINE ? "HF_HUB_OFFLINE" : "TRANSFORMERS_OFFLINE";
  return [...(what === "dataset" ? ["HF_DATASETS_OFFLINE"] : []), name].find((each) => isTrue(environment[each]));
}

/** Folder in which the hub's client keeps what it has downloaded. */
export function hubCache({ HF_HUB_CACHE, HUGGINGFACE_HUB_CACHE }: Environment, hubHome: string): string {
  return HF_HUB_CACHE ?? HUGGINGFACE_HUB_CACHE ?? path.join(hubHome, "hub");
}

/** The user's token, where the run's libraries would find it. */
export function hubToken(environment: Environment, hubHome: string): string | undefined {
  const given = environment.HF_TOKEN ?? environment.HUGGING_FACE_HUB_TOKEN;
  if (given !== undefined && given.trim() !== "") return given.trim();
  try {
    return fs.readFileSync(environment.HF_TOKEN_PATH ?? path.join(hubHome, "token"), "utf8").trim();
  } catch {
    return undefined;
  }
}

/** Node's own client knows no proxy, and not the certificates that Python was given: what it cannot reach, a run may. */
function goesAnotherWay(environment: Environment): boolean {
  return ["https_proxy", "http_proxy", "all_proxy"].some(
    (name) => (environment[name] ?? environment[name.toUpperCase()] ?? "") !== "",
  );
}

/**
 * Asks the hub for an address.
 *
 * @returns what it says; never throws.
 */
export async function askHub(url: string, environment: Environment, hubHome: string): Promise<HubAnswer> {
  const token = hubToken(environment, hubHome);
  let response: Response;
  try {
    response = await fetch(url, {
      headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
      signal: AbortSignal.timeout(patience * 1000),
    });
  } catch (error) {
    return goesAnotherWay(environment) ? { kind: "unknown" } : failure(error);
  }
  if (!response.ok) return refusal(response);
  try {
    return { kind: "found", content: await response.json() };
  } catch {
    return { kind: "found", content: undefined };
  }
}

const failures: Readonly<Record<string, string>> = {
  ENOTFOUND: "its name is not known here",
  EAI_AGAIN: "its name is not known here",
  ECONNREFUSED: "the connection was refused",
  ECONNRESET: "the connection was cut",
  ENETUNREACH: "there is no way to it",
  EHOSTUNREACH: "there is no way to it",
  UND_ERR_CONNECT_TIMEOUT: `no answer within ${patience} s`,
};

function failure(error: unknown): HubAnswer {
  if ((error as Error).name === "TimeoutError") return { kind: "unreachable", why: `no answer within ${patience} s` };
  const cause = (error as { cause?: { code?: string } }).cause;
  const why = failures[cause?.code ?? ""];
  return why === undefined ? { kind: "unknown" } : { kind: "unreachable", why };
}

/** The hub says in a header what is wrong, for it answers 401 to what does not exist too. */
function refusal({ status, headers }: Response): HubAnswer {
  switch (headers.get("x-error-code")) {
    case "GatedRepo":
      return { kind: "gated" };
    case "RepoNotFound":
      return { kind: "missing" };
    case "RevisionNotFound":
      return { kind: "no revision" };
    case "EntryNotFound":
      return { kind: "no such file" };
    default:
      if (status === 401 || status === 403) return { kind: "gated" };
      if (status === 404) return { kind: "missing" };
      return status >= 500 ? { kind: "unreachable", why: `it answered ${status}` } : { kind: "unknown" };
  }
}
