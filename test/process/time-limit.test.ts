import { describe, expect, it } from "vitest";
import { waitAtMost } from "../../src/process/time-limit.ts";
import { FakeClock } from "../helpers/fake-clock.ts";

describe("waiting with a time limit", () => {
  const never = new Promise<void>(() => undefined);

  it("ends when the work is done, and leaves no timer behind", async () => {
    const clock = new FakeClock();
    await waitAtMost(1_000, Promise.resolve(), clock);
    expect(clock.pending).toBe(0);
  });

  it("ends at the limit if the work does not", async () => {
    const clock = new FakeClock();
    let ended = false;
    const waiting = waitAtMost(1_000, never, clock).then(() => {
      ended = true;
    });
    await clock.pass(999);
    expect(ended).toBe(false);
    await clock.pass(1);
    await waiting;
    expect(ended).toBe(true);
  });

  it("passes on what the work throws", async () => {
    await expect(waitAtMost(1_000, Promise.reject(new Error("broken")), new FakeClock())).rejects.toThrow("broken");
  });
});
