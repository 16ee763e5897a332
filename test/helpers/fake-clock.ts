/** A clock that stands still until it is told otherwise, and lets everything that waits run when it moves. */
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
      this.#timers = this.#timers.filter((one) => one !== timer);
    };
  }

  /** How many timers are waiting. */
  get pending(): number {
    return this.#timers.length;
  }

  /** The wall clock is set; the time that passes is not touched by it. */
  jump(ms: number): void {
    this.#wall += ms;
  }

  /** Time passes; timers go off in their order, and whatever awaits them has run when this resolves. */
  async pass(ms: number): Promise<void> {
    const end = this.#now + ms;
    await flushPromises();
    for (;;) {
      const next = this.#timers.toSorted((a, b) => a.at - b.at || a.order - b.order)[0];
      if (next === undefined || next.at > end) break;
      this.#move(next.at);
      this.#timers = this.#timers.filter((one) => one !== next);
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

/** Lets promises that can resolve do so. */
export async function flushPromises(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
}
