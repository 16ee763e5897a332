/** Timers by name: at most one of each, and all of them end together. */
import type { Clock } from "./clock.ts";

export class Timers<Name extends string> {
  readonly #clock: Clock;
  readonly #running = new Map<Name, () => void>();
  #closed = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Replaces the timer of that name, if there is one. After `close` nothing goes off any more. */
  schedule(name: Name, ms: number, act: () => void): void {
    this.#running.get(name)?.();
    if (this.#closed) return void this.#running.delete(name);
    const cancel = this.#clock.after(ms, () => {
      this.#running.delete(name);
      act();
    });
    this.#running.set(name, cancel);
  }

  cancel(name: Name): void {
    this.#running.get(name)?.();
    this.#running.delete(name);
  }

  close(): void {
    this.#closed = true;
    for (const cancel of this.#running.values()) cancel();
    this.#running.clear();
  }
}
