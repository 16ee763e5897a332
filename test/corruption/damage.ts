/** Damage to telegrams on a bad line, and, harder, damage that no checksum detects. Seeded. */
import type { Random } from "../../src/sources/load-profile.ts";

/** The telegram as sent, and others on the line. */
export interface Sent {
  readonly bytes: Uint8Array;
  /** The next telegram of the same meter. */
  readonly next: Uint8Array;
  /** A telegram of another meter with the same key, for two streams on one line. */
  readonly foreign: Uint8Array;
}

export type Damage = (sent: Sent, random: Random) => Uint8Array;

const below = (random: Random, limit: number): number => Math.floor(random() * limit);

/** Positions in the M-Bus frames of a telegram: start, first byte of data (after DTSAP), and checksum. */
export function framesOf(bytes: Uint8Array): { start: number; data: number; checksum: number }[] {
  const frames: { start: number; data: number; checksum: number }[] = [];
  for (let start = 0; start < bytes.length; ) {
    const length = bytes[start + 1] ?? 0;
    frames.push({ start, data: start + 9, checksum: start + 4 + length });
    start += length + 6;
  }
  return frames;
}

function flip(bytes: Uint8Array, at: number, bit: number): void {
  bytes[at] = (bytes[at] ?? 0) ^ (1 << bit);
}

/** Flips two bits of one frame without changing its checksum: the same bit in opposite directions, or bit 7 twice. */
function flipPair(bytes: Uint8Array, random: Random): void {
  const frames = framesOf(bytes);
  const frame = frames[below(random, frames.length)];
  if (frame === undefined) return;
  const place = (): number => frame.data + below(random, frame.checksum - frame.data);
  for (let attempt = 0; attempt < 1000; attempt++) {
    const [first, second, bit] = [place(), place(), below(random, 8)];
    if (first === second) continue;
    const differs = (((bytes[first] ?? 0) ^ (bytes[second] ?? 0)) >> bit) & 1;
    if (bit !== 7 && differs === 0) continue;
    flip(bytes, first, bit);
    flip(bytes, second, bit);
    return;
  }
}

/** Corrects the checksums of a telegram. */
function mend(bytes: Uint8Array): void {
  for (const { start, checksum } of framesOf(bytes)) {
    let sum = 0;
    for (let at = start + 4; at < checksum; at++) sum += bytes[at] ?? 0;
    bytes[checksum] = sum & 0xff;
  }
}

const copy = ({ bytes }: Sent): Uint8Array => Uint8Array.from(bytes);

/** Every kind of damage by name. Each changes only this telegram. */
export const DAMAGES = {
  "one bit": (sent, random) => {
    const bytes = copy(sent);
    flip(bytes, below(random, bytes.length), below(random, 8));
    return bytes;
  },
  "several bits": (sent, random) => {
    const bytes = copy(sent);
    for (let count = 2 + below(random, 4); count > 0; count--)
      flip(bytes, below(random, bytes.length), below(random, 8));
    return bytes;
  },
  "lost bytes": ({ bytes }, random) => {
    const at = below(random, bytes.length);
    return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + below(random, 4))]);
  },
  "inserted bytes": ({ bytes }, random) => {
    const at = 1 + below(random, bytes.length - 1);
    const noise = Uint8Array.from({ length: 1 + below(random, 4) }, () => below(random, 256));
    return Buffer.concat([bytes.subarray(0, at), noise, bytes.subarray(at)]);
  },
  "duplicated bytes": ({ bytes }, random) => {
    const at = 1 + below(random, bytes.length - 2);
    const end = Math.min(bytes.length - 1, at + 1 + below(random, 8));
    return Buffer.concat([bytes.subarray(0, end), bytes.subarray(at)]);
  },
  burst: (sent, random) => {
    const bytes = copy(sent);
    const at = below(random, bytes.length);
    for (let i = at; i < Math.min(bytes.length, at + 2 + below(random, 30)); i++) bytes[i] = below(random, 256);
    return bytes;
  },
  "cut short": ({ bytes }, random) => bytes.subarray(0, 1 + below(random, bytes.length - 1)),
  "late start": ({ bytes }, random) => bytes.subarray(1 + below(random, bytes.length - 1)),
  "two streams, byte by byte": ({ bytes, foreign }, random) => {
    const mixed: number[] = [];
    for (let a = 0, b = 0; a < bytes.length || b < foreign.length; ) {
      const run = 1 + below(random, 60);
      if (random() < 0.5) for (let i = 0; i < run && a < bytes.length; i++) mixed.push(bytes[a++] ?? 0);
      else for (let i = 0; i < run && b < foreign.length; i++) mixed.push(foreign[b++] ?? 0);
    }
    return Uint8Array.from(mixed);
  },
  "two streams, frame by frame": ({ bytes, foreign }) => {
    const [, ours] = framesOf(bytes);
    const [, theirs] = framesOf(foreign);
    return Buffer.concat([
      bytes.subarray(0, ours?.start),
      foreign.subarray(0, theirs?.start),
      bytes.subarray(ours?.start),
      foreign.subarray(theirs?.start),
    ]);
  },
  "a splice": ({ bytes, next }) => {
    const [, ours] = framesOf(bytes);
    const [, theirs] = framesOf(next);
    return Buffer.concat([bytes.subarray(0, ours?.start), next.subarray(theirs?.start)]);
  },
  "a pair of bits, valid checksums": (sent, random) => {
    const bytes = copy(sent);
    flipPair(bytes, random);
    return bytes;
  },
  "two pairs of bits, valid checksums": (sent, random) => {
    const bytes = copy(sent);
    flipPair(bytes, random);
    flipPair(bytes, random);
    return bytes;
  },
  "one data bit, corrected checksums": (sent, random) => {
    const bytes = copy(sent);
    const frames = framesOf(bytes);
    const frame = frames[below(random, frames.length)];
    if (frame !== undefined) flip(bytes, frame.data + below(random, frame.checksum - frame.data), below(random, 8));
    mend(bytes);
    return bytes;
  },
  "one data byte, corrected checksums": (sent, random) => {
    const bytes = copy(sent);
    const frames = framesOf(bytes);
    const frame = frames[below(random, frames.length)];
    if (frame !== undefined) bytes[frame.data + below(random, frame.checksum - frame.data)] = below(random, 256);
    mend(bytes);
    return bytes;
  },
} as const satisfies Record<string, Damage>;

export type DamageName = keyof typeof DAMAGES;

/** Damage with valid checksums: only acceptance can detect it. */
export const UNSEEN: readonly DamageName[] = [
  "a pair of bits, valid checksums",
  "two pairs of bits, valid checksums",
  "one data bit, corrected checksums",
  "one data byte, corrected checksums",
];
