/**
 * The stage after framing: decodes a complete APDU, or the body of an M-Bus record frame, into telegrams and enforces the
 * authentication tag.
 */
import { ApduDecoder } from "./apdu/apdu.ts";
import { requireTag } from "./apdu/required-tag.ts";
import { CodecError } from "./codec-error.ts";
import type { DecoderOptions } from "./decoder-event.ts";
import type { Link } from "./link/links.ts";
import type { Accepted } from "./link/scan.ts";
import { decodeRecordTelegram } from "./records/record-telegram.ts";
import type { Telegram } from "./telegram.ts";

/** What an APDU contains. One APDU may hold several telegrams, of which some may be intact and others faulty. */
export interface DecodedApdu {
  readonly telegrams: readonly Telegram[];
  /** The first fault; `null` if there is none. */
  readonly failure: CodecError | null;
  /** 16 hex digits; `null` until a general-ciphering header has been read. */
  readonly systemTitle: string | null;
}

export class TelegramDecoder {
  readonly #apdus: ApduDecoder;
  readonly #keys: DecoderOptions;

  constructor(options: DecoderOptions) {
    this.#apdus = new ApduDecoder(options, options.lists);
    this.#keys = options;
  }

  /** Decodes ahead of time; `decode` uses the result if it is called with the same APDU next. */
  prepare(link: Link, apdu: Uint8Array): void {
    this.#apdus.prepare(apdu, link.transport, link.proof);
  }

  decode(link: Link, accepted: Accepted): DecodedApdu {
    const { apdu, application, proof = link.proof } = accepted;
    const decoded: Telegram[] = [];
    let failure: CodecError | null = null;
    try {
      if (application === "records") decoded.push(decodeRecordTelegram(apdu, this.#keys.key, proof));
      else this.#apdus.decode(apdu, link.transport, proof, decoded);
    } catch (error) {
      if (!(error instanceof CodecError)) throw error;
      failure = error;
    }
    const telegrams: Telegram[] = [];
    for (const telegram of decoded) {
      try {
        // Check each telegram: a verified one does not vouch for those after it.
        requireTag(telegram, this.#keys);
        telegrams.push(telegram);
      } catch (error) {
        if (!(error instanceof CodecError)) throw error;
        failure ??= error;
      }
    }
    return { telegrams, failure, systemTitle: application === "records" ? null : this.#apdus.systemTitle };
  }
}
