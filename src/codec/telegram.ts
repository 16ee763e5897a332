/** What the codec hands out: one telegram with its registers, exactly as the meter sent them. */

/** How the bytes are framed on the wire: M-Bus (EN 13757-2), HDLC (IEC 62056-46), a bare APDU, or P1 (DSMR). */
export type Transport = "mbus" | "hdlc" | "raw" | "p1";

/** Ciphering of the APDU as its security control byte says (DLMS Green Book, 9.2.7.2.4.1). */
export type Security = "none" | "encrypted" | "authenticated" | "authenticated+encrypted";

/**
 * What proves that the bytes are those that the meter sent: an 8-bit sum (M-Bus), a CRC-16 (HDLC, P1), a verified GCM
 * tag, or nothing (a bare APDU).
 */
export type Proof = "none" | "sum" | "crc" | "tag";

/** An exact decimal number, coefficient × 10^exponent. A bigint only where a number would not be exact. */
export interface Decimal {
  readonly coefficient: number | bigint;
  readonly exponent: number;
}

/** One value under its OBIS code, in the order and the unit of the telegram. */
export interface Register {
  /** Canonical OBIS code, `A-B:C.D.E*F`, for instance `1-0:1.8.0*255`. */
  readonly obis: string;
  /** Number with the scaler applied; or a text; times are ISO 8601 texts. */
  readonly value: Decimal | string;
  /** `Wh`, `W`, `V`, `A`, `var`, `varh`, `VA`, `VAh`, `Hz`, `%`, `s`, `°` …; `null` where neither the telegram nor the documented list names one. */
  readonly unit: string | null;
  /** The scaler of the telegram or of the documented list; `null` where there is none (the value is then the bare number). */
  readonly scaler: number | null;
}

/** One decoded telegram. */
export interface Telegram {
  readonly transport: Transport;
  /** 8 bytes as 16 upper-case hex digits; `null` if the telegram is not ciphered. */
  readonly systemTitle: string | null;
  readonly invocationCounter: number | null;
  readonly security: Security;
  readonly proof: Proof;
  /** ISO 8601 with the offset that the meter sends; without one, local time with no suffix; `null` if there is none. */
  readonly meterTime: string | null;
  /**
   * Every 12-byte clock of the telegram as sent, 24 upper-case hex digits each: that of the data-notification header
   * first, then those of the body. Acceptance compares them with each other and the weekday with the date.
   */
  readonly clocks?: readonly string[];
  /** Clock status byte (Blue Book, 4.1.6.1), `null` if there is none. */
  readonly clockStatus: number | null;
  /** The meter's number as the telegram gives it (0-0:96.1.0, else logical device name, else the unlabelled number), else `null`. */
  readonly meterId: string | null;
  /** Name of the recognised layout: `flat`, `nested`, `obis-pairs`, `push-list`, `array`, `descriptors`, `dsmr`, `amis`, `records` (M-Bus records of another make), or the name of a documented position list (`KFM_001-13`). */
  readonly layout: string;
  /** The name that the list bears on the wire (`Kamstrup_V0001`), or the head of a P1 telegram. */
  readonly listName?: string | null;
  /** The type of the meter as a documented list gives it without a code (`MA304H3E`). */
  readonly meterType?: string | null;
  readonly registers: readonly Register[];
  /**
   * What stands in the telegram and gives no register, one text each: a P1 line, the DIF and VIF of an M-Bus record, a
   * DLMS value with its code (`1-0:99.1.0*255: array of 3`). Empty or unset where there is none.
   */
  readonly unread?: readonly string[];
}
