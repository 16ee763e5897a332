/** Shelly's RPC (JSON-RPC with `src` and `dst`), the same over HTTP, WebSocket and UDP. Every method is read-only. */
import type { MeterInfo } from "../../meter/events.ts";
import type { Clock } from "../../process/clock.ts";
import type { MeterFeed } from "../output/meter-feed.ts";
import { ReadingCache } from "../output/reading-cache.ts";
import {
  deviceInfo,
  em1Status,
  emConfig,
  emDataStatus,
  emStatus,
  type ShellyDataOptions,
  shellyId,
  sysConfig,
  sysStatus,
} from "./shelly-components.ts";
import { type Json, JsonText, shellyJson } from "./shelly-json.ts";

export interface RpcError {
  readonly code: number;
  readonly message: string;
}
export type RpcAnswer = { readonly result: Json } | { readonly error: RpcError };

/** Longest message that is read, bytes. */
export const MAX_MESSAGE = 8_192;
const NO_READING: RpcAnswer = { error: { code: 503, message: "no reading of the meter, or it is too old" } };

export class ShellyRpc {
  readonly #feed: MeterFeed;
  readonly #clock: Clock;
  readonly #startedAt: number;
  /** `EM.GetStatus` and `EMData.GetStatus`, which clients poll. */
  readonly #em: ReadingCache<Json>;
  readonly #emData: ReadingCache<Json>;
  /** Results by method, once a meter is known; `null`: no current reading. */
  readonly #methods: ReadonlyMap<string, (meter: MeterInfo) => Json>;

  constructor(feed: MeterFeed, options: ShellyDataOptions, clock: Clock) {
    this.#feed = feed;
    this.#clock = clock;
    this.#startedAt = clock.now();
    const written = (value: Json): Json => (value === null ? null : new JsonText(shellyJson(value)));
    this.#em = new ReadingCache(feed, () => written(emStatus(feed, options)));
    this.#emData = new ReadingCache(feed, () => written(emDataStatus(feed)));
    const fresh = (read: () => Json): Json => (feed.freshness === "fresh" ? read() : null);
    this.#methods = new Map<string, (meter: MeterInfo) => Json>([
      ["Shelly.GetDeviceInfo", (meter) => deviceInfo(meter)],
      ["Shelly.GetStatus", (meter) => fresh(() => this.#status(meter))],
      ["Shelly.GetConfig", (meter) => this.#config(meter)],
      ["Shelly.ListMethods", () => ({ methods: [...this.#methods.keys()] })],
      ["Shelly.GetComponents", () => ({ components: [], cfg_rev: 0, offset: 0, total: 0 })],
      ["EM.GetStatus", () => fresh(() => this.#em.get())],
      ["EM.GetConfig", () => emConfig()],
      ["EMData.GetStatus", () => fresh(() => this.#emData.get())],
      ["EM1.GetStatus", () => fresh(() => em1Status(feed, options))],
      ["Sys.GetStatus", (meter) => this.#sys(meter)],
      ["Sys.GetConfig", (meter) => sysConfig(meter)],
    ]);
  }

  /** @param id of the component; only 0 exists */
  call(method: string, id: unknown = 0): RpcAnswer {
    const read = this.#methods.get(method);
    if (read === undefined) return { error: { code: 404, message: `No handler for ${method}` } };
    if (/^EM/.test(method) && id !== 0) {
      return { error: { code: -105, message: "Argument 'id', value not found!" } };
    }
    const { meter } = this.#feed;
    const result = meter === null ? null : read(meter);
    return result === null ? NO_READING : { result };
  }

  /** @returns the frame of the answer and the client's name; `null` if the text is not a request */
  answer(text: string): { readonly frame: string; readonly src: string | null } | null {
    const request = parse(text);
    if (request === null || typeof request.method !== "string") return null;
    const { id, src, params } = request;
    const { meter } = this.#feed;
    const component = isObject(params) ? params.id : undefined;
    const frame = {
      id: typeof id === "number" || typeof id === "string" ? id : null,
      ...(meter === null ? {} : { src: shellyId(meter) }),
      ...(typeof src === "string" ? { dst: src } : {}),
      ...(this.call(request.method, component) as { [key: string]: Json }),
    };
    return { frame: shellyJson(frame), src: typeof src === "string" ? src : null };
  }

  /** The notification of a new reading; `null` while there is no current one. */
  notification(dst: string | null): string | null {
    const { meter, freshness } = this.#feed;
    const status = freshness === "fresh" ? this.#em.get() : null;
    if (meter === null || status === null) return null;
    return shellyJson({
      src: shellyId(meter),
      ...(dst === null ? {} : { dst }),
      method: "NotifyStatus",
      params: { ts: this.#clock.wall() / 1000, "em:0": status, "emdata:0": this.#emData.get() },
    });
  }

  #status(meter: MeterInfo): Json {
    const em = this.#em.get();
    if (em === null) return null;
    return { ...OFF_STATUS, "em:0": em, "emdata:0": this.#emData.get(), sys: this.#sys(meter) };
  }

  #config(meter: MeterInfo): Json {
    return { ...OFF_CONFIG, "em:0": emConfig(), "emdata:0": {}, sys: sysConfig(meter) };
  }

  #sys(meter: MeterInfo): Json {
    return sysStatus(meter, this.#clock.wall(), this.#clock.now() - this.#startedAt);
  }
}

/** Components of a real device that are always off here. */
const OFF_STATUS = { ble: {}, cloud: { connected: false }, mqtt: { connected: false }, ws: { connected: false } };
const OFF_CONFIG = {
  ble: { enable: false, rpc: { enable: false } },
  cloud: { enable: false, server: null },
  mqtt: { enable: false },
  ws: { enable: false, server: null },
};

function parse(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : null;
  } catch {
    return null;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
