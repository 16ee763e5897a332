/**
 * A serial adapter read through the browser (Web Serial), as a source like any other. Two browser peculiarities: after a
 * parity or framing error the stream ends and a new one is ready, with the port still open; and a port that cannot be
 * opened gives no reason.
 */
import { ACKNOWLEDGE, AmisAnswer, ANSWER_MS } from "../sources/amis-answer.ts";
import { type LineSettings, type Source, SourceError } from "../sources/source.ts";

/** The part of https://wicg.github.io/serial/ that is used; TypeScript's DOM library does not have it. */
export interface WebSerialPort {
  readonly readable: ReadableStream<Uint8Array> | null;
  readonly writable: WritableStream<Uint8Array> | null;
  open(options: {
    readonly baudRate: number;
    readonly dataBits: number;
    readonly parity: string;
    readonly stopBits: number;
    readonly bufferSize: number;
  }): Promise<void>;
  close(): Promise<void>;
  getInfo(): { readonly usbVendorId?: number; readonly usbProductId?: number };
}

export interface WebSerial {
  requestPort(): Promise<WebSerialPort>;
}

/** The browser's Web Serial; `null` without it: in Firefox, Safari, or a page loaded over the network without TLS. */
export function webSerial(): WebSerial | null {
  return (navigator as Navigator & { readonly serial?: WebSerial }).serial ?? null;
}

const BUFFER_BYTES = 4096;
/** Errors after which the port is still open: bytes were damaged or lost, the line was held low. */
const LINE_ERRORS = new Set(["ParityError", "FramingError", "BreakError", "BufferOverrunError"]);

export class WebSerialSource implements Source {
  readonly label: string;
  readonly hasLine = true;
  readonly #port: WebSerialPort;
  readonly #tap: (bytes: Uint8Array | null) => void;

  /** @param tap sees every chunk of bytes; `null`: the port was opened again */
  constructor(port: WebSerialPort, tap: (bytes: Uint8Array | null) => void) {
    const { usbVendorId, usbProductId } = port.getInfo();
    const hex = (id = 0): string => id.toString(16).padStart(4, "0");
    this.label = usbVendorId === undefined ? "the serial port" : `USB ${hex(usbVendorId)}:${hex(usbProductId)}`;
    this.#port = port;
    this.#tap = tap;
  }

  /** @throws SourceError `busy` if the port cannot be opened, `lost` if it goes away */
  async *open(signal: AbortSignal, line: LineSettings): AsyncGenerator<Uint8Array, void, undefined> {
    const port = this.#port;
    try {
      await port.open({ ...line, bufferSize: BUFFER_BYTES });
    } catch (error) {
      throw new SourceError("busy", `${this.label} cannot be opened`, { cause: error });
    }
    const byteMs = ((line.dataBits + line.stopBits + (line.parity === "none" ? 1 : 2)) * 1000) / line.baudRate;
    const answer = new AmisAnswer();
    let reader: ReadableStreamDefaultReader<Uint8Array> | null = null;
    const stop = (): void => void reader?.cancel().catch(() => undefined);
    signal.addEventListener("abort", stop, { once: true });
    try {
      this.#tap(null);
      yield new Uint8Array(0);
      while (!signal.aborted) {
        if (port.readable === null) throw new SourceError("lost", `${this.label} is gone`);
        reader = port.readable.getReader();
        try {
          for (let away = 0; !signal.aborted; ) {
            const { value, done } = await reader.read();
            if (done && !signal.aborted) throw new SourceError("lost", `${this.label} was closed`);
            if (done) break;
            const given = performance.now();
            // The only byte ever sent, and only to a meter that requests it; not if the request has waited too long.
            if (answer.heard(value, given, byteMs) && away < ANSWER_MS) await this.#acknowledge();
            this.#tap(value);
            yield value;
            away = performance.now() - given;
          }
        } catch (error) {
          if (error instanceof SourceError) throw error;
          if (!LINE_ERRORS.has(error instanceof Error ? error.name : "")) {
            throw new SourceError("lost", `${this.label} was disconnected`, { cause: error });
          }
        } finally {
          reader.releaseLock();
        }
      }
    } finally {
      signal.removeEventListener("abort", stop);
      await port.close().catch(() => undefined);
    }
  }

  async #acknowledge(): Promise<void> {
    const writer = this.#port.writable?.getWriter();
    // A failed write is ignored: the meter asks again.
    await writer?.write(ACKNOWLEDGE).catch(() => undefined);
    writer?.releaseLock();
  }
}
