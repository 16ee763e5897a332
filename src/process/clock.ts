/** Time as an argument: tests hand in their own. */
export interface Clock {
  /** Milliseconds that only ever grow, whatever happens to the wall clock. */
  now(): number;
  /** Milliseconds since 1970, as people read them; may jump. */
  wall(): number;
  /** Calls once after so many milliseconds; the result calls it off. */
  after(ms: number, act: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  after: (ms, act) => {
    const timer = setTimeout(act, ms);
    return () => clearTimeout(timer);
  },
};
