/** Named timers: at most one per name; `close` cancels them all. */
import type { Clock } from "../process/clock.ts";

export class Timers<Name extends string> {
  readonly #clock: Clock;
  /** Cancel functions. Not a `Map`: one that gains and loses entries with every telegram leaves long-lived hash tables behind. */
  readonly #running: { [name in Name]?: (() => void) | undefined } = {};
  #closed = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Starts a timer, replacing one of the same name. After `close` no timer fires. */
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
