import type { provider } from "@pulumi/pulumi";
import type { EngineLog } from "./engineLog";
import type { AnyHandler, Handler, OperationContext } from "./handler";
import { flowRun } from "./handlers/flowRun";
import { metaflowHome } from "./handlers/metaflowHome";
import { modelServer } from "./handlers/modelServer";
import { objectStoreServer } from "./handlers/objectStoreServer";
import { password } from "./handlers/password";
import { resourceTypes, type ResourceTypeToken } from "./resourceTypes";
import { type Properties, unwrapSecrets, wrapSecrets } from "./wire";

/** The engine only hands a handler what its own resource class and its own earlier answers hold, so types may be hidden. */
function untyped<Inputs extends object, State extends Inputs>(handler: Handler<Inputs, State>): AnyHandler {
  return handler as unknown as AnyHandler;
}

const handlers: Readonly<Record<ResourceTypeToken, AnyHandler>> = {
  [resourceTypes.objectStoreServer]: untyped(objectStoreServer),
  [resourceTypes.metaflowHome]: untyped(metaflowHome),
  [resourceTypes.flowRun]: untyped(flowRun),
  [resourceTypes.modelServer]: untyped(modelServer),
  [resourceTypes.password]: untyped(password),
};

/** `urn:pulumi:<stack>::<project>::<parent type>$<type>::<name>` */
function typeOf(urn: string): string {
  return urn.split("::")[2]?.split("$").at(-1) ?? "";
}

function handlerOf(urn: string): AnyHandler {
  const type = typeOf(urn);
  const handler = (handlers as Readonly<Record<string, AnyHandler | undefined>>)[type];
  if (handler === undefined) throw new Error(`the provider has no resource type ${type}`);
  return handler;
}

const plain = (properties: unknown): Properties => (unwrapSecrets(properties) ?? {}) as Properties;

/** Hands each request of the engine to the handler of its resource type. */
export class PostTrainingProvider implements provider.Provider {
  readonly version = "0.1.0";
  private readonly cancelled = new AbortController();

  constructor(private readonly log: EngineLog) {}

  private context(urn: string): OperationContext {
    const write =
      (severity: "info" | "warning", ephemeral: boolean) =>
      (message: string): void => {
        this.log.write(severity, urn, message, ephemeral);
      };
    // Without a terminal the engine prints every line that it is given, so the same one is not sent twice.
    let last: string | undefined;
    const progress = write("info", true);
    return {
      progress: (message) => {
        if (message !== last) progress(message);
        last = message;
      },
      info: write("info", false),
      warn: write("warning", false),
      signal: this.cancelled.signal,
    };
  }

  async diff(id: string, urn: string, olds: unknown, news: unknown): Promise<provider.DiffResult> {
    const difference = await handlerOf(urn).diff(id, plain(olds), plain(news), this.context(urn));
    return { changes: difference.changes, replaces: [...difference.replaces] };
  }

  async create(urn: string, inputs: unknown): Promise<provider.CreateResult> {
    const handler = handlerOf(urn);
    const { id, state } = await handler.create(plain(inputs), this.context(urn));
    return { id, outs: wrapSecrets(state, handler.secrets) };
  }

  async read(id: string, urn: string, properties?: unknown): Promise<provider.ReadResult> {
    const handler = handlerOf(urn);
    const state = await handler.read(id, plain(properties));
    return state === undefined ? { id: "", props: {} } : { id, props: wrapSecrets(state, handler.secrets) };
  }

  async update(id: string, urn: string, olds: unknown, news: unknown): Promise<provider.UpdateResult> {
    const handler = handlerOf(urn);
    const state = await handler.update(id, plain(olds), plain(news), this.context(urn));
    return { outs: wrapSecrets(state, handler.secrets) };
  }

  async delete(id: string, urn: string, properties: unknown): Promise<void> {
    await handlerOf(urn).delete(id, plain(properties), this.context(urn));
  }

  /** Ends waits; what was started goes on. */
  cancel(): Promise<void> {
    this.cancelled.abort();
    return Promise.resolve();
  }
}
