import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { AT_ONCE, PacedQueue } from "../../../src/sinks/mqtt/paced-queue.ts";

const ids = (count: number): string[] => Array.from({ length: count }, (_, n) => `m${n}`);

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

it("handles a few meters at once", () => {
  const done: string[] = [];
  new PacedQueue(5000, (id) => done.push(id)).add(ids(AT_ONCE));
  expect(done).toEqual(ids(AT_ONCE));
});

it("spreads thousands evenly over the given time", () => {
  const done: string[] = [];
  new PacedQueue(5000, (id) => done.push(id)).add(ids(1000));
  let before = done.length;
  for (let ms = 0; ms < 5000; ms += 50) {
    vi.advanceTimersByTime(50);
    expect(done.length - before, `in the 50 ms after ${ms}`).toBeLessThanOrEqual(10);
    before = done.length;
  }
  expect(done).toEqual(ids(1000));
});

it("handles a meter added twice only once, and accepts additions during the work", () => {
  const done: string[] = [];
  const queue = new PacedQueue(5000, (id) => {
    done.push(id);
    if (id === "m0" && done.length === 1) queue.add(["late"]);
  });
  queue.add(ids(100));
  queue.add(["m99", "m98"]);
  vi.advanceTimersByTime(6000);
  expect(done).toHaveLength(101);
  expect(new Set(done).size).toBe(101);
});

it("discards pending work when cleared, and works again afterwards", () => {
  const done: string[] = [];
  const queue = new PacedQueue(5000, (id) => done.push(id));
  queue.add(ids(100));
  queue.clear();
  vi.advanceTimersByTime(10_000);
  expect(done).toEqual(ids(AT_ONCE));
  queue.add(["again"]);
  expect(done.at(-1)).toBe("again");
});

it("waits while it is busy, and goes on with everything as soon as it isn't", () => {
  const done: string[] = [];
  let room = 3;
  const act = (id: string): void => {
    done.push(id);
    room--;
  };
  const queue = new PacedQueue(50, act, () => room === 0);
  queue.add(ids(100));
  vi.advanceTimersByTime(10_000);
  expect(done).toEqual(ids(3));
  room = 50;
  vi.advanceTimersByTime(50);
  expect(done).toEqual(ids(53));
  room = 100;
  vi.advanceTimersByTime(50);
  expect(done).toEqual(ids(100));
});
