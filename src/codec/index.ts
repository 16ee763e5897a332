/** Public API of the codec: `import { … } from "kaifa2mqtt/codec"`; see docs/codec.md. */

export { type CipheringOptions, encodeGeneralCiphering } from "./apdu/ciphering.ts";
export { encodeDataNotification } from "./apdu/data-notification.ts";
export { type AxdrValue, encodeAxdr } from "./axdr/axdr-encoder.ts";
export { CodecError, type CodecErrorCode } from "./codec-error.ts";
export { createDecoder, decodeTelegrams } from "./decoder.ts";
export type { Decoder, DecoderEvent, DecoderOptions } from "./decoder-event.ts";
export { formatHex, parseHex } from "./hex.ts";
export { encodeHdlcFrame, type HdlcHeader } from "./link/hdlc-frame.ts";
export { encodeMbusFrames, type MbusOptions } from "./link/mbus-frame.ts";
export type { ElementFields, ElementRole, ElementType, ListDefinition, ListElement } from "./lists/list-definition.ts";
export { type ListProblem, listProblems } from "./lists/list-problems.ts";
export { ListSamples } from "./lists/list-samples.ts";
export { describePositions, type TemplateRow } from "./lists/list-template.ts";
export type { ListPosition } from "./lists/unknown-list.ts";
export type { Decimal, Proof, Register, Security, Telegram, Transport } from "./telegram.ts";
export { type DateTimeFields, encodeDateTime } from "./values/date-time.ts";
export { decimalToNumber, formatDecimal } from "./values/decimal.ts";
export { parseObis } from "./values/obis.ts";
