/** The codec for programmers: `import { … } from "kaifa2mqtt/codec"`; docs/codec.md shows how. */
export { type AxdrValue, encodeAxdr } from "./axdr-encoder.ts";
export { type CipheringOptions, encodeGeneralCiphering } from "./ciphering.ts";
export { CodecError, type CodecErrorCode } from "./codec-error.ts";
export { encodeDataNotification } from "./data-notification.ts";
export { type DateTimeFields, encodeDateTime } from "./date-time.ts";
export { decimalToNumber, formatDecimal } from "./decimal.ts";
export { createDecoder, type Decoder, type DecoderEvent, type DecoderOptions, decodeTelegrams } from "./decoder.ts";
export { encodeHdlcFrame, type HdlcHeader } from "./hdlc-frame.ts";
export { formatHex, parseHex } from "./hex.ts";
export { encodeMbusFrames, type MbusOptions } from "./mbus-frame.ts";
export { parseObis } from "./obis.ts";
export type { Decimal, Proof, Register, Security, Telegram, Transport } from "./telegram.ts";
