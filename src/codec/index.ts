/** The codec for programmers: `import { … } from "kaifa2mqtt/codec"`. */
export { CodecError, type CodecErrorCode } from "./codec-error.ts";
export type { Decoder, DecoderEvent, DecoderOptions } from "./decoder.ts";
export type { Decimal, Proof, Register, Security, Telegram, Transport } from "./telegram.ts";
