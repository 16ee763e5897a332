/**
 * Brokers in order of preference (`mqtt.server` as a list). Each failed attempt moves to the next one; after a full
 * round without success there is a pause before the next round. While a lower-ranked broker is in use, periodically
 * checks whether a preferred one is back.
 */
import { connect } from "node:net";
import type { Broker } from "./client-options.ts";

/** Interval of the checks for a preferred broker, milliseconds; doubled each time it refuses us. */
export const RETURN_MS = 15_000;
const LONGEST_RETURN_MS = 600_000;
/** A broker that doesn't answer within this time isn't back. */
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

  /** Whether there is a preferred broker before the current one. */
  get secondBest(): boolean {
    return this.#index > 0;
  }

  /** Milliseconds until the next check for a preferred broker. */
  get returnMs(): number {
    return this.#returnMs;
  }

  /**
   * The attempt at the current broker failed. @returns whether the round continues with another broker, now the current
   * one
   */
  failed(): boolean {
    this.#index = (this.#index + 1) % this.#brokers.length;
    return this.#index > 0;
  }

  /** An established connection was lost: start again with the first broker. */
  lost(): void {
    this.#index = 0;
  }

  /** A connection has been up for a while. */
  stable(): void {
    if (this.#index === 0) this.#returnMs = this.#firstReturnMs;
  }

  /** Switches to the first broker before the current one that answers. @returns whether there is one */
  async returnToBetter(): Promise<boolean> {
    for (const [index, broker] of this.#brokers.slice(0, this.#index).entries()) {
      if (!(await answers(broker))) continue;
      this.#index = index;
      // If it refuses us, wait longer before trying it again.
      this.#returnMs = Math.min(this.#returnMs * 2, LONGEST_RETURN_MS);
      return true;
    }
    return false;
  }
}

/** Whether anything accepts connections at a broker's address. Never throws. */
async function answers({ server }: Broker): Promise<boolean> {
  const { protocol, hostname, port } = new URL(server);
  const address = { host: hostname.replace(/^\[|\]$/g, ""), port: port === "" ? PORTS[protocol] : Number(port) };
  const tls = protocol === "mqtts:" || protocol === "wss:" ? await import("node:tls") : null;
  return await new Promise((resolve) => {
    // The actual connection verifies the certificate.
    const socket =
      tls === null
        ? connect({ ...address, port: address.port ?? 1883 })
        : tls.connect({ ...address, rejectUnauthorized: false });
    const done = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(PROBE_MS, () => done(false));
    socket.once("error", () => done(false));
    socket.once(tls === null ? "connect" : "secureConnect", () => done(true));
  });
}
