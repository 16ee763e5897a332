/**
 * Where bytes come from (a *source*; how they are framed is the *transport*). One string picks the source:
 * `/dev/…` or `COM3` a serial device, `tcp://host:port`, `file:capture`, `simulator:`.
 */

/** Serial line settings; sources that have no line ignore them. */
export interface LineSettings {
  /** Baud. */
  readonly baudRate: number;
  readonly dataBits: 5 | 6 | 7 | 8;
  readonly parity: "none" | "even" | "odd";
  readonly stopBits: 1 | 2;
}

/**
 * A source opens, yields, ends or throws; it never retries (retry lives in `meter/connection.ts` alone). Bytes are pulled:
 * a consumer that does not ask for the next chunk lets the kernel collect, and the next chunk is then larger. The first
 * chunk is empty and says that the source is open. Each `open` is new. Aborting the signal ends the iteration and closes
 * what was opened. A source that has a meter at its other end answers the AMIS meters of Netz OÖ by itself
 * (amis-answer.ts); there is no other way to send anything to a meter.
 */
export interface Source {
  /** For messages: `/dev/ttyUSB0`, `tcp://host:port`; never holds a secret. */
  readonly label: string;
  /** Whether the line settings mean anything to it (a serial device). */
  readonly hasLine: boolean;
  open(signal: AbortSignal, line: LineSettings): AsyncIterable<Uint8Array>;
  /** Where the source can be watched: resolves as soon as reopening is worth a try before the back-off ends; or on abort. */
  changed?(signal: AbortSignal): Promise<void>;
}

/** Why a source cannot be opened, or was lost. `permission` and `busy` are separate codes because the cure differs. */
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
