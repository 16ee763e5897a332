import { type Clock, systemClock } from "./clock.ts";

/** Waits until work that has begun is done, for `limitMs` milliseconds at most. @throws whatever the work throws */
export async function waitAtMost(
  limitMs: number,
  work: Promise<unknown>,
  clock: Pick<Clock, "after"> = systemClock,
): Promise<void> {
  let cancel = (): void => undefined;
  const limit = new Promise<void>((resolve) => {
    cancel = clock.after(limitMs, resolve);
  });
  try {
    await Promise.race([work, limit]);
  } finally {
    cancel();
  }
}
