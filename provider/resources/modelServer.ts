import type { ModelServerEngine } from "../modelServerCommand";
import type { StoreEnvironment } from "../../contracts/storeEnvironment";

/** What a program says of a ModelServer. */
export interface ModelServerInputs {
  /** Prefix of a promoted model. */
  readonly modelUri: string;
  /** Name under which clients ask for the model. */
  readonly modelName: string;
  readonly engine: "auto" | ModelServerEngine;
  /** Registered adapters of that model that are offered beside it, each by its own name; left out: none. */
  readonly adapters?: readonly { readonly name: string; readonly modelUri: string }[];
  /** Port asked for; left out: a free one is chosen and remembered. */
  readonly requestedPort?: number;
  /** `required`: clients must send the key, or any user of the machine could ask the model. */
  readonly key: "required" | "none";
  /** Folder for the model's copy, the process's record and its log. */
  readonly directory: string;
  /** How to reach the store that holds the model. */
  readonly storeEnvironment: StoreEnvironment;
}

/** What the stack keeps of a ModelServer. */
export interface ModelServerState extends ModelServerInputs {
  readonly port: number;
  /** `http://127.0.0.1:<port>/v1` */
  readonly url: string;
  /** What clients send as bearer token; null where none is needed. */
  readonly apiKey: string | null;
  /** File with the header that clients send, for `curl -H @<file>`: so the key is in no command line; null without a key. */
  readonly headerFile: string | null;
  readonly resolvedEngine: ModelServerEngine;
  readonly status: "running" | "stopped";
  readonly logFile: string;
}
