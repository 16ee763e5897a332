/** A real Home Assistant Core, controlled like its frontend does: by REST and WebSocket (shared/homeassistant/README.md). */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import {
  type Connection,
  createConnection,
  createLongLivedTokenAuth,
  ERR_CANNOT_CONNECT,
  type MessageBase,
} from "home-assistant-js-websocket";
import { WebSocket } from "ws";

// Node 20 has no WebSocket client.
Object.assign(globalThis, { WebSocket: globalThis.WebSocket ?? WebSocket });

const run = promisify(execFile);

/** The script that installs, starts and stops it. */
const SCRIPT = resolve(process.env.KAIFA_HA_SCRIPT ?? "../shared/homeassistant/ha");
const INSTALL_MS = 9 * 60_000;

export interface Device {
  readonly id: string;
  readonly name: string;
  readonly manufacturer: string | null;
  readonly model: string | null;
  readonly serial_number: string | null;
  readonly sw_version: string | null;
  readonly area_id: string | null;
  readonly via_device_id: string | null;
  readonly identifiers: readonly (readonly string[])[];
}

export interface Entity {
  readonly id: string;
  readonly entity_id: string;
  readonly unique_id: string;
  readonly device_id: string | null;
  readonly name: string | null;
  readonly original_name: string | null;
  readonly entity_category: string | null;
  readonly disabled_by: string | null;
  readonly platform: string;
}

export interface State {
  readonly entity_id: string;
  readonly state: string;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly last_updated: string;
}

export interface StatisticsRow {
  readonly start: number;
  readonly end: number;
  readonly state?: number;
  readonly sum?: number;
  readonly mean?: number;
}

const BRIDGE = /^kaifa2mqtt_bridge_/;

export class HomeAssistant {
  readonly #env: NodeJS.ProcessEnv;
  readonly url: string;
  #connection: Connection | null = null;
  #token = "";

  /** @param port its listen port */
  constructor(port: number) {
    this.#env = { ...process.env, KAIFA_HA_PORT: String(port) };
    this.url = `http://127.0.0.1:${port}`;
  }

  /** An access token of its owner. */
  get token(): string {
    return this.#token;
  }

  /** The recorder's database file; open it only while Home Assistant is stopped. */
  get database(): string {
    return join(process.env.KAIFA_HA_HOME ?? "/var/lib/kaifa-homeassistant", "config", "home-assistant_v2.db");
  }

  async #script(...args: string[]): Promise<string> {
    if (!existsSync(SCRIPT)) {
      throw new Error(`${SCRIPT} is not there: these tests need the folder shared/homeassistant beside the repository`);
    }
    const { stdout } = await run(SCRIPT, args, { env: this.#env, timeout: INSTALL_MS, maxBuffer: 64 * 1024 * 1024 });
    return stdout;
  }

  /** A new home connected to this broker. Installs missing programs first (2 min). */
  async begin(brokerPort: number): Promise<void> {
    await this.#script("reset");
    await this.#script("up", `127.0.0.1:${brokerPort}`);
    this.#token = (await this.#script("token")).trim();
    await this.connect();
  }

  /** Starts it if it is not running. */
  async restart(): Promise<void> {
    this.#connection?.close();
    await this.#script("restart");
    await this.connect();
  }

  disconnect(): void {
    this.#connection?.close();
    this.#connection = null;
  }

  /** Stops it and keeps its data. */
  async end(): Promise<void> {
    this.disconnect();
    if (existsSync(SCRIPT)) await this.#script("down");
  }

  /** Stops it and deletes its configuration, history and log; the programs stay for the next run. */
  async remove(): Promise<void> {
    this.disconnect();
    if (existsSync(SCRIPT)) await this.#script("reset");
  }

  /** Its log, warnings and errors only. */
  warnings(): Promise<string> {
    return this.#script("log", "warning");
  }

  /** Sends a command over the WebSocket, once it answers. */
  async connect(): Promise<void> {
    const auth = createLongLivedTokenAuth(this.url, this.#token);
    for (let attempt = 0; ; attempt++) {
      try {
        this.#connection = await createConnection({ auth });
        return;
      } catch (error) {
        if (error !== ERR_CANNOT_CONNECT || attempt > 240) throw new Error(`no WebSocket: ${String(error)}`);
        await pause(250);
      }
    }
  }

  async ask<Answer>(message: MessageBase): Promise<Answer> {
    if (this.#connection === null) throw new Error("not connected");
    try {
      return await this.#connection.sendMessagePromise<Answer>(message);
    } catch (error) {
      throw new Error(`${message.type}: ${JSON.stringify(error)}`);
    }
  }

  /** Meters among the devices of the MQTT integration. */
  async devices(): Promise<Device[]> {
    return (await this.allDevices()).filter(({ identifiers }) => !identifiers.some(([, id]) => BRIDGE.test(id ?? "")));
  }

  /** The bridge as a device, with the id in the unique ids of its entities. */
  async bridge(): Promise<(Device & { readonly bridgeId: string }) | undefined> {
    for (const device of await this.allDevices()) {
      for (const [, id = ""] of device.identifiers) {
        if (BRIDGE.test(id)) return { ...device, bridgeId: id.slice("kaifa2mqtt_".length) };
      }
    }
    return undefined;
  }

  /** Devices of the MQTT integration that are ours, bridges included. */
  async allDevices(): Promise<Device[]> {
    const all = await this.ask<Device[]>({ type: "config/device_registry/list" });
    return all.filter(({ identifiers }) =>
      identifiers.some(([domain, id]) => domain === "mqtt" && id?.startsWith("kaifa2mqtt_")),
    );
  }

  /** Entities of the MQTT integration that are ours, by the key in their unique id. */
  async entities(meter: string): Promise<Map<string, Entity>> {
    const all = await this.ask<Entity[]>({ type: "config/entity_registry/list" });
    const start = `kaifa2mqtt_${meter}_`;
    const ours = all.filter(({ platform, unique_id }) => platform === "mqtt" && unique_id.startsWith(start));
    return new Map(ours.map((entity) => [entity.unique_id.slice(start.length), entity]));
  }

  async states(): Promise<Map<string, State>> {
    const all = await this.ask<State[]>({ type: "get_states" });
    return new Map(all.map((state) => [state.entity_id, state]));
  }

  async state(entityId: string): Promise<State | undefined> {
    return (await this.states()).get(entityId);
  }

  /** Polls until the condition returns something other than undefined. */
  async until<Found>(
    what: string,
    look: () => Promise<Found | undefined | null | false>,
    limitMs = 20_000,
  ): Promise<Found> {
    const begun = Date.now();
    let seen: unknown;
    while (Date.now() - begun < limitMs) {
      const found = await look();
      if (found !== undefined && found !== null && found !== false) return found;
      seen = found;
      await pause(150);
    }
    throw new Error(`Home Assistant: ${what} did not come true in ${limitMs} ms (${String(seen)})`);
  }

  /** Waits until an entity's state is a number. */
  numeric(entityId: string, limitMs?: number): Promise<number> {
    return this.until(
      `${entityId} has a value`,
      async () => {
        const state = (await this.state(entityId))?.state ?? "";
        return /^-?\d/.test(state) ? { value: Number(state) } : undefined;
      },
      limitMs,
    ).then(({ value }) => value);
  }

  /** Waits until an entity has this state. */
  becomes(entityId: string, wanted: string, limitMs?: number): Promise<true> {
    return this.until(
      `${entityId} is ${wanted}`,
      async () => (await this.state(entityId))?.state === wanted || undefined,
      limitMs,
    ) as Promise<true>;
  }

  async statistics(ids: readonly string[], period: "5minute" | "hour"): Promise<Record<string, StatisticsRow[]>> {
    return this.ask({
      type: "recorder/statistics_during_period",
      start_time: new Date(Date.now() - 6 * 3_600_000).toISOString(),
      statistic_ids: ids,
      period,
      types: ["sum", "state", "mean"],
    });
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise((done) => setTimeout(done, ms));
}
