/**
 * The supported transports, each with its scanner and assembler, found by the first byte of their frames. To add a
 * transport, add it to `TRANSPORTS`.
 */

import type { Proof, Transport } from "../telegram.ts";
import { HdlcAssembler } from "./hdlc-assembler.ts";
import { HDLC_FIRST_BYTES, type HdlcFrame, scanHdlcStream } from "./hdlc-frame.ts";
import { MbusAssembler } from "./mbus-assembler.ts";
import { type MbusFrame, scanMbusFrame } from "./mbus-frame.ts";
import { P1Assembler, type P1Frame, scanP1Telegram } from "./p1-telegram.ts";
import { RawAssembler, type RawFrame, scanRawApdu } from "./raw-apdu.ts";
import type { Assembler, Scanner } from "./scan.ts";

/** One transport. Only its scanner and assembler know its frame type. */
export interface Link {
  readonly transport: Transport;
  /** Strength of its integrity check. */
  readonly proof: Proof;
  readonly scan: Scanner<unknown>;
  readonly assembler: Assembler<unknown>;
  /** Its telegrams have no checksum: accepted only where no other transport matches the bytes. */
  readonly bare: boolean;
}

function createLink<Frame>(
  transport: Transport,
  proof: Proof,
  scan: Scanner<Frame | null>,
  assembler: Assembler<Frame>,
  bare = false,
): Link {
  return { transport, proof, scan, assembler: assembler as Assembler<unknown>, bare };
}

/** THE table of transports: the first bytes of their frames, and what makes one. */
const TRANSPORTS: readonly { readonly first: readonly number[]; readonly create: () => Link }[] = [
  {
    first: [0x68, 0x10, 0xe5],
    create: () => createLink<MbusFrame>("mbus", "sum", scanMbusFrame, new MbusAssembler()),
  },
  { first: HDLC_FIRST_BYTES, create: () => createLink<HdlcFrame>("hdlc", "crc", scanHdlcStream, new HdlcAssembler()) },
  { first: [0x2f], create: () => createLink<P1Frame>("p1", "crc", scanP1Telegram, new P1Assembler()) },
  {
    first: [0x01, 0x02, 0x0f, 0xdb, 0xdc, 0xe0, 0xe6],
    create: () => createLink<RawFrame>("raw", "none", scanRawApdu, new RawAssembler(), true),
  },
];

/** By first byte: 1 + index in `TRANSPORTS`; 0 for a byte with which no frame starts. */
const BY_FIRST_BYTE = /* @__PURE__ */ indexFirstBytes();

function indexFirstBytes(): Uint8Array {
  const index = new Uint8Array(256);
  TRANSPORTS.forEach(({ first }, n) => {
    for (const byte of first) index[byte] = n + 1;
  });
  return index;
}

/** The transports of one stream, each created when the first byte that may start its frame arrives. */
export class Links {
  readonly #links: (Link | undefined)[] = [undefined, undefined, undefined, undefined];

  /** Whether a frame of any transport can start with this byte. */
  static starts(byte: number): boolean {
    return BY_FIRST_BYTE[byte] !== 0;
  }

  /** The transport whose frames can start with this byte. */
  of(byte: number): Link | undefined {
    const n = (BY_FIRST_BYTE[byte] as number) - 1;
    if (n < 0) return undefined;
    const known = this.#links[n];
    if (known !== undefined) return known;
    const link = TRANSPORTS[n]?.create();
    this.#links[n] = link;
    return link;
  }
}
