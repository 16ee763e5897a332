/** Options, events and interface of a decoder. Types only, so that its parts need not import decoder.ts. */
import type { CodecErrorCode } from "./codec-error.ts";
import type { ListDefinition } from "./lists/list-definition.ts";
import type { ListPosition } from "./lists/unknown-list.ts";
import type { Telegram, Transport } from "./telegram.ts";

export interface DecoderOptions {
  /** Encryption key (GUEK), 16 bytes (32 for security suite 2). */
  readonly key?: Uint8Array | undefined;
  /** Authentication key (GAK), 16 bytes. If set, a telegram without a verified tag is a fault (`authentication`). */
  readonly authenticationKey?: Uint8Array | undefined;
  /** User-defined positional lists, tried before the built-in ones. */
  readonly lists?: readonly ListDefinition[] | undefined;
  /** Whether telegram and fault events include a copy of their bytes (for captures and the status page). */
  readonly keepBytes?: boolean | undefined;
}

/**
 * An event in a stream. `offset` counts from the first byte fed; `length` is the number of stream bytes covered. For a
 * damaged frame, it is the length the frame claims; an intact telegram may start within it.
 */
export type DecoderEvent =
  | {
      readonly type: "telegram";
      readonly telegram: Telegram;
      readonly offset: number;
      readonly length: number;
      readonly bytes?: Uint8Array;
    }
  | {
      readonly type: "fault";
      readonly code: CodecErrorCode;
      readonly message: string;
      readonly offset: number;
      readonly length: number;
      /** Set once a frame has been recognised. */
      readonly transport: Transport | null;
      /** Set once a general-ciphering header has been read; 16 hex digits. */
      readonly systemTitle: string | null;
      /** `true` if the telegram was rejected only for lack of an authentication tag (`code` is `authentication`). */
      readonly untagged?: boolean;
      /** Contents by position of a body with an unknown layout (`unsupported`), from which to build a list template. */
      readonly positions?: readonly ListPosition[];
      readonly bytes?: Uint8Array;
      /**
       * How the checksum failed, the same text for the same kind of failure. If every telegram fails alike, the meter
       * uses a different checksum and the wiring is fine.
       */
      readonly pattern?: string;
      /** The underlying error, for the log, if the codec itself failed; no input should cause this. */
      readonly cause?: unknown;
    }
  /** Bytes outside any telegram: noise, fill bytes, or the tail of a telegram that started before reception. */
  | { readonly type: "skipped"; readonly offset: number; readonly length: number };

export interface Decoder {
  /** Processes the next bytes, any number of them. */
  feed(chunk: Uint8Array): DecoderEvent[];
  /**
   * Call when the line has been idle longer than any gap within a telegram. Discards and reports an incomplete telegram;
   * the stream continues.
   */
  silence(): DecoderEvent[];
  /** Call at the end of the input: like `silence`, which also accepts a last frame without its closing byte. */
  end(): DecoderEvent[];
  /** Minimum number of bytes needed to complete anything; 0 if nothing has started. A source may wait for that many. */
  readonly wanted: number;
  /** Returns to the initial state, for a reopened source. Offsets restart at 0. */
  reset(): void;
}
