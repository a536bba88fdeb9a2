import type { provider } from "@pulumi/pulumi";
import type { EngineLog } from "../engineLog";
import type { AnyHandler, Handler, OperationContext } from "../handler";
import { flowRun } from "../handlers/flowRun";
import { metaflowHome } from "../handlers/metaflowHome";
import { modelServer } from "../handlers/modelServer";
import { objectStoreServer } from "../handlers/objectStoreServer";
import { password } from "../handlers/password";
import { rehearsal } from "../handlers/rehearsal";
import type { Incarnations } from "../incarnations";
import { resourceTypes, type ResourceTypeToken } from "../resourceTypes";
import { type Properties, unwrapSecrets, wrapSecrets } from "../wire";

/** The engine only hands a handler what its own resource class and its own earlier answers hold, so types may be hidden. */
function untyped<Inputs extends object, State extends Inputs>(handler: Handler<Inputs, State>): AnyHandler {
  return handler as unknown as AnyHandler;
}

const ownHandlers: Readonly<Record<ResourceTypeToken, AnyHandler>> = {
  [resourceTypes.objectStoreServer]: untyped(objectStoreServer),
  [resourceTypes.metaflowHome]: untyped(metaflowHome),
  [resourceTypes.rehearsal]: untyped(rehearsal),
  [resourceTypes.flowRun]: untyped(flowRun),
  [resourceTypes.modelServer]: untyped(modelServer),
  [resourceTypes.password]: untyped(password),
};

/** `urn:pulumi:<stack>::<project>::<parent type>$<type>::<name>` */
function typeOf(urn: string): string {
  return urn.split("::")[2]?.split("$").at(-1) ?? "";
}

const plain = (properties: unknown): Properties => (unwrapSecrets(properties) ?? {}) as Properties;

/** Hands each request of the engine to the handler of its resource type. */
export class PostTrainingProvider implements provider.Provider {
  readonly version = "0.1.0";
  private readonly cancelled = new AbortController();
  constructor(
    private readonly log: EngineLog,
    private readonly incarnations: Incarnations,
    private readonly handlers: Readonly<Record<string, AnyHandler | undefined>> = ownHandlers,
  ) {}

  /** Resources of which this operation has said what changes. */
  private readonly compared = new Set<string>();

  private handlerOf(urn: string): AnyHandler {
    const handler = this.handlers[typeOf(urn)];
    if (handler === undefined) throw new Error(`the provider has no resource type ${typeOf(urn)}`);
    return handler;
  }

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

  /**
   * Changes nothing about the inputs. The engine asks this of what is new, and of what is to be replaced once more, as if it was
   * new; of a new one it asks nothing else in a preview.
   */
  check(urn: string, olds: unknown, news: unknown): Promise<provider.CheckResult> {
    const isNew = Object.keys(plain(olds)).length === 0;
    if (isNew && !this.compared.has(urn)) this.handlerOf(urn).announce?.(plain(news), this.context(urn));
    return Promise.resolve({ inputs: news });
  }

  async diff(id: string, urn: string, olds: unknown, news: unknown): Promise<provider.DiffResult> {
    this.compared.add(urn);
    const { state } = this.meet(urn, id, olds);
    const difference = await this.handlerOf(urn).diff(id, state, plain(news), this.context(urn));
    return { changes: difference.changes, replaces: [...difference.replaces] };
  }

  async create(urn: string, inputs: unknown): Promise<provider.CreateResult> {
    const handler = this.handlerOf(urn);
    const { id, state } = await handler.create(plain(inputs), this.context(urn));
    const incarnation = this.incarnations.begin(urn, id);
    return { id, outs: wrapSecrets({ ...state, incarnation }, handler.secrets) };
  }

  async read(id: string, urn: string, properties?: unknown): Promise<provider.ReadResult> {
    const handler = this.handlerOf(urn);
    const known = this.meet(urn, id, properties);
    const state = await handler.read(id, known.state, this.context(urn));
    return state === undefined
      ? { id: "", props: {} }
      : { id, props: wrapSecrets({ ...state, incarnation: known.incarnation }, handler.secrets) };
  }

  async update(id: string, urn: string, olds: unknown, news: unknown): Promise<provider.UpdateResult> {
    const handler = this.handlerOf(urn);
    const known = this.meet(urn, id, olds);
    const state = await handler.update(id, known.state, plain(news), this.context(urn));
    return { outs: wrapSecrets({ ...state, incarnation: known.incarnation }, handler.secrets) };
  }

  async delete(id: string, urn: string, properties: unknown): Promise<void> {
    const { incarnation, ...state } = plain(properties);
    if (this.incarnations.isReplaced(urn, id, incarnation)) {
      this.context(urn).info(`${id} stays: what replaces it is the same`);
      return;
    }
    await this.handlerOf(urn).delete(id, state, this.context(urn));
    this.incarnations.end(urn, id);
  }

  /** Takes apart what the engine has of a resource that it did not give up. */
  private meet(urn: string, id: string, properties: unknown): { state: Properties; incarnation: unknown } {
    const { incarnation, ...state } = plain(properties);
    this.incarnations.meet(urn, id, incarnation);
    return { state, incarnation };
  }

  /** Ends waits; what was started goes on. */
  cancel(): Promise<void> {
    this.cancelled.abort();
    return Promise.resolve();
  }
}
