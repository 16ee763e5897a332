import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { RetryDelay } from "../../src/meter/retry-delay.ts";

/** Times of the attempts during an outage that begins at `from`; each fails at once. */
function* attempts(from: number, schedule: { periodMs: number; sentAt: number } | null): Generator<number> {
  const retry = new RetryDelay();
  retry.failed(from);
  for (let at = from; ; ) {
    at += retry.delayMs(at, schedule);
    yield at;
  }
}

describe("the delay before the source is reopened", () => {
  it("grows with the outage, from one second to half a minute", () => {
    const retry = new RetryDelay();
    retry.failed(0);
    expect([0, 4_000, 16_000, 80_000, 1_000_000].map((at) => retry.delayMs(at, null))).toEqual([
      1_000, 1_000, 2_000, 10_000, 30_000,
    ]);
  });

  it("network source with a known period: the first telegram arrives within a period and 0.5 s of the server's return", () => {
    const outages = fc.oneof(fc.constantFrom(5_000, 60_000, 1_800_000), fc.integer({ min: 1_000, max: 1_900_000 }));
    fc.assert(
      fc.property(
        fc.constantFrom(1_000, 2_000, 5_000, 10_000, 15_000, 60_000, 900_000),
        fc.integer({ min: 0, max: 1_000_000 }),
        outages,
        (periodMs, lostAfter, outage) => {
          const from = 1_000_000 + lostAfter;
          const back = from + outage;
          let connected = 0;
          let previous = from;
          for (const at of attempts(from, { periodMs, sentAt: 1_000_000 })) {
            expect(at - previous).toBeGreaterThanOrEqual(1_000);
            previous = at;
            if (at < back) continue;
            connected = at;
            break;
          }
          const telegram = 1_000_000 + Math.ceil((connected - 1_000_000) / periodMs) * periodMs;
          // With a period below two seconds, the limit of one attempt a second is the longer one.
          const limit = periodMs < 2_000 ? periodMs + 1_000 : periodMs + 500;
          expect(telegram - back).toBeLessThanOrEqual(limit);
        },
      ),
      { numRuns: 2_000 },
    );
  });
});
