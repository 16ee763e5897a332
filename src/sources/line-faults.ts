/** Simulated transmission errors, for tests and demonstrations. The caller supplies a seeded random generator. */
import type { Random } from "./load-profile.ts";

const at = (random: Random, length: number): number => Math.min(length - 1, Math.floor(random() * length));

const noise = (random: Random, length: number): Uint8Array =>
  Uint8Array.from({ length }, () => Math.floor(random() * 256));

/** All fault types by name. Each corrupts the telegram, except `noise`, which precedes it. */
export const LINE_FAULTS = {
  /** Flips one bit. */
  flip: (bytes: Uint8Array, random: Random): Uint8Array => {
    const result = Uint8Array.from(bytes);
    const index = at(random, bytes.length);
    result[index] = (result[index] ?? 0) ^ (1 << Math.floor(random() * 8));
    return result;
  },
  /** Drops one byte. */
  lose: (bytes: Uint8Array, random: Random): Uint8Array => {
    const index = at(random, bytes.length);
    return Buffer.concat([bytes.subarray(0, index), bytes.subarray(index + 1)]);
  },
  /** Inserts a random byte. */
  insert: (bytes: Uint8Array, random: Random): Uint8Array => {
    const index = at(random, bytes.length);
    return Buffer.concat([bytes.subarray(0, index), noise(random, 1), bytes.subarray(index)]);
  },
  /** Corrupts a burst of bytes. */
  burst: (bytes: Uint8Array, random: Random): Uint8Array => {
    const result = Uint8Array.from(bytes);
    const length = 2 + Math.floor(random() * 10);
    const index = at(random, Math.max(1, bytes.length - length));
    for (let i = index; i < Math.min(index + length, result.length); i++) result[i] = (result[i] ?? 0) ^ 0x5a;
    return result;
  },
  /** Truncates the telegram. */
  cut: (bytes: Uint8Array, random: Random): Uint8Array => bytes.subarray(0, 1 + at(random, bytes.length - 1)),
  /** Adds random bytes before an intact telegram. */
  noise: (bytes: Uint8Array, random: Random): Uint8Array =>
    Buffer.concat([noise(random, 1 + Math.floor(random() * 40)), bytes]),
} as const satisfies Record<string, (bytes: Uint8Array, random: Random) => Uint8Array>;

export type LineFault = keyof typeof LINE_FAULTS;

/** Parses `flip,cut` or `all`. @throws RangeError for an unknown name */
export function parseLineFaults(text: string): LineFault[] {
  const names = Object.keys(LINE_FAULTS) as LineFault[];
  if (text === "all") return names;
  return text.split(",").map((name) => {
    const found = names.find((one) => one === name.trim());
    if (found === undefined)
      throw new RangeError(`unknown fault ${JSON.stringify(name)}; there are ${names.join(", ")}`);
    return found;
  });
}
