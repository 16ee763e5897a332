/**
 * Handles two bridges that announce the same meter to Home Assistant. The later one doesn't announce it and notifies
 * the other on a topic that it subscribes to: both warn once, and neither touches the other's retained messages.
 */
import type { ComponentLog } from "../../../log/component-log.ts";
import type { Phrase } from "../connection/reason-codes.ts";
import type { Message } from "../message.ts";
import { topics } from "../topics.ts";

/**
 * The later bridge repeats its notification every minute; after this long without one it is considered gone,
 * milliseconds.
 */
const HEARD_MS = 3 * 60_000;
const MAX_PAYLOAD_BYTES = 1024;

export class DuplicateBridges {
  readonly #base: string;
  readonly #log: ComponentLog;
  /** Base topic of the bridge that announces each meter. Bounded by the number of meters. */
  readonly #found = new Map<string, string>();
  /** Our meters that another bridge wants to announce too. Bounded by the number of meters. */
  readonly #heard = new Map<string, { readonly base: string; readonly at: number }>();

  /** @param base `mqtt.base_topic` */
  constructor(base: string, log: ComponentLog) {
    this.#base = base;
    this.#log = log;
  }

  /** Another bridge announced the meter first. @returns whether this is new */
  found(meter: string, base: string): boolean {
    if (this.#found.has(meter)) return false;
    this.#found.set(meter, base);
    this.#log.warn(second(meter, base).en);
    return true;
  }

  /** Handles a notification on a topic of `topics.rivals()`. @returns whether it was one */
  heard(topic: string, payload: Uint8Array, meters: { has(id: string): boolean }): boolean {
    const parts = topic.split("/");
    const meter = parts.at(-1) ?? "";
    const base = parts.slice(0, -3).join("/");
    if (topic !== topics.rival(base, meter) || base === "") return false;
    const about = payload.length <= MAX_PAYLOAD_BYTES ? Buffer.from(payload).toString() : "";
    if (base === this.#base || about !== this.#base || !meters.has(meter) || this.#found.has(meter)) return true;
    const known = this.#heard.has(meter);
    this.#heard.set(meter, { base, at: performance.now() });
    if (!known) this.#log.warn(first(meter, base).en);
    return true;
  }

  /** Notifications for the other bridges: the payload is their base topic. */
  messages(): Message[] {
    return [...this.#found].map(([meter, base]) => ({
      topic: topics.rival(this.#base, meter),
      payload: base,
      retain: false,
    }));
  }

  /** Sentences for the status page. */
  get problems(): readonly Phrase[] {
    const since = performance.now() - HEARD_MS;
    return [
      ...[...this.#found].map(([meter, base]) => second(meter, base)),
      ...[...this.#heard].filter(([, { at }]) => at > since).map(([meter, { base }]) => first(meter, base)),
    ];
  }
}

function second(meter: string, base: string): Phrase {
  return {
    en: `another bridge announces the meter ${meter} to Home Assistant already, under the base topic ${base}: this one does not, and leaves those messages alone. Give one of them another meter.id, or set homeassistant.enabled to false here; if the other bridge no longer exists, delete its discovery messages on the broker, and restart`,
    de: `Eine andere Brücke meldet den Zähler ${meter} bereits bei Home Assistant an, unter dem Basis-Topic ${base}: diese hier tut es deshalb nicht und lässt jene Nachrichten in Ruhe. Einer von beiden eine andere meter.id geben oder hier homeassistant.enabled auf false setzen; gibt es die andere nicht mehr, ihre Discovery-Nachrichten auf dem Broker löschen und neu starten`,
  };
}

function first(meter: string, base: string): Phrase {
  return {
    en: `another bridge, under the base topic ${base}, reads the meter ${meter} as well and leaves announcing it to Home Assistant to this one. Give one of them another meter.id, or set homeassistant.enabled to false there`,
    de: `Eine andere Brücke mit dem Basis-Topic ${base} liest ebenfalls den Zähler ${meter} und überlässt es dieser hier, ihn bei Home Assistant anzumelden. Einer von beiden eine andere meter.id geben oder dort homeassistant.enabled auf false setzen`,
  };
}
