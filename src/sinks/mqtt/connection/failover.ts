/**
 * Switches an MQTT.js client between the brokers of a list: to the next one after a failure, back to a preferred one.
 */
import type { MqttClient } from "mqtt";
import type { ComponentLog } from "../../../log/component-log.ts";
import { useServer, withoutLogin } from "./client-options.ts";
import type { ServerList } from "./server-list.ts";

/** Timeout for the last message to a broker that we are leaving. */
const FAREWELL_MS = 2_000;

export interface FailoverParts {
  readonly client: MqttClient;
  readonly servers: ServerList;
  readonly log: ComponentLog;
  /** Publishes that we are offline; `done` is called when the broker has received it. */
  readonly sayOffline: (done: () => void) => void;
  /** The client now uses this server. @param label without user and password */
  readonly onServer: (label: string) => void;
  /** Whether a connection attempt may start now. */
  readonly idle: () => boolean;
}

export class Failover {
  readonly #parts: FailoverParts;
  #timer: NodeJS.Timeout | null = null;
  #leaving = false;
  #stopped = false;

  constructor(parts: FailoverParts) {
    this.#parts = parts;
  }

  /** Whether we are leaving the broker for a preferred one, so the disconnect isn't a fault. */
  get leaving(): boolean {
    return this.#leaving;
  }

  /** Connected. If the broker isn't the first in the list, periodically checks whether a preferred one is back. */
  connected(): void {
    const { servers, client } = this.#parts;
    if (!servers.secondBest) return;
    this.#timer = setTimeout(async () => {
      const left = this.#label;
      if (this.#stopped || !client.connected) return;
      if (!(await servers.returnToBetter())) this.connected();
      else if (client.connected && !this.#stopped) this.#leave(left);
    }, servers.returnMs);
  }

  /** The connection has been up for a while. */
  stable(): void {
    this.#parts.servers.stable();
  }

  /** The connection was closed. */
  closed(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  /** Moves to the next broker in the list, without a pause within a round. @param held whether it was connected */
  next(held: boolean): void {
    const { servers, client, idle } = this.#parts;
    if (!servers.several) return;
    const goesOn = held || servers.failed();
    if (held) servers.lost();
    this.#useCurrent();
    if (goesOn) setImmediate(() => !this.#stopped && idle() && client.reconnect());
  }

  stop(): void {
    this.#stopped = true;
    this.closed();
  }

  get #label(): string {
    return withoutLogin(this.#parts.servers.current.server);
  }

  /** Publishes `offline` as when stopping, then connects to the list's new current broker. */
  #leave(left: string): void {
    const { client, log, sayOffline } = this.#parts;
    this.#leaving = true;
    let timer: NodeJS.Timeout | null = null;
    const go = () => {
      if (timer === null) return;
      clearTimeout(timer);
      timer = null;
      client.end(false, () => {
        this.#leaving = false;
        if (this.#stopped) return;
        this.#useCurrent();
        log.info(`leaving the broker at ${left}: ${this.#label} is back`);
        client.reconnect();
      });
    };
    timer = setTimeout(go, FAREWELL_MS);
    sayOffline(go);
  }

  #useCurrent(): void {
    const { client, servers, onServer } = this.#parts;
    useServer(client.options, servers.current);
    onServer(this.#label);
  }
}
