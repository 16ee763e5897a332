/** Many executions of one target, for scripts/fuzz.mjs: what failed, and what a byte cost. */
import { takeCost } from "./codec-targets.ts";
import { mutate, seeded } from "./mutate.ts";

/** Most that a byte fed may cost, and what an execution may cost besides (the compiler, the garbage of others). */
const US_PER_BYTE = 10;
const ALLOWED_MS = 0.5;
/** One expensive execution says little on a machine that does other things: the cheapest of so many counts. */
const ATTEMPTS = 100;
/** After so many failures it is clear enough. */
const MOST_FAILURES = 20;

export interface FuzzResult {
  readonly executions: number;
  readonly bytes: number;
  /** On average, with all that disturbs. */
  readonly usPerByte: number;
  /** Each with its input in hex. */
  readonly failures: readonly string[];
}

/** @param corpus what is mutated; at least one input */
export function execute(
  target: (input: Uint8Array) => void,
  corpus: readonly Uint8Array[],
  executions: number,
  seed: number,
): FuzzResult {
  const random = seeded(seed);
  const failures: string[] = [];
  let ms = 0;
  let bytes = 0;
  let done = 0;
  takeCost();
  for (; done < executions && failures.length < MOST_FAILURES; done++) {
    const input = mutate(random, corpus);
    try {
      target(input);
      const cost = takeCost();
      ms += cost.ms;
      bytes += cost.bytes;
      if (isExpensive(cost) && isAlwaysExpensive(target, input)) throw new Error(`more than ${US_PER_BYTE} µs a byte`);
    } catch (error) {
      takeCost();
      const what =
        error instanceof Error ? (error.stack ?? error.message).split("\n").slice(0, 4).join(" | ") : `${error}`;
      failures.push(`${what}: ${Buffer.from(input).toString("hex")}`);
    }
  }
  return { executions: done, bytes, usPerByte: (ms * 1000) / Math.max(1, bytes), failures };
}

function isExpensive({ ms, bytes }: { readonly ms: number; readonly bytes: number }): boolean {
  return ms > ALLOWED_MS + (bytes * US_PER_BYTE) / 1000;
}

function isAlwaysExpensive(target: (input: Uint8Array) => void, input: Uint8Array): boolean {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    target(input);
    if (!isExpensive(takeCost())) return false;
  }
  return true;
}
