/**
 * Telegrams of the M-Bus application layer, which know nothing of DLMS: Siemens AMIS TD-351x of Netz OÖ. From the bytes
 * behind the A field of an M-Bus frame to a telegram.
 */
import { CodecError } from "../codec-error.ts";
import { formatHex } from "../hex.ts";
import type { Proof, Telegram } from "../telegram.ts";
import { clockStatus, formatDateTime } from "../values/date-time.ts";
import { decodeRecords } from "./data-record.ts";
import { decipherRecords, decodeLongHeader } from "./long-header.ts";
import { readRecords } from "./record-registers.ts";

const AMIS = 0x4c2d;

/**
 * @param bytes from the CI field on, `5B …`
 * @param proof what the checks of the transport prove
 * @throws CodecError `malformed`, `unsupported`, `key-missing`, `key-wrong`
 */
export function decodeRecordTelegram(bytes: Uint8Array, key: Uint8Array | undefined, proof: Proof): Telegram {
  const header = decodeLongHeader(bytes);
  const plaintext = decipherRecords(bytes, header, key);
  const records = decodeRecords(plaintext, 0, plaintext.length);
  const { registers, clock, meterId, unread } = readRecords(records, plaintext, header.manufacturer);
  if (registers.length === 0) {
    const found = unread.length === 0 ? "" : `: ${unread.join(", ")}`;
    throw new CodecError("unsupported", `no record of the telegram is one of an electricity meter${found}`);
  }
  return {
    transport: "mbus",
    systemTitle: null,
    invocationCounter: null,
    security: header.encryptedLength > 0 ? "encrypted" : "none",
    proof,
    meterTime: clock && formatDateTime(clock),
    clocks: clock === null ? [] : [formatHex(clock)],
    clockStatus: clock && clockStatus(clock),
    meterId,
    layout: header.manufacturer === AMIS ? "amis" : "records",
    unread,
    registers,
  };
}
