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
 * So many registers make records that are not known credible; the documented telegram has 9. A changed byte of the
 * ciphertext garbles a block of 16 bytes, and what then still parses leaves fewer than that.
 */
const ENOUGH_REGISTERS = 8;

/**
 * @param bytes from the CI field on, `5B …`
 * @param proof what the checks of the transport prove
 * @throws CodecError `malformed`, `unsupported`, `key-missing`, `key-wrong`
 */
export function decodeRecordTelegram(bytes: Uint8Array, key: Uint8Array | undefined, proof: Proof): Telegram {
  const header = decodeLongHeader(bytes);
  const plaintext = decipherRecords(bytes, header, key);
  const encrypted = header.encryptedLength > 0;
  // The marks at both ends of the encrypted part are not part of any record.
  const [start, end] =
    encrypted && header.encryptedLength === plaintext.length ? [2, plaintext.length - 2] : [0, plaintext.length];
  const records = decodeRecords(plaintext, start, end, !encrypted);
  const { registers, clock, meterId, unread } = readRecords(records, plaintext, header.manufacturer);
  if (registers.length === 0) {
    const found = unread.length === 0 ? "" : `: ${unread.join(", ")}`;
    throw new CodecError("unsupported", `no record of the telegram is one of an electricity meter${found}`);
  }
  if (unread.length > 0 && registers.length < ENOUGH_REGISTERS) {
    throw new CodecError("malformed", `only ${registers.length} records are known beside ${unread.join(", ")}`);
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
