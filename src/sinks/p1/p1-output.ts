/**
 * `outputs.p1`: emulates a P1 meter. Sends one telegram per reading to every TCP client and to a serial port. A P1 port is
 * one-way: data from clients is discarded. A new client gets the next telegram, never an old one; once the meter is gone,
 * clients are disconnected, so that they notice.
 */
import { createServer, type Socket } from "node:net";
import type { LedgerState } from "../../ledger/ledger-state.ts";
import type { MeterEvent, MeterInfo } from "../../meter/events.ts";
import { type Clock, systemClock } from "../../process/clock.ts";
import { parseListen } from "../output/address.ts";
import { Listener } from "../output/listener.ts";
import { MeterFeed } from "../output/meter-feed.ts";
import type { Output, OutputOptions, OutputParts, OutputStatus } from "../output/output.ts";
import { dsmrTelegram } from "./dsmr-telegram.ts";
import { P1Port } from "./p1-port.ts";

export interface P1Options extends OutputOptions {
  /** A serial device or PTY. */
  readonly port?: string | undefined;
}

/** Interval of the check for clients that have waited too long. */
const CHECK_MS = 5_000;
/** While the meter is gone, a client is disconnected after this long without a telegram. */
const WAIT_MS = 60_000;

export class P1Output implements Output {
  readonly name = "p1";
  readonly #feed: MeterFeed;
  readonly #clock: Clock;
  readonly #listener: Listener | null;
  readonly #port: P1Port | null;
  /** Client → when it connected or got its last telegram. */
  readonly #waiting = new Map<Socket, number>();
  #cancelCheck: (() => void) | null = null;

  constructor(options: P1Options, { periodMs, log, clock }: OutputParts) {
    this.#clock = clock ?? systemClock;
    this.#feed = new MeterFeed(options.meter, periodMs, this.#clock);
    this.#port = options.port === undefined ? null : new P1Port(options.port, log, this.#clock);
    const create = () => createServer((socket) => this.#connected(socket));
    this.#listener =
      options.listen === undefined
        ? null
        : new Listener({ address: parseListen(options.listen), create, log, clock: this.#clock });
  }

  async start(): Promise<void> {
    await Promise.all([this.#listener?.start(), this.#port?.start()]);
  }

  accept(event: MeterEvent): void {
    if (this.#feed.take(event) === null) return;
    if (this.#waiting.size === 0 && this.#port === null) return;
    const telegram = dsmrTelegram(this.#feed);
    if (telegram === null) return;
    for (const socket of this.#waiting.keys()) {
      // The last telegram is still unsent: this client doesn't read. It may reconnect.
      if (socket.writableLength > 0) socket.destroy();
      else {
        socket.write(telegram);
        this.#waiting.set(socket, this.#clock.now());
      }
    }
    this.#port?.write(telegram);
  }

  acceptLedger({ id }: MeterInfo, state: LedgerState): void {
    this.#feed.takeLedger(id, state);
  }

  async stop(): Promise<void> {
    this.#cancelCheck?.();
    await Promise.all([this.#listener?.stop(), this.#port?.stop()]);
  }

  status(): OutputStatus {
    return {
      output: this.name,
      address: [this.#listener?.address, this.#port?.path].filter((part) => part !== undefined).join(", "),
      listening: this.#listener?.listening !== false && this.#port?.open !== false,
      clients: this.#waiting.size,
      ...this.#feed.summary,
    };
  }

  #connected(socket: Socket): void {
    this.#waiting.set(socket, this.#clock.now());
    socket.resume();
    socket.on("close", () => this.#waiting.delete(socket));
    this.#check();
  }

  #check(): void {
    this.#cancelCheck?.();
    this.#cancelCheck = null;
    if (this.#feed.freshness === "gone") {
      const since = this.#clock.now() - WAIT_MS;
      for (const [socket, at] of this.#waiting) if (at <= since) socket.destroy();
    }
    if (this.#waiting.size > 0) this.#cancelCheck = this.#clock.after(CHECK_MS, () => this.#check());
  }
}
