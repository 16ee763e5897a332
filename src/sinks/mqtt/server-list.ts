/**
 * Brokers in order of preference (`mqtt.server` as a list). After each failed attempt the next one is tried; a round that
 * found none ends with the pause before the next. While a later one is in use, it is checked from time to time whether an
 * earlier one is back.
 */
import { connect } from "node:net";
import { connect as connectTls } from "node:tls";
import type { Broker } from "./client-options.ts";

/** Interval of the checks for a preferred broker, milliseconds; doubled each time it refuses us after all. */
export const RETURN_MS = 15_000;
const LONGEST_RETURN_MS = 600_000;
/** A broker that does not answer for so long is not back. */
const PROBE_MS = 3_000;
const PORTS: Readonly<Record<string, number>> = { "mqtt:": 1883, "mqtts:": 8883, "ws:": 80, "wss:": 443 };

export class ServerList {
  readonly #brokers: readonly Broker[];
  #index = 0;
  readonly #firstReturnMs: number;
  #returnMs: number;

  /** @param brokers at least one */
  constructor(brokers: readonly Broker[], returnMs = RETURN_MS) {
    this.#brokers = brokers;
    this.#firstReturnMs = returnMs;
    this.#returnMs = returnMs;
  }

  get current(): Broker {
    return this.#brokers[this.#index] as Broker;
  }

  get several(): boolean {
    return this.#brokers.length > 1;
  }

  /** Whether there is a better one than the current. */
  get secondBest(): boolean {
    return this.#index > 0;
  }

  /** Until the next check for a better one, milliseconds. */
  get returnMs(): number {
    return this.#returnMs;
  }

  /** The attempt at the current broker failed. @returns whether the round goes on with another one, now the current */
  failed(): boolean {
    this.#index = (this.#index + 1) % this.#brokers.length;
    return this.#index > 0;
  }

  /** A connection that held was lost: begin with the best again. */
  lost(): void {
    this.#index = 0;
  }

  /** A connection has held for a while. */
  stable(): void {
    if (this.#index === 0) this.#returnMs = this.#firstReturnMs;
  }

  /** Goes to the best broker before the current one that answers. @returns whether there is one */
  async returnToBetter(): Promise<boolean> {
    for (const [index, broker] of this.#brokers.slice(0, this.#index).entries()) {
      if (!(await answers(broker))) continue;
      this.#index = index;
      // If it does not take us after all, it is not tried again so soon.
      this.#returnMs = Math.min(this.#returnMs * 2, LONGEST_RETURN_MS);
      return true;
    }
    return false;
  }
}

/** Whether something accepts connections at the address of a broker. Never throws. */
function answers({ server }: Broker): Promise<boolean> {
  return new Promise((resolve) => {
    const { protocol, hostname, port } = new URL(server);
    const address = { host: hostname.replace(/^\[|\]$/g, ""), port: port === "" ? PORTS[protocol] : Number(port) };
    const tls = protocol === "mqtts:" || protocol === "wss:";
    // Whether its certificate is right is found out by the connection itself.
    const socket = tls
      ? connectTls({ ...address, rejectUnauthorized: false })
      : connect({ ...address, port: address.port ?? 1883 });
    const done = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(PROBE_MS, () => done(false));
    socket.once("error", () => done(false));
    socket.once(tls ? "secureConnect" : "connect", () => done(true));
  });
}
