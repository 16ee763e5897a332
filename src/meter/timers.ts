/** Timers by name: at most one of each, and all of them end together. */
import type { Clock } from "../process/clock.ts";

export class Timers<Name extends string> {
  readonly #clock: Clock;
  /** How to call each off. No map: what is put in and out of one with every telegram leaves tables that live long. */
  readonly #running: { [name in Name]?: (() => void) | undefined } = {};
  #closed = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Replaces the timer of that name, if there is one. After `close` nothing goes off any more. */
  schedule(name: Name, ms: number, act: () => void): void {
    this.cancel(name);
    if (this.#closed) return;
    this.#running[name] = this.#clock.after(ms, () => {
      this.#running[name] = undefined;
      act();
    });
  }

  cancel(name: Name): void {
    this.#running[name]?.();
    this.#running[name] = undefined;
  }

  close(): void {
    this.#closed = true;
    for (const name in this.#running) this.cancel(name);
  }
}
