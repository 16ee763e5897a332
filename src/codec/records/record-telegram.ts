/**
 * Telegrams of the M-Bus application layer without DLMS: Siemens AMIS TD-351x at Netz OÖ. Decodes the bytes after the
 * A field of an M-Bus frame.
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
 * Unknown records are accepted only alongside at least this many registers; the documented telegram has 9. A corrupted
 * ciphertext byte garbles a 16-byte block; if the result still parses, fewer registers remain.
 */
const ENOUGH_REGISTERS = 8;

/**
 * @param bytes starting with the CI field, `5B …`
 * @param proof integrity proven by the checks of the transport layer
 * @throws CodecError `malformed`, `unsupported`, `key-missing`, `key-wrong`
 */
export function decodeRecordTelegram(bytes: Uint8Array, key: Uint8Array | undefined, proof: Proof): Telegram {
  const header = decodeLongHeader(bytes);
  const plaintext = decipherRecords(bytes, header, key);
  const encrypted = header.encryptedLength > 0;
  // The 2F 2F markers at both ends of the encrypted part do not belong to any record.
  const [start, end] =
    encrypted && header.encryptedLength === plaintext.length ? [2, plaintext.length - 2] : [0, plaintext.length];
  const records = decodeRecords(plaintext, start, end, !encrypted);
  const { registers, clock, meterId, unread } = readRecords(records, plaintext, header.manufacturer);
  if (registers.length === 0) {
    const found = unread.length === 0 ? "" : `: ${unread.join(", ")}`;
    throw new CodecError("unsupported", `no record of the telegram belongs to an electricity meter${found}`);
  }
  if (unread.length > 0 && registers.length < ENOUGH_REGISTERS) {
    throw new CodecError("malformed", `only ${registers.length} known records; unknown: ${unread.join(", ")}`);
  }
  return {
    transport: "mbus",
    systemTitle: null,
    invocationCounter: null,
    security: encrypted ? "encrypted" : "none",
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
