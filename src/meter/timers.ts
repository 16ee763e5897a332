/** Named timers: at most one per name; `close` cancels them all. */
import type { Clock } from "../process/clock.ts";

interface Running {
  readonly cancel: () => void;
  /** When the clock calls back, monotonic milliseconds. */
  readonly firesAt: number;
  /** When `act` is due: not before `firesAt`, later if it has been scheduled again in the meantime. */
  due: number;
  act: () => void;
}

export class Timers<Name extends string> {
  readonly #clock: Clock;
  /** Not a `Map`: one that gains and loses entries with every telegram leaves long-lived hash tables behind. */
  readonly #running: { [name in Name]?: Running | undefined } = {};
  #closed = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Starts a timer, replacing one of the same name. After `close` no timer fires. A timer that is postponed keeps running
   * and waits for the rest when it fires: one that every telegram postpones costs nothing but then.
   */
  schedule(name: Name, ms: number, act: () => void): void {
    if (this.#closed) return;
    const due = this.#clock.now() + ms;
    const running = this.#running[name];
    if (running !== undefined && running.firesAt <= due) {
      running.due = due;
      running.act = act;
    } else {
      running?.cancel();
      this.#start(name, ms, due, act);
    }
  }

  cancel(name: Name): void {
    this.#running[name]?.cancel();
    this.#running[name] = undefined;
  }

  close(): void {
    this.#closed = true;
    for (const name in this.#running) this.cancel(name);
  }

  #start(name: Name, ms: number, due: number, act: () => void): void {
    const cancel = this.#clock.after(ms, () => this.#fired(name));
    this.#running[name] = { cancel, firesAt: due, due, act };
  }

  #fired(name: Name): void {
    const running = this.#running[name];
    if (running === undefined) return;
    const { firesAt, due, act } = running;
    this.#running[name] = undefined;
    if (due > firesAt) {
      // Node's timers may fire a fraction of a millisecond early.
      const rest = Math.max(1, due - this.#clock.now());
      this.#start(name, rest, due, act);
    } else act();
  }
}
