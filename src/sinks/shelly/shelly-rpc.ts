/** Shelly's RPC (JSON-RPC with `src` and `dst`), the same over HTTP, WebSocket and UDP. Every method is read-only. */
import type { MeterInfo } from "../../meter/events.ts";
import type { Clock } from "../../process/clock.ts";
import type { MeterFeed } from "../output/meter-feed.ts";
import type { PolledPage } from "../output/polled-pages.ts";
import { PreparedAnswer } from "../output/prepared-answer.ts";
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

/** Maximum size of a received message, bytes. */
export const MAX_MESSAGE = 8_192;
/** Not listed: evcc takes a device that lists it for one with a channel per phase, and would read the first one alone. */
const SINGLE_CHANNEL = "EM1.GetStatus";
const NO_READING: RpcAnswer = { error: { code: 503, message: "no reading of the meter, or it is too old" } };

export class ShellyRpc {
  readonly #feed: MeterFeed;
  readonly #clock: Clock;
  readonly #startedAt: number;
  /** `EM.GetStatus` and `EMData.GetStatus`, which clients poll. */
  readonly #em: ReadingCache<JsonText | null>;
  readonly #emData: ReadingCache<JsonText>;
  readonly #emPage: ReadingCache<PreparedAnswer | null>;
  readonly #emDataPage: ReadingCache<PreparedAnswer>;
  #identity: { readonly meter: MeterInfo; readonly src: string } | null = null;
  /** Results by method, available once a meter is known; `null`: no current reading. */
  readonly #methods: ReadonlyMap<string, (meter: MeterInfo) => Json>;

  constructor(feed: MeterFeed, options: ShellyDataOptions, clock: Clock) {
    this.#feed = feed;
    this.#clock = clock;
    this.#startedAt = clock.now();
    this.#em = new ReadingCache(feed, () => {
      const status = emStatus(feed, options);
      return status === null ? null : new JsonText(shellyJson(status));
    });
    this.#emData = new ReadingCache(feed, () => new JsonText(shellyJson(emDataStatus(feed))));
    this.#emPage = new ReadingCache(feed, () => {
      const em = this.#em.get();
      return em === null ? null : new PreparedAnswer(em.text);
    });
    this.#emDataPage = new ReadingCache(feed, () => new PreparedAnswer(this.#emData.get().text));
    const fresh = (read: () => Json): Json => (feed.freshness === "fresh" ? read() : null);
    this.#methods = new Map<string, (meter: MeterInfo) => Json>([
      ["Shelly.GetDeviceInfo", (meter) => deviceInfo(meter)],
      ["Shelly.GetStatus", (meter) => fresh(() => this.#status(meter))],
      ["Shelly.GetConfig", (meter) => this.#config(meter)],
      ["Shelly.ListMethods", () => ({ methods: [...this.#methods.keys()].filter((name) => name !== SINGLE_CHANNEL) })],
      ["Shelly.GetComponents", () => ({ components: [], cfg_rev: 0, offset: 0, total: 0 })],
      ["EM.GetStatus", () => this.#em.getFresh()],
      ["EM.GetConfig", () => emConfig()],
      ["EMData.GetStatus", () => this.#emData.getFresh()],
      [SINGLE_CHANNEL, () => fresh(() => em1Status(feed, options))],
      ["Sys.GetStatus", (meter) => this.#sys(meter)],
      ["Sys.GetConfig", (meter) => sysConfig(meter)],
    ]);
  }

  /** The results that clients poll over HTTP, by request target. */
  get pages(): ReadonlyMap<string, PolledPage> {
    const em = () => this.#emPage.getFresh();
    const emData = () => this.#emDataPage.getFresh();
    return new Map([
      ["/rpc/EM.GetStatus?id=0", em],
      ["/rpc/EM.GetStatus", em],
      ["/rpc/EMData.GetStatus?id=0", emData],
      ["/rpc/EMData.GetStatus", emData],
    ]);
  }

  /** @param id of the component; only 0 exists */
  call(method: string, id: unknown = 0): RpcAnswer {
    const read = this.#methods.get(method);
    if (read === undefined) return { error: { code: 404, message: `No handler for ${method}` } };
    if (method.startsWith("EM") && id !== 0) {
      return { error: { code: -105, message: "Argument 'id', value not found!" } };
    }
    const { meter } = this.#feed;
    const result = meter === null ? null : read(meter);
    return result === null ? NO_READING : { result };
  }

  /**
   * `POST /rpc/METHOD`.
   * @param body the parameters as JSON, or empty
   * @returns `null` if the body is not a JSON object
   */
  callWithBody(method: string, body: string): RpcAnswer | null {
    const params = body === "" ? {} : parse(body);
    return params === null ? null : this.call(method, params.id);
  }

  /** @returns the frame of the answer and the client's name; `null` if the text is not a request */
  answer(text: string): { readonly frame: string; readonly src: string | null } | null {
    const request = parse(text);
    if (request === null || typeof request.method !== "string") return null;
    const { id, src, params } = request;
    const { meter } = this.#feed;
    const component = isObject(params) ? params.id : undefined;
    const answer = this.call(request.method, component);
    const parts = [`"id":${typeof id === "number" || typeof id === "string" ? JSON.stringify(id) : "null"}`];
    if (meter !== null) parts.push(`"src":"${this.#srcOf(meter)}"`);
    if (typeof src === "string") parts.push(`"dst":${JSON.stringify(src)}`);
    if ("result" in answer) parts.push(`"result":${shellyJson(answer.result)}`);
    else parts.push(`"error":${shellyJson({ ...answer.error })}`);
    return { frame: `{${parts.join(",")}}`, src: typeof src === "string" ? src : null };
  }

  /** The notification of a new reading; `null` while there is no current one. */
  notification(dst: string | null): string | null {
    const { meter } = this.#feed;
    const status = this.#em.getFresh();
    if (meter === null || status === null) return null;
    return shellyJson({
      src: this.#srcOf(meter),
      ...(dst === null ? {} : { dst }),
      method: "NotifyStatus",
      params: { ts: this.#clock.wall() / 1000, "em:0": status, "emdata:0": this.#emData.get() },
    });
  }

  /** The device's name, derived from the meter's id and cached. */
  #srcOf(meter: MeterInfo): string {
    if (this.#identity?.meter !== meter) this.#identity = { meter, src: shellyId(meter) };
    return this.#identity.src;
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
