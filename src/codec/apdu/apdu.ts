/**
 * Decodes a complete APDU to a telegram: deciphers it, unwraps the data-notification, and reads the registers from the
 * A-XDR body (or the text of a P1 telegram).
 */

import { decodeAxdr, ScalerUnits } from "../axdr/axdr.ts";
import { readBerLength } from "../axdr/ber-length.ts";
import { ByteReader } from "../axdr/byte-reader.ts";
import { CodecError } from "../codec-error.ts";
import { formatHex } from "../hex.ts";
import { latin1Text } from "../latin1.ts";
import { parseP1 } from "../link/p1-content.ts";
import { proveText } from "../link/p1-telegram.ts";
import type { ListDefinition } from "../lists/list-definition.ts";
import { UserLists } from "../lists/position-lists.ts";
import { readBody } from "../lists/register-list.ts";
import type { Proof, Security, Telegram, Transport } from "../telegram.ts";
import { clockStatus, formatDateTime } from "../values/date-time.ts";
import { ObisNames } from "../values/obis.ts";
import {
  type CipheredApdu,
  decipher,
  decodeGeneralCiphering,
  GENERAL_DED_CIPHERING,
  GENERAL_GLO_CIPHERING,
  type Keys,
  PreparedKeys,
  securityOf,
} from "./ciphering.ts";
import { DATA_NOTIFICATION, decodeDataNotification, nextApdu } from "./data-notification.ts";

const SLASH = 0x2f;
/** Maximum number of values in one telegram; the longest list seen has 60. */
const MAX_REGISTERS = 256;

/** Metadata of an APDU that is not part of its plaintext. */
interface Envelope {
  readonly transport: Transport;
  readonly systemTitle: string | null;
  readonly invocationCounter: number | null;
  readonly security: Security;
  readonly proof: Proof;
}

/** An APDU decoded ahead of time. */
interface Prepared {
  readonly apdu: Uint8Array;
  readonly transport: Transport;
  readonly proof: Proof;
  readonly telegrams: readonly Telegram[];
  readonly failure: CodecError | null;
  readonly systemTitle: string | null;
}

/** Names of DLMS APDUs that are not push telegrams, for the error message. */
const OTHER_APDUS = new Map<number, string>([
  [0xc2, "event-notification"],
  [0xdd, "general-ciphering"],
  [0xdf, "general-signing"],
  [0xd8, "exception-response"],
]);

/** Caches shared by all decoders: they hold no state of a meter, and a thousand meters need a thousand times less memory. */
const NAMES = /* @__PURE__ */ new ObisNames();
const UNITS = /* @__PURE__ */ new ScalerUnits();

export class ApduDecoder {
  readonly #keys: PreparedKeys;
  readonly #lists: UserLists;
  readonly #title = new Uint8Array(8);
  #titleText: string | null = null;
  /** System title of the last APDU, even if decoding failed; `null` if it has none. */
  systemTitle: string | null = null;
  #prepared: Prepared | null = null;

  /** @throws RangeError if a list definition is unusable */
  constructor(keys: Keys, lists: readonly ListDefinition[] = []) {
    this.#keys = new PreparedKeys(keys);
    this.#lists = new UserLists(lists);
  }

  /** Decodes the APDU expected next and keeps the result, or the error, for `decode`. */
  prepare(apdu: Uint8Array, transport: Transport, proof: Proof): void {
    const telegrams: Telegram[] = [];
    let failure: CodecError | null = null;
    try {
      this.decode(apdu, transport, proof, telegrams);
    } catch (error) {
      if (!(error instanceof CodecError)) throw error;
      failure = error;
    }
    this.#prepared = { apdu: apdu.slice(), transport, proof, telegrams, failure, systemTitle: this.systemTitle };
  }

  /** Returns and clears the prepared result, or `null` if it belongs to another APDU. */
  #takePrepared(apdu: Uint8Array, transport: Transport, proof: Proof): Prepared | null {
    const prepared = this.#prepared;
    this.#prepared = null;
    if (prepared?.transport !== transport || prepared.proof !== proof) return null;
    return equalBytes(prepared.apdu, apdu) ? prepared : null;
  }

  /**
   * Decodes the APDUs of one frame. Usually there is one; Landis+Gyr E450 meters (Switzerland) send several
   * notifications in one frame, each with its own LLC header.
   * @param proof strength of the transport's integrity check
   * @param telegrams receives the decoded telegrams, so that those before a faulty APDU are not lost
   * @returns `telegrams`
   * @throws CodecError with any code except `framing` and `segmentation`; `checksum` only for a ciphered P1 text
   */
  decode(apdu: Uint8Array, transport: Transport, proof: Proof, telegrams: Telegram[] = []): readonly Telegram[] {
    const prepared = this.#takePrepared(apdu, transport, proof);
    if (prepared !== null) {
      this.systemTitle = prepared.systemTitle;
      telegrams.push(...prepared.telegrams);
      if (prepared.failure !== null) throw prepared.failure;
      return telegrams;
    }
    this.systemTitle = null;
    for (let rest = apdu; rest.length > 0 || rest === apdu; ) {
      const length = cipheredLength(rest);
      if (length > 0) {
        this.#decodeCiphered(length === rest.length ? rest : rest.subarray(0, length), transport, proof, telegrams);
        if (length === rest.length) break;
        rest = rest.subarray(nextApdu(rest, length) ?? rest.length);
      } else {
        const plain = { transport, systemTitle: null, invocationCounter: null, security: "none", proof } as const;
        rest = rest.subarray(this.#decodePlaintext(rest, plain, telegrams));
      }
    }
    return telegrams;
  }

  #decodeCiphered(apdu: Uint8Array, transport: Transport, proof: Proof, telegrams: Telegram[]): void {
    const message = decodeGeneralCiphering(apdu);
    this.systemTitle = this.#titleOf(message);
    const { plaintext, verified } = decipher(message, this.#keys, looksRight);
    const envelope = {
      transport,
      systemTitle: this.systemTitle,
      invocationCounter: message.invocationCounter,
      security: securityOf(message.securityControl),
      proof: verified ? "tag" : proof,
    } as const;
    for (let at = 0; at < plaintext.length || at === 0; ) {
      at += this.#decodePlaintext(at === 0 ? plaintext : plaintext.subarray(at), envelope, telegrams);
    }
  }

  /** Decodes the first APDU. @returns the offset of the next one, or the length of the plaintext if there is none */
  #decodePlaintext(plaintext: Uint8Array, envelope: Envelope, telegrams: Telegram[]): number {
    const tag = plaintext[0];
    if (tag === DATA_NOTIFICATION) {
      const { dateTimeAt, body, end } = decodeDataNotification(plaintext, UNITS);
      telegrams.push(this.#telegram(plaintext, dateTimeAt, readBody(body, plaintext, NAMES, this.#lists), envelope));
      return end;
    }
    if (tag === SLASH) telegrams.push(checked(decodeText(plaintext, envelope)));
    else if (tag === 0x01 || tag === 0x02) telegrams.push(this.#decodeBare(plaintext, envelope));
    else if (tag === undefined) throw new CodecError("malformed", "the APDU is empty");
    else if (envelope.security !== "none") {
      throw new CodecError("malformed", `the deciphered APDU begins with ${tag}, not with ${DATA_NOTIFICATION}`);
    } else
      throw new CodecError("unsupported", `APDU ${OTHER_APDUS.get(tag) ?? `with tag ${tag}`} is not a push telegram`);
    return plaintext.length;
  }

  /** Decodes a body without the data-notification header, as logged by some programs. */
  #decodeBare(plaintext: Uint8Array, envelope: Envelope): Telegram {
    const reader = new ByteReader(plaintext);
    const body = decodeAxdr(reader);
    if (reader.pos !== reader.end) {
      throw new CodecError(
        "malformed",
        `${reader.end - reader.pos} bytes are left over after the body of the telegram`,
      );
    }
    return this.#telegram(plaintext, -1, readBody(body, plaintext, NAMES, this.#lists), envelope);
  }

  #telegram(bytes: Uint8Array, headerClock: number, body: ReturnType<typeof readBody>, envelope: Envelope): Telegram {
    const clocks: string[] = [];
    let clock = -1;
    let meterTime: string | null = null;
    if (headerClock >= 0) {
      clocks.push(formatHex(bytes, headerClock, headerClock + 12));
      meterTime = formatDateTime(bytes, headerClock);
      if (meterTime !== null) clock = headerClock;
    }
    for (const at of body.clocks) {
      const same = headerClock >= 0 && sameBytes(bytes, at, headerClock, 12);
      clocks.push(same ? (clocks[0] as string) : formatHex(bytes, at, at + 12));
      if (clock >= 0) continue;
      clock = at;
      meterTime = formatDateTime(bytes, at);
    }
    return checked({
      transport: envelope.transport,
      systemTitle: envelope.systemTitle,
      invocationCounter: envelope.invocationCounter,
      security: envelope.security,
      proof: envelope.proof,
      meterTime,
      clockStatus: clock < 0 ? null : clockStatus(bytes, clock),
      clocks,
      meterId: body.meterId,
      layout: body.layout,
      listName: body.listName,
      meterType: body.meterType,
      registers: body.registers,
      unread: body.unread,
    });
  }

  /** System title as hex text, formatted only when it changes. */
  #titleOf({ apdu, titleAt }: CipheredApdu): string | null {
    if (titleAt < 0) return null;
    for (let i = 0; i < 8; i++) {
      if (this.#title[i] !== apdu[titleAt + i] || this.#titleText === null) {
        this.#title.set(apdu.subarray(titleAt, titleAt + 8));
        this.#titleText = formatHex(this.#title);
        break;
      }
    }
    return this.#titleText;
  }
}

/** @throws CodecError `malformed` if the telegram has more values than any meter sends */
function checked(telegram: Telegram): Telegram {
  const count = telegram.registers.length;
  if (count <= MAX_REGISTERS) return telegram;
  throw new CodecError("malformed", `${count} values in one telegram; the maximum is ${MAX_REGISTERS}`);
}

function decodeText(plaintext: Uint8Array, envelope: Envelope): Telegram {
  const { unread, ...content } = parseP1(latin1Text(plaintext));
  const unproven = envelope.security !== "none" && envelope.proof === "none";
  const proof = unproven ? proveText(plaintext) : envelope.proof;
  const rest = unread.length === 0 ? {} : { unread };
  return { ...envelope, proof, transport: "p1", layout: "dsmr", ...content, ...rest };
}

/**
 * Whether the plaintext looks like a telegram rather than noise. The first bytes of a data-notification are largely
 * predictable (`0F … 0C 07 …`). They are checked independently, so that one corrupted byte does not look like a wrong
 * key; decoding (or the tag) then reports the corruption. About one in 2000 random plaintexts passes.
 */
export function looksRight(plaintext: Uint8Array): boolean {
  if (plaintext[0] === SLASH) {
    for (let i = 1; i < 6; i++) {
      const byte = plaintext[i] as number;
      if (!(byte >= 0x20 && byte < 0x7f)) return false;
    }
    return true;
  }
  const form = plaintext[5];
  const next = plaintext[6];
  let evidence = plaintext[0] === DATA_NOTIFICATION ? 1 : 0;
  if (form === 0x0c || form === 0x00 || form === 0x09 || form === 0x19) evidence++;
  // High byte of the year, length of a tagged date-time, or the body if there is no date-time.
  if (next === 0x07 || (form === 0x09 && next === 0x0c) || (form === 0x00 && isContainerTag(next))) evidence++;
  // Body after an untagged or tagged date-time.
  if (isContainerTag(plaintext[18]) || (form === 0x09 && isContainerTag(plaintext[19]))) evidence++;
  return evidence >= 2 || isBareBody(plaintext);
}

function isContainerTag(byte: number | undefined): boolean {
  return byte === 0x01 || byte === 0x02;
}

/** Whether the plaintext is exactly one A-XDR value, which is practically impossible by chance. */
function isBareBody(plaintext: Uint8Array): boolean {
  if (plaintext[0] !== 0x02 && plaintext[0] !== 0x01) return false;
  try {
    const reader = new ByteReader(plaintext);
    decodeAxdr(reader);
    return reader.pos === reader.end && plaintext.length >= 8;
  } catch (error) {
    if (error instanceof CodecError) return false;
    throw error;
  }
}

/** Length of the ciphered APDU at the start; all bytes if its length field is wrong, 0 if the APDU is not ciphered. */
function cipheredLength(bytes: Uint8Array): number {
  if (bytes[0] !== GENERAL_GLO_CIPHERING && bytes[0] !== GENERAL_DED_CIPHERING) return 0;
  const length = readBerLength(bytes, 2 + (bytes[1] as number));
  const end = length === undefined ? bytes.length : length[1] + length[0];
  return nextApdu(bytes, end) === null ? bytes.length : end;
}

function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

function sameBytes(bytes: Uint8Array, a: number, b: number, count: number): boolean {
  for (let i = 0; i < count; i++) if (bytes[a + i] !== bytes[b + i]) return false;
  return true;
}
