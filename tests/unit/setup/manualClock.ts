import type { Clock } from "../../../machine/reminder.mjs";

/** A clock that stands still until it is moved on. */
export class ManualClock implements Clock {
  #now = 0;
  readonly #timers = new Set<{ readonly interval: number; due: number; readonly callback: () => void }>();

  now(): number {
    return this.#now;
  }

  every(milliseconds: number, callback: () => void): () => void {
    const timer = { interval: milliseconds, due: this.#now + milliseconds, callback };
    this.#timers.add(timer);
    return () => {
      this.#timers.delete(timer);
    };
  }

  /** Timers that have not been stopped. */
  get running(): number {
    return this.#timers.size;
  }

  pass(seconds: number): void {
    const end = this.#now + seconds * 1000;
    for (;;) {
      const next = [...this.#timers].filter(({ due }) => due <= end).sort((a, b) => a.due - b.due)[0];
      if (next === undefined) break;
      this.#now = next.due;
      next.due += next.interval;
      next.callback();
    }
    this.#now = end;
  }
}
