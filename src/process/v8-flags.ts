/**
 * V8's settings, for a process that has little to do and shall be small: one telegram every few seconds, or thousands of
 * meters. What each flag saves: docs/benchmarks.md.
 */
import { setFlagsFromString } from "node:v8";

/** With this many meters, the code runs often enough to make V8's optimizing compiler worthwhile. */
const MANY_METERS = 100;

/**
 * For the bridge, before its modules are loaded: the optimizing compiler, once it has run, stays in memory (4 MB).
 *
 * At one telegram every few seconds, it (6 MB in all) and the idle-time garbage collection (a third of our CPU time) cost
 * more than they save, and the young generation need not grow.
 */
export function runSmall(): void {
  setFlagsFromString("--no-opt");
  // A megabyte is collected faster than threads are woken.
  setFlagsFromString("--no-parallel-scavenge");
  setFlagsFromString("--semi-space-growth-factor=1");
  setFlagsFromString("--no-memory-reducer");
}

/** Once the configuration is known. @param polled whether clients poll an output, perhaps hundreds of times a second */
export function adaptToLoad(meters: number, polled: boolean): void {
  const many = meters >= MANY_METERS;
  if (many || polled) setFlagsFromString("--opt");
  // V8 lets the heap grow to three times what is in use before it collects; with many meters, that is most of the memory.
  if (many) setFlagsFromString("--heap-growing-percent=30");
}
