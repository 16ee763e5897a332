/**
 * A *source* delivers bytes; the *transport* is their framing. A port string selects the source: `/dev/…` or `COM3`
 * (serial device), `tcp://host:port`, `file:capture`, `simulator:`.
 */

/** Serial line settings; sources without a serial line ignore them. */
export interface LineSettings {
  /** Baud. */
  readonly baudRate: number;
  readonly dataBits: 5 | 6 | 7 | 8;
  readonly parity: "none" | "even" | "odd";
  readonly stopBits: 1 | 2;
}

/**
 * A source opens, yields, and ends or throws; it never retries (only `meter/connection.ts` does). Bytes are pulled: until
 * the consumer asks for the next chunk, the kernel buffers data, which makes that chunk larger. The first chunk is empty
 * and signals that the source is open. Each `open` is independent. Aborting the signal ends the iteration and closes the
 * source. A source that is connected to a meter answers the AMIS meters of Netz OÖ itself (amis-answer.ts); nothing else
 * can be sent to a meter.
 */
export interface Source {
  /** For messages: `/dev/ttyUSB0`, `tcp://host:port`; never contains a secret. */
  readonly label: string;
  /** Whether the line settings apply (serial devices only). */
  readonly hasLine: boolean;
  open(signal: AbortSignal, line: LineSettings): AsyncIterable<Uint8Array>;
  /**
   * The same for a source whose consumer never waits before the next read: calls `receive` with each chunk, which is valid
   * only during the call. Resolves when the signal is aborted.
   * @throws what `open` throws, and what `receive` throws
   */
  listen?(signal: AbortSignal, receive: (chunk: Uint8Array) => void): Promise<void>;
  /** If the source can be watched: resolves when reopening may succeed before the back-off ends, or on abort. */
  changed?(signal: AbortSignal): Promise<void>;
}

/** Why a source cannot be opened or was lost. `permission` and `busy` are separate because they need different fixes. */
export type SourceErrorCode =
  | "no-device"
  | "permission"
  | "busy"
  | "not-a-serial-device"
  | "refused"
  | "unreachable"
  | "lost"
  | "unsupported";

export class SourceError extends Error {
  override readonly name = "SourceError";
  readonly code: SourceErrorCode;
  constructor(code: SourceErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
