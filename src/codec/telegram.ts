/** The result of decoding: one telegram with its registers, exactly as sent by the meter. */

/** Framing on the wire: M-Bus (EN 13757-2), HDLC (IEC 62056-46), bare APDU, or P1 (DSMR). */
export type Transport = "mbus" | "hdlc" | "raw" | "p1";

/** Protection of the APDU according to its security control byte (DLMS Green Book, 9.2.7.2.4.1). */
export type Security = "none" | "encrypted" | "authenticated" | "authenticated+encrypted";

/**
 * Integrity check that the telegram passed: an 8-bit checksum (M-Bus), a CRC-16 (HDLC, P1), a verified GCM tag, or none
 * (bare APDU).
 */
export type Proof = "none" | "sum" | "crc" | "tag";

/** An exact decimal number, coefficient × 10^exponent. The coefficient is a bigint only if a number would be inexact. */
export interface Decimal {
  readonly coefficient: number | bigint;
  readonly exponent: number;
}

/** One value with its OBIS code. Order and unit are those of the telegram. */
export interface Register {
  /** Canonical OBIS code, `A-B:C.D.E*F`, for instance `1-0:1.8.0*255`. */
  readonly obis: string;
  /** A number with the scaler applied, or a text; times are in ISO 8601. */
  readonly value: Decimal | string;
  /**
   * `Wh`, `W`, `V`, `A`, `var`, `varh`, `VA`, `VAh`, `Hz`, `%`, `s`, `°` …; `null` if neither the telegram nor the
   * documented list specifies a unit.
   */
  readonly unit: string | null;
  /** Scaler from the telegram or the documented list; `null` if there is none (the value is then the unscaled number). */
  readonly scaler: number | null;
}

/** One decoded telegram. */
export interface Telegram {
  readonly transport: Transport;
  /** System title (8 bytes) as 16 upper-case hex digits; `null` if the telegram is not ciphered. */
  readonly systemTitle: string | null;
  readonly invocationCounter: number | null;
  readonly security: Security;
  readonly proof: Proof;
  /** ISO 8601 with the meter's UTC offset, or local time without suffix if it sends no offset; `null` without a time. */
  readonly meterTime: string | null;
  /**
   * Every 12-byte date-time of the telegram as sent, as 24 upper-case hex digits: the one in the data-notification header
   * first, then those in the body. The acceptance rules compare them with each other and the weekday with the date.
   */
  readonly clocks?: readonly string[];
  /** Clock status byte (Blue Book, 4.1.6.1); `null` if there is none. */
  readonly clockStatus: number | null;
  /** Meter number from 0-0:96.1.0, else the logical device name, else a number sent without OBIS code, else `null`. */
  readonly meterId: string | null;
  /**
   * Name of the recognised layout: `flat`, `nested`, `obis-pairs`, `push-list`, `array`, `descriptors`, `dsmr`, `amis`,
   * `records` (M-Bus records from other makes), or the name of a documented positional list (`KFM_001-13`).
   */
  readonly layout: string;
  /** List name sent by the meter (`Kamstrup_V0001`), or the header line of a P1 telegram. */
  readonly listName?: string | null;
  /** Meter type sent without OBIS code in a documented list (`MA304H3E`). */
  readonly meterType?: string | null;
  readonly registers: readonly Register[];
  /**
   * Contents of the telegram that yield no register, one text each: a P1 line, the DIF and VIF of an M-Bus record, or a
   * DLMS value with its OBIS code (`1-0:99.1.0*255: array of 3`). Empty or unset if there are none.
   */
  readonly unread?: readonly string[];
}
