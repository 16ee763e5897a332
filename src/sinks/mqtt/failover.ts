/** Moves a client of MQTT.js between the brokers of a list: to the next one after a failure, back to a better one. */
import type { MqttClient } from "mqtt";
import type { ComponentLog } from "../../log/component-log.ts";
import { useServer, withoutLogin } from "./client-options.ts";
import type { ServerList } from "./server-list.ts";

/** Limit for the last message to a broker that we leave. */
const FAREWELL_MS = 2_000;

export interface FailoverParts {
  readonly client: MqttClient;
  readonly servers: ServerList;
  readonly log: ComponentLog;
  /** Publishes that we are offline; `done` is called when the broker has it. */
  readonly sayOffline: (done: () => void) => void;
  /** The client now uses this server. @param label without user and password */
  readonly onServer: (label: string) => void;
  /** Whether an attempt to connect may be started now. */
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

  /** We are leaving the broker for a better one: that the connection closes is no fault. */
  get leaving(): boolean {
    return this.#leaving;
  }

  /** Connected. While the broker is not the first of the list, it is checked from time to time whether a better one is back. */
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

  /** The connection has held for a while. */
  stable(): void {
    this.#parts.servers.stable();
  }

  /** The connection was closed. */
  closed(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  /** Takes the next broker of the list, at once while the round lasts. @param held it was connected */
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

  /** Publishes `offline` as at a stop, then connects to what is now the current broker of the list. */
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
