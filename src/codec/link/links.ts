/**
 * The supported transports, each with its scanner and assembler, indexed by the first byte of their frames. To add a
 * transport, add it to `createLinks`.
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

/** Lookup table with 256 entries: the transport whose frames can start with that byte. */
export function createLinks(): (Link | undefined)[] {
  const links = new Array<Link | undefined>(256).fill(undefined);
  const mbus = createLink<MbusFrame>("mbus", "sum", scanMbusFrame, new MbusAssembler());
  for (const first of [0x68, 0x10, 0xe5]) links[first] = mbus;
  const hdlc = createLink<HdlcFrame>("hdlc", "crc", scanHdlcStream, new HdlcAssembler());
  for (const first of HDLC_FIRST_BYTES) links[first] = hdlc;
  links[0x2f] = createLink<P1Frame>("p1", "crc", scanP1Telegram, new P1Assembler());
  const raw = createLink<RawFrame>("raw", "none", scanRawApdu, new RawAssembler(), true);
  for (const first of [0x01, 0x02, 0x0f, 0xdb, 0xdc, 0xe0, 0xe6]) links[first] = raw;
  return links;
}
