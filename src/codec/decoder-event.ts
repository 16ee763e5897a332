/** What goes into a decoder and what comes out of it: types only, so that the parts know them and not the door. */
import type { CodecErrorCode } from "./codec-error.ts";
import type { ListDefinition } from "./lists/list-definition.ts";
import type { ListPosition } from "./lists/unknown-list.ts";
import type { Telegram, Transport } from "./telegram.ts";

export interface DecoderOptions {
  /** Encryption key (GUEK), 16 bytes (32 for security suite 2). */
  readonly key?: Uint8Array | undefined;
  /** Authentication key (GAK), 16 bytes. When given, a telegram without a verified tag is a fault (`authentication`). */
  readonly authenticationKey?: Uint8Array | undefined;
  /** Positional lists that the user teaches; they are tried before the documented ones. */
  readonly lists?: readonly ListDefinition[] | undefined;
  /** Whether telegram and fault events carry a copy of their bytes (for captures and the status page). */
  readonly keepBytes?: boolean | undefined;
}

/**
 * What a stream yields. `offset` counts from the first byte ever fed, `length` is how many bytes of the stream it spans
 * (a damaged frame: how many it claims; a good telegram may begin inside).
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
      /** Known as soon as a frame was recognised. */
      readonly transport: Transport | null;
      /** Known as soon as a general-ciphering header was read; 16 hex digits. */
      readonly systemTitle: string | null;
      /** `true`: refused only because it carries no authentication tag (`code` is `authentication`). */
      readonly untagged?: boolean;
      /** What stands where in a body that fits no layout (`unsupported`): a template of a list follows from it. */
      readonly positions?: readonly ListPosition[];
      readonly bytes?: Uint8Array;
      /**
       * How a check sum failed, the same text for telegrams that fail in the same way: if all of them do, the meter uses
       * another check sum, and no cable is at fault.
       */
      readonly pattern?: string;
      /** Only where the codec itself failed, which no input may bring about: the error, for the log. */
      readonly cause?: unknown;
    }
  /** Bytes between telegrams that belong to none: noise, fill, the tail of a telegram that began before we listened. */
  | { readonly type: "skipped"; readonly offset: number; readonly length: number };

export interface Decoder {
  /** Takes the next bytes, of any number. */
  feed(chunk: Uint8Array): DecoderEvent[];
  /** The line has been idle for longer than any pause inside a telegram: forgets what was begun and says so. The stream goes on. */
  silence(): DecoderEvent[];
  /** The input is at its end: as `silence`, and a last frame without its closing byte is taken. */
  end(): DecoderEvent[];
  /** How many bytes must at least still come before anything can be complete; 0 when nothing has begun. A source may sleep that long. */
  readonly wanted: number;
  /** Forgets everything, as if new (the source was opened again). Offsets start at 0. */
  reset(): void;
}
