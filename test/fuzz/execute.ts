/** Executes one target many times, for scripts/fuzz.mjs: failures, and cost per byte. */
import { takeCost } from "./codec-targets.ts";
import { mutate, seeded } from "./mutate.ts";

/** Maximum cost per byte fed, plus a fixed allowance per execution (compilation, garbage collection). */
const US_PER_BYTE = 10;
const ALLOWED_MS = 0.5;
/** A single expensive execution proves little on a busy machine: the cheapest of this many counts. */
const ATTEMPTS = 100;
/** Stop after this many failures. */
const MOST_FAILURES = 20;

export interface FuzzResult {
  readonly executions: number;
  readonly bytes: number;
  /** On average, including disturbances. */
  readonly usPerByte: number;
  /** Each with its input in hex. */
  readonly failures: readonly string[];
}

/** @param corpus inputs to mutate, at least one */
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
