/** The latest state of one meter, and the messages that publish it. */
import type { Telegram } from "../../codec/telegram.ts";
import type { PublishConfig } from "../../config/options.ts";
import type { MeterInfo, Reading, ReadingValue } from "../../meter/events.ts";
import { MAX_CODES } from "../../meter/known-codes.ts";
import { readingToJson } from "../../meter/reading.ts";
import type { Message } from "./message.ts";
import { PowerAggregation, type PowerChoice } from "./power-aggregation.ts";
import { LEDGER, OFFLINE, ONLINE, topics } from "./topics.ts";

/** Maximum number of distinct lists per meter whose latest JSON is kept; the most seen are three (Norway). */
const MAX_LISTS = 8;

/** `publish.topics`: one topic per value, one JSON object per reading, or both. */
export type TopicChoice = PublishConfig["topics"];

/** The messages of one reading, in the order in which they are sent. */
export interface ReadingMessages {
  /** First: battery and charger controllers wait for them. */
  readonly powers: readonly Message[];
  readonly values: readonly Message[];
  /** With QoS 1; `null` for what is sent at first contact. */
  readonly last: Message | null;
}

export const inOrder = ({ powers, values, last }: ReadingMessages): Message[] => [
  ...powers,
  ...values,
  ...(last === null ? [] : [last]),
];

/** What is kept of the latest reading: little, because that of a thousand meters is copied by the garbage collector. */
interface Latest {
  readonly complete: boolean;
  /** In the form to publish; empty if only the JSON is published. */
  readonly values: readonly ReadingValue[];
  /** The reading as JSON; `null` if more than the JSON is published. */
  readonly json: string | null;
}

const NO_VALUES: readonly ReadingValue[] = [];

export class MeterState {
  info: MeterInfo;
  online = false;
  /** The latest reading, as far as it is still to be published. */
  latest: Latest | null = null;
  /** Whether each telegram contains everything that the meter sends; other meters send different lists in turn. */
  sendsOneList = false;
  /** Latest value per topic, across all lists that the meter sends; its text may be older if only the JSON is published. */
  readonly values = new Map<string, ReadingValue>();
  /** JSON of the latest complete reading. */
  json: string | null = null;
  /** State of the ledger, as JSON. */
  ledger: string | null = null;
  /** A newer reading than the last one sent is waiting. */
  waiting = false;
  /** When each unacknowledged reading was sent, monotonic milliseconds, oldest first. */
  readonly inFlight: number[] = [];
  /** Time of the last publication, monotonic milliseconds. */
  sentAt = Number.NEGATIVE_INFINITY;
  timer: NodeJS.Timeout | null = null;
  /** `null`: every reading is published as it is. */
  readonly #powers: PowerAggregation | null;
  readonly #topics: TopicChoice;
  readonly #keepsTexts: boolean;
  /** With `json`: the latest object of each list that the meter sends in turn with others, by its keys. */
  #lists: Map<string, string> | null = null;

  /** @param legacy whether `mqtt.legacy_base_topic` is set: it gets single values even with `json` */
  constructor(info: MeterInfo, power: PowerChoice, topicChoice: TopicChoice = "all", legacy = false) {
    this.info = info;
    this.#keepsTexts = topicChoice !== "json" || legacy;
    this.#powers = power === "newest" ? null : new PowerAggregation(power);
    this.#topics = topicChoice;
  }

  /** Stores a reading. @returns whether it is the first complete one, and whether it adds or changes entities */
  take(reading: Reading): { first: boolean; changed: boolean } {
    const known = this.values.size;
    const taken = this.#powers?.add(reading) ?? reading;
    const { complete, values } = taken;
    this.sendsOneList = sendsOneList(reading.telegram);
    for (const value of values) {
      const before = this.values.get(value.topic);
      if (before === undefined ? this.values.size < MAX_CODES : this.#keepsTexts || !announcesSame(before, value))
        this.values.set(value.topic, value);
    }
    const first = this.json === null && reading.complete;
    const changed = this.values.size !== known || !sameInfo(this.info, reading.meter);
    this.info = reading.meter;
    const json = complete || this.#topics === "json" ? readingToJson(taken) : null;
    if (complete) {
      this.json = json;
      if (this.#topics === "json" && json !== null && !this.sendsOneList) this.#keepList(values, json);
    }
    this.latest = {
      complete,
      values: this.#keepsTexts ? values : NO_VALUES,
      json: this.#topics === "json" ? json : null,
    };
    this.waiting = true;
    return { first, changed };
  }

  /**
   * The latest reading: value by value with the powers first, as one JSON object, or both. Afterwards the reading is no
   * longer waiting.
   */
  takeMessages(base: string, legacyBase: string | undefined, now: number): ReadingMessages {
    const { latest, info } = this;
    this.waiting = false;
    this.#powers?.clear();
    const powers: Message[] = [];
    const values: Message[] = [];
    if (latest === null) return { powers, values, last: null };
    // What is sent at first contact isn't a complete reading; the first complete one doesn't wait for the interval.
    if (latest.complete) this.sentAt = now;
    for (const value of latest.values) {
      if (this.#topics !== "json") {
        const message = { topic: topics.value(base, info.id, value.topic), payload: value.text };
        (isPower(value) ? powers : values).push(message);
      }
      const legacy = legacyBase === undefined ? null : legacyMessage(legacyBase, value);
      if (legacy !== null) values.push(legacy);
    }
    let last: Message | null = null;
    const topic = topics.reading(base, info.id);
    if (this.#topics === "json") {
      // Without topics for single values, instantaneous values don't wait for the registers.
      if (latest.json !== null) last = { topic, payload: latest.json, qos: 1, urgent: true };
    } else if (this.#topics === "all") {
      if (this.json !== null) last = { topic, payload: this.json, qos: 1, urgent: true };
    } else if (latest.complete) {
      const message = values.pop() ?? powers.pop();
      if (message !== undefined) last = { ...message, qos: 1, urgent: true };
    }
    return { powers, values, last };
  }

  /** Values from lists other than the latest. */
  earlierMessages(base: string): Message[] {
    const { id } = this.info;
    if (this.#topics === "json") {
      const earlier = [...(this.#lists?.values() ?? [])].filter((payload) => payload !== this.json);
      return earlier.map((payload) => ({ topic: topics.reading(base, id), payload }));
    }
    return [...this.values.values()]
      .filter((value) => !this.latest?.values.includes(value))
      .map((value) => ({ topic: topics.value(base, id, value.topic), payload: value.text }));
  }

  /**
   * Whether anything is published on this topic below the meter's. @param segment OBIS code, or `""` for the JSON
   * object
   */
  publishesOn(segment: string): boolean {
    if (segment === "") return this.#topics !== "values";
    if (segment === LEDGER) return this.ledger !== null;
    return this.#topics !== "json" && this.values.has(segment);
  }

  /** State of the ledger; empty if there is none yet. */
  ledgerMessages(base: string): Message[] {
    return this.ledger === null ? [] : [{ topic: topics.ledger(base, this.info.id), payload: this.ledger }];
  }

  availability(base: string): Message {
    return { topic: topics.availability(base, this.info.id), payload: this.online ? ONLINE : OFFLINE };
  }

  #keepList(values: readonly ReadingValue[], json: string): void {
    const keys = values.map(({ key }) => key).join(" ");
    this.#lists ??= new Map();
    if (this.#lists.size < MAX_LISTS || this.#lists.has(keys)) this.#lists.set(keys, json);
  }

  /** Discards the state of the previous connection. */
  reconnected(): void {
    this.inFlight.length = 0;
    this.sentAt = Number.NEGATIVE_INFINITY;
  }
}

/**
 * Active power by OBIS code (import, export, net; total and per phase), so that powers in telegrams without units are
 * recognized too.
 */
const POWERS = new Set([1, 2, 16, 21, 22, 36, 41, 42, 56, 61, 62, 76].map((c) => `${c}.7.0`));

const isPower = ({ topic }: ReadingValue): boolean => POWERS.has(topic);

/** The predecessor's topics, still in kWh, for an imported meter.json. */
function legacyMessage(base: string, { key, text }: ReadingValue): Message | null {
  if (key === "energy_import") return { topic: topics.legacy(base, "RealEnergyIn_S"), payload: text };
  if (key === "energy_export") return { topic: topics.legacy(base, "RealEnergyOut_S"), payload: text };
  return null;
}

const sendsOneList = ({ transport, layout }: Telegram): boolean =>
  transport === "p1" || (transport === "mbus" && (layout === "flat" || layout === "nested"));

/** Whether two values of a topic are announced alike. */
function announcesSame(a: ReadingValue, b: ReadingValue): boolean {
  return a.key === b.key && a.unit === b.unit && a.numeric === b.numeric && a.quantity === b.quantity;
}

function sameInfo(a: MeterInfo, b: MeterInfo): boolean {
  return (
    a === b ||
    (a.id === b.id &&
      a.name === b.name &&
      a.manufacturer === b.manufacturer &&
      a.model === b.model &&
      a.serialNumber === b.serialNumber &&
      a.systemTitle === b.systemTitle)
  );
}
