/** A clock that advances only when a test says so, and then runs the timers that are due. */
import type { Clock } from "../../src/process/clock.ts";

interface Timer {
  readonly at: number;
  readonly order: number;
  readonly act: () => void;
}

export class FakeClock implements Clock {
  #now = 1000;
  #wall = Date.UTC(2026, 0, 1);
  #timers: Timer[] = [];
  #order = 0;

  now(): number {
    return this.#now;
  }

  wall(): number {
    return this.#wall;
  }

  after(ms: number, act: () => void): () => void {
    const timer = { at: this.#now + ms, order: this.#order++, act };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  /** Number of pending timers. */
  get pending(): number {
    return this.#timers.length;
  }

  /** Sets the wall clock; the monotonic time is not affected. */
  jump(ms: number): void {
    this.#wall += ms;
  }

  /** Lets time pass. Due timers fire in order; resolves after everything that awaits them has run. */
  async pass(ms: number): Promise<void> {
    const end = this.#now + ms;
    await flushPromises();
    for (;;) {
      const next = this.#timers.toSorted((a, b) => a.at - b.at || a.order - b.order)[0];
      if (next === undefined || next.at > end) break;
      this.#move(next.at);
      this.#timers = this.#timers.filter((other) => other !== next);
      next.act();
      await flushPromises();
    }
    this.#move(end);
    await flushPromises();
  }

  #move(to: number): void {
    this.#wall += Math.max(0, to - this.#now);
    this.#now = Math.max(this.#now, to);
  }
}

/** Runs all promise callbacks that are ready. */
export async function flushPromises(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
}
