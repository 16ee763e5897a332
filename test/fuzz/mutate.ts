/** Seeded mutations of a corpus. */

/** Numbers from 0 (inclusive) to 1 (exclusive), mulberry32. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}

/** Extreme lengths and counts, and the first bytes of frames and values. */
const EXTREMES = [
  0x00, 0x01, 0x02, 0x04, 0x05, 0x09, 0x0c, 0x0f, 0x10, 0x13, 0x16, 0x20, 0x21, 0x2f, 0x5b, 0x68, 0x7e, 0x7f, 0x80,
  0x81, 0x82, 0x84, 0xa0, 0xdb, 0xe0, 0xe6, 0xff,
];
const LONGEST = 1_500;

/** One to five changes: bits, bytes, extremes, pieces removed, duplicated or taken from another input; sometimes the whole repeated. */
export function mutate(random: () => number, corpus: readonly Uint8Array[]): Uint8Array {
  const below = (limit: number): number => Math.floor(random() * limit);
  const pick = <T>(list: readonly T[]): T => list[below(list.length)] as T;
  let bytes: Uint8Array = Uint8Array.from(pick(corpus));
  for (let times = 1 + below(5); times > 0; times--) {
    const at = below(bytes.length + 1);
    const length = 1 + below(16);
    const kind = below(7);
    if (kind < 3) {
      if (at === bytes.length) continue;
      const old = bytes[at] as number;
      bytes[at] = kind === 0 ? old ^ (1 << below(8)) : kind === 1 ? below(256) : pick(EXTREMES);
    } else {
      const other = pick(corpus);
      const from = below(other.length + 1);
      const middle = [
        new Uint8Array(0),
        bytes.subarray(at, at + length),
        other.subarray(from, from + length),
        new Uint8Array(length).fill(pick(EXTREMES)),
      ][kind - 3] as Uint8Array;
      const rest = bytes.subarray(kind === 3 ? at + length : at);
      const longer = new Uint8Array(at + middle.length + rest.length);
      longer.set(bytes.subarray(0, at));
      longer.set(middle, at);
      longer.set(rest, at + middle.length);
      bytes = longer;
    }
  }
  // Repetition reveals a cost that grows faster than the length.
  if (below(256) === 0 && bytes.length > 2) {
    const repeated = new Uint8Array(LONGEST);
    repeated.set(bytes.subarray(0, 2));
    for (let i = 2; i < LONGEST; i++) repeated[i] = bytes[2 + ((i - 2) % (bytes.length - 2))] as number;
    return repeated;
  }
  return bytes.subarray(0, LONGEST);
}
