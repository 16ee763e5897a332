/**
 * Checksums of P1 telegrams. DSMR specifies CRC-16/ARC over `/` to `!`; Hungarian meters (Holley DTSD545) use
 * CRC-16/X-25 over the same bytes. All are 16-bit CRCs from the catalogue of parametrised CRC algorithms.
 *
 * A match with a CRC other than the meter's known one is weak evidence: with five algorithms tried, a chance match is
 * five times as likely. The first such telegram is therefore rejected, and the meter's CRC changes only when a second
 * telegram matches the same one. After that only the new CRC is accepted, so the check never drops below 16 bits.
 */

const LF = 0x0a;
const CR = 0x0d;

/** Parameters as in the catalogue: polynomial (bit-reversed if `reflected`), initial value, final XOR. */
interface Crc {
  readonly name: string;
  readonly reflected: boolean;
  readonly start: number;
  readonly xor: number;
  readonly table: Uint16Array;
}

function crc(name: string, polynomial: number, reflected: boolean, start: number, xor: number): Crc {
  const table = new Uint16Array(256);
  for (let byte = 0; byte < 256; byte++) {
    let value = reflected ? byte : byte << 8;
    for (let bit = 0; bit < 8; bit++) {
      if (reflected) value = value & 1 ? (value >> 1) ^ polynomial : value >> 1;
      else value = value & 0x8000 ? ((value << 1) ^ polynomial) & 0xffff : value << 1;
    }
    table[byte] = value;
  }
  return { name, reflected, start, xor, table };
}

const ARC = /* @__PURE__ */ crc("CRC-16/ARC", 0xa001, true, 0, 0);
/** Tried in this order if CRC-16/ARC does not match. */
const OTHERS: readonly Crc[] = /* @__PURE__ */ [
  crc("CRC-16/X-25", 0x8408, true, 0xffff, 0xffff),
  crc("CRC-16/MODBUS", 0xa001, true, 0xffff, 0),
  crc("CRC-16/KERMIT", 0x8408, true, 0, 0),
  crc("CRC-16/CCITT-FALSE", 0x1021, false, 0xffff, 0),
];

/** The CRC that DSMR specifies. */
export const STANDARD_CHECK = ARC.name;

function compute(
  { reflected, start, xor, table }: Crc,
  bytes: Uint8Array,
  from: number,
  to: number,
  restoreLineEnds: boolean,
): number {
  let value = start;
  if (!restoreLineEnds && reflected) {
    // Checks every P1 telegram and encodes those of outputs.p1, so it avoids a call per byte.
    for (let i = from; i < to; i++) value = (value >> 8) ^ (table[(value ^ (bytes[i] as number)) & 0xff] as number);
    return value ^ xor;
  }
  let before = 0;
  const take = (byte: number): void => {
    value = reflected
      ? (value >> 8) ^ (table[(value ^ byte) & 0xff] as number)
      : ((value << 8) & 0xffff) ^ (table[((value >> 8) ^ byte) & 0xff] as number);
  };
  for (let i = from; i < to; i++) {
    const byte = bytes[i] as number;
    if (restoreLineEnds && byte === LF && before !== CR) take(CR);
    take(byte);
    before = byte;
  }
  return value ^ xor;
}

/** CRC-16/ARC of `bytes[start … end-1]`; with `restoreLineEnds`, each bare LF counts as CR LF. */
export function crcP1(bytes: Uint8Array, start = 0, end = bytes.length, restoreLineEnds = false): number {
  return compute(ARC, bytes, start, end, restoreLineEnds);
}

/** A P1 checksum algorithm and its handling of line endings. */
export interface P1Check {
  /** Name in the catalogue, for instance `CRC-16/ARC`. */
  readonly name: string;
  /** Computes the checksum of `bytes[start … end-1]`. */
  compute(bytes: Uint8Array, start: number, end: number): number;
}

const CHECKS: readonly P1Check[] = /* @__PURE__ */ [ARC, ...OTHERS].flatMap((each) =>
  [false, true].map((restoreLineEnds) => ({
    name: each.name,
    compute: (bytes: Uint8Array, start: number, end: number) => compute(each, bytes, start, end, restoreLineEnds),
  })),
);

/** The checksum algorithm that yields `claimed`, even if CR LF was converted to LF; `null` if none does. */
export function checkThatFits(bytes: Uint8Array, start: number, end: number, claimed: number): P1Check | null {
  return CHECKS.find((check) => check.compute(bytes, start, end) === claimed) ?? null;
}

/** Maximum number of meters remembered; more than share one line. */
const MAX_METERS = 8;

/** The checksum algorithm of each meter, keyed by the telegram's header line. */
export class KnownChecks {
  readonly #meters = new Map<string, { check: string; candidate: string | null }>();

  /** Whether to accept a telegram with this header line that matches `check`. */
  accepts(head: string, check: string): boolean {
    const known = this.#meters.get(head) ?? { check: STANDARD_CHECK, candidate: null };
    if (known.check !== check && known.candidate !== check) {
      this.#remember(head, { check: known.check, candidate: check });
      return false;
    }
    if (known.check !== check || known.candidate !== null) this.#remember(head, { check, candidate: null });
    return true;
  }

  #remember(head: string, known: { check: string; candidate: string | null }): void {
    this.#meters.delete(head);
    this.#meters.set(head, known);
    if (this.#meters.size > MAX_METERS) this.#meters.delete(this.#meters.keys().next().value as string);
  }
}
