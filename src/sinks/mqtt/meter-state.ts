/** The newest state of one meter, and the messages that publish it. */
import type { PublishConfig } from "../../config/options.ts";
import type { MeterInfo, Reading, ReadingValue } from "../../meter/events.ts";
import { readingToJson } from "../../meter/reading.ts";
import type { Message } from "./message.ts";
import { PowerAggregation, type PowerChoice } from "./power-aggregation.ts";
import { LEDGER, OFFLINE, ONLINE, topics } from "./topics.ts";

/** Different codes of one meter that are remembered; the longest list seen has 65. */
const MAX_VALUES = 300;
/** Different lists of one meter of which the latest JSON is kept; the most seen are three (Norway). */
const MAX_LISTS = 8;

/** `publish.topics`: a topic for each value, one JSON object for each reading, or both. */
export type TopicChoice = PublishConfig["topics"];

export class MeterState {
  info: MeterInfo;
  online = false;
  /** As it is to be published. */
  latest: Reading | null = null;
  /** Latest value under each topic, over all lists that the meter sends. */
  readonly values = new Map<string, ReadingValue>();
  /** JSON of the latest complete reading. */
  json: string | null = null;
  /** State of the ledger, as JSON. */
  ledger: string | null = null;
  /** A newer reading than the one last sent waits. */
  waiting = false;
  /** When the readings that are not yet acknowledged were sent, monotonic milliseconds, oldest first. */
  readonly inFlight: number[] = [];
  /** Monotonic milliseconds of the last publication. */
  sentAt = Number.NEGATIVE_INFINITY;
  timer: NodeJS.Timeout | null = null;
  readonly #powers: PowerAggregation;
  readonly #topics: TopicChoice;
  /** With `json`: the latest object of each list that the meter sends, by the keys in it. */
  readonly #lists = new Map<string, string>();

  constructor(info: MeterInfo, power: PowerChoice, topicChoice: TopicChoice = "all") {
    this.info = info;
    this.#powers = new PowerAggregation(power);
    this.#topics = topicChoice;
  }

  /** Takes a reading in. @returns whether it is the first complete one, and whether entities come or change with it */
  take(reading: Reading): { first: boolean; changed: boolean } {
    const known = this.values.size;
    this.latest = this.#powers.add(reading);
    for (const value of this.latest.values) {
      if (this.values.size < MAX_VALUES || this.values.has(value.topic)) this.values.set(value.topic, value);
    }
    const first = this.json === null && reading.complete;
    const changed = this.values.size !== known || !sameInfo(this.info, reading.meter);
    this.info = reading.meter;
    if (reading.complete) {
      this.json = readingToJson(this.latest);
      if (this.#topics === "json") this.#keepList(this.latest, this.json);
    }
    this.waiting = true;
    return { first, changed };
  }

  /**
   * The latest reading: value by value, the powers first, as one JSON object, or both. The message that closes a complete one goes with
   * QoS 1. The reading then no longer waits.
   */
  takeMessages(base: string, legacyBase: string | undefined, now: number): Message[] {
    const { latest, info, json } = this;
    this.waiting = false;
    this.#powers.clear();
    if (latest === null) return [];
    // What is sent at first contact is not yet a reading; the first whole one need not wait for the interval.
    if (latest.complete) this.sentAt = now;
    const messages: Message[] = [];
    const add = (value: ReadingValue): void => {
      if (this.#topics !== "json") {
        messages.push({ topic: topics.value(base, info.id, value.topic), payload: value.text });
      }
      const legacy = legacyBase === undefined ? null : legacyMessage(legacyBase, value);
      if (legacy !== null) messages.push(legacy);
    };
    // What controls a battery or a charger waits for the powers.
    for (const value of latest.values) if (isPower(value)) add(value);
    for (const value of latest.values) if (!isPower(value)) add(value);
    const topic = topics.reading(base, info.id);
    if (this.#topics === "json") {
      // Without a topic for each value, instantaneous values do not wait for the registers.
      const payload = latest.complete && json !== null ? json : readingToJson(latest);
      messages.push({ topic, payload, qos: 1 });
    } else if (this.#topics === "all") {
      if (json !== null) messages.push({ topic, payload: json, qos: 1 });
    } else if (latest.complete) {
      const last = messages.pop();
      if (last !== undefined) messages.push({ ...last, qos: 1 });
    }
    return messages;
  }

  /** Values of other lists than the latest. */
  earlierMessages(base: string): Message[] {
    const { id } = this.info;
    if (this.#topics === "json") {
      const earlier = [...this.#lists.values()].filter((payload) => payload !== this.json);
      return earlier.map((payload) => ({ topic: topics.reading(base, id), payload }));
    }
    return [...this.values.values()]
      .filter((value) => !this.latest?.values.includes(value))
      .map((value) => ({ topic: topics.value(base, id, value.topic), payload: value.text }));
  }

  /** Whether something is published on this topic below that of the meter. @param segment OBIS code, or `""` for the JSON object */
  publishesOn(segment: string): boolean {
    if (segment === "") return this.#topics !== "values";
    if (segment === LEDGER) return this.ledger !== null;
    return this.#topics !== "json" && this.values.has(segment);
  }

  /** State of the ledger; none before there is one. */
  ledgerMessages(base: string): Message[] {
    return this.ledger === null ? [] : [{ topic: topics.ledger(base, this.info.id), payload: this.ledger }];
  }

  availability(base: string): Message {
    return { topic: topics.availability(base, this.info.id), payload: this.online ? ONLINE : OFFLINE };
  }

  /** Whether every telegram holds everything that the meter sends; others send different lists in turn. */
  get sendsOneList(): boolean {
    const telegram = this.latest?.telegram;
    return telegram?.transport === "p1" || (telegram?.transport === "mbus" && /^(flat|nested)$/.test(telegram.layout));
  }

  #keepList({ values }: Reading, json: string): void {
    const keys = values.map(({ key }) => key).join(" ");
    if (this.#lists.size < MAX_LISTS || this.#lists.has(keys)) this.#lists.set(keys, json);
  }

  /** What was begun on an earlier connection no longer matters. */
  reconnected(): void {
    this.inFlight.length = 0;
    this.sentAt = Number.NEGATIVE_INFINITY;
  }
}

/** Active power by OBIS code (import, export, net; all phases and each): a telegram without units has it, too. */
const POWERS = new Set([1, 2, 16, 21, 22, 36, 41, 42, 56, 61, 62, 76].map((c) => `${c}.7.0`));

const isPower = ({ topic }: ReadingValue): boolean => POWERS.has(topic);

/** The topics of the predecessor, in kWh as they were, for an imported meter.json. */
function legacyMessage(base: string, { key, text }: ReadingValue): Message | null {
  if (key === "energy_import") return { topic: topics.legacy(base, "RealEnergyIn_S"), payload: text };
  if (key === "energy_export") return { topic: topics.legacy(base, "RealEnergyOut_S"), payload: text };
  return null;
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
