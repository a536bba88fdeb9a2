import { canonical } from "../contracts/canonical";
import type { Properties } from "./wire";

/** What a handler may tell the person who waits for it. */
export interface OperationContext {
  /** A line that replaces the last one beside the resource (progress). */
  readonly progress: (message: string) => void;
  /** A line that stays. */
  readonly info: (message: string) => void;
  readonly warn: (message: string) => void;
  /** Ends waits when the operation is cancelled (Ctrl-C). */
  readonly signal: AbortSignal;
}

export interface Difference {
  /** Anything at all to do. */
  readonly changes: boolean;
  /** Properties whose change needs a new resource. */
  readonly replaces: readonly string[];
}

/**
 * The life of one resource type. Inputs and state are plain values: secrets are unwrapped before and wrapped after.
 * `create` must be idempotent: an `up` that was killed runs it again.
 */
export interface Handler<Inputs extends object, State extends Inputs> {
  /** Properties that the engine must encrypt. */
  readonly secrets: readonly (keyof State & string)[];
  /** Says what creating it means, before anything is created. Values of `inputs` may be unknown in a preview. */
  announce?(inputs: Inputs, context: OperationContext): void;
  /** Compares what is (state, and the live thing) with what is wanted. Values of `news` may be unknown in a preview. */
  diff(id: string, state: State, news: Inputs, context: OperationContext): Promise<Difference>;
  create(inputs: Inputs, context: OperationContext): Promise<{ id: string; state: State }>;
  /** The live state; undefined when the thing is gone. */
  read(id: string, state: State, context: OperationContext): Promise<State | undefined>;
  update(id: string, state: State, news: Inputs, context: OperationContext): Promise<State>;
  delete(id: string, state: State, context: OperationContext): Promise<void>;
}

/** A handler whose types are hidden, as the dispatch table keeps it. */
export type AnyHandler = Handler<Properties, Properties>;

/** Names of the properties of `news` that differ from `state`. */
export function changedProperties<Inputs extends object>(state: Inputs, news: Inputs): (keyof Inputs & string)[] {
  const keys = Object.keys(news) as (keyof Inputs & string)[];
  return keys.filter((key) => canonical(state[key]) !== canonical(news[key]));
}
