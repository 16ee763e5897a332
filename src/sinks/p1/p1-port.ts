/**
 * The serial side of the P1 output: writes telegrams to a device at 115200 baud 8N1, like a P1 port. A missing, busy or
 * unplugged device is reopened with back-off; data read from it is discarded.
 */
import type { SerialPort } from "serialport";
import type { ComponentLog } from "../../log/component-log.ts";
import { type Clock, systemClock } from "../../process/clock.ts";
import { waitAtMost } from "../../process/time-limit.ts";

const BAUD_RATE = 115_200;
const RETRY_LEAST_MS = 1_000;
const RETRY_MOST_MS = 30_000;
const CLOSE_MS = 1_000;

export class P1Port {
  readonly path: string;
  readonly #log: ComponentLog;
  readonly #clock: Clock;
  #port: SerialPort | null = null;
  #cancelRetry: (() => void) | null = null;
  #retryMs = RETRY_LEAST_MS;
  #lastReason: string | null = null;
  #writing = false;
  #stopped = false;

  constructor(path: string, log: ComponentLog, clock: Clock = systemClock) {
    this.path = path;
    this.#log = log;
    this.#clock = clock;
  }

  get open(): boolean {
    return this.#port !== null;
  }

  async start(): Promise<void> {
    const { SerialPort } = await import("../../sources/serialport-library.ts");
    await new Promise<void>((resolve) => {
      const port = new SerialPort({ path: this.path, baudRate: BAUD_RATE, autoOpen: false });
      port.on("error", (error) => this.#lost(port, error.message));
      port.on("close", () => this.#lost(port, "it was disconnected"));
      port.on("data", () => undefined);
      port.open((error) => {
        if (error !== null) this.#lost(port, error.message);
        else if (this.#stopped) port.close();
        else {
          this.#port = port;
          this.#retryMs = RETRY_LEAST_MS;
          this.#lastReason = null;
          this.#log.info(`writing to ${this.path}`);
        }
        resolve();
      });
    });
  }

  /** Drops the telegram while the previous one is still being written. */
  write(bytes: Uint8Array): void {
    if (this.#port === null || this.#writing) return;
    this.#writing = true;
    this.#port.write(Buffer.from(bytes), () => {
      this.#writing = false;
    });
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelRetry?.();
    const port = this.#port;
    this.#port = null;
    if (port === null) return;
    await waitAtMost(CLOSE_MS, new Promise<void>((done) => port.close(() => done())));
  }

  /** Called by `error`, `close` and `open`; only the first call for the same loss has an effect. */
  #lost(port: SerialPort, reason: string): void {
    if (this.#stopped || (this.#port !== null && this.#port !== port) || this.#cancelRetry !== null) return;
    this.#port = null;
    this.#writing = false;
    if (this.#lastReason !== reason) this.#log.warn(`cannot write to ${this.path}: ${reason}. Trying again`);
    this.#lastReason = reason;
    this.#cancelRetry = this.#clock.after(this.#retryMs, () => {
      this.#cancelRetry = null;
      void this.start();
    });
    this.#retryMs = Math.min(this.#retryMs * 2, RETRY_MOST_MS);
  }
}
