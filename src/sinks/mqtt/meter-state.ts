/** The newest of everything that the MQTT sink knows of one meter, and the messages that say it. */
import type { MeterInfo, Reading, ReadingValue } from "../../meter/events.ts";
import { readingToJson } from "../../meter/reading.ts";
import type { Message } from "./message.ts";
import { type PowerChoice, PowerWindow } from "./power-window.ts";
import { OFFLINE, ONLINE, topics } from "./topics.ts";

/** Different codes of one meter that are remembered; the longest list seen has 65. */
const MAX_VALUES = 300;

export class MeterState {
  info: MeterInfo;
  online = false;
  /** As it is to be published. */
  latest: Reading | null = null;
  /** Latest value under each topic, over all lists that the meter sends. */
  readonly values = new Map<string, ReadingValue>();
  /** JSON of the latest complete reading. */
  json: string | null = null;
  /** What the ledger says, as JSON. */
  ledger: string | null = null;
  /** A newer reading than the one last sent waits. */
  waiting = false;
  /** When the readings that are not yet acknowledged were sent, monotonic milliseconds, oldest first. */
  readonly inFlight: number[] = [];
  /** Monotonic milliseconds of the last publication. */
  sentAt = Number.NEGATIVE_INFINITY;
  timer: NodeJS.Timeout | null = null;
  /** Discovery as last sent: payload by topic. */
  readonly announced = new Map<string, string>();
  readonly #powers: PowerWindow;

  constructor(info: MeterInfo, power: PowerChoice) {
    this.info = info;
    this.#powers = new PowerWindow(power);
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
    if (reading.complete) this.json = readingToJson(this.latest);
    this.waiting = true;
    return { first, changed };
  }

  /** The latest reading value by value, and, last and with QoS 1, as one JSON object. It then no longer waits. */
  takeMessages(base: string, legacyBase: string | undefined, now: number): Message[] {
    const { latest, info, json } = this;
    this.waiting = false;
    this.#powers.clear();
    if (latest === null) return [];
    // What is sent at first contact is not yet a reading; the first whole one need not wait for the interval.
    if (latest.complete) this.sentAt = now;
    const messages: Message[] = [];
    for (const value of latest.values) {
      messages.push({ topic: topics.value(base, info.id, value.topic), payload: value.text });
      const legacy = legacyBase === undefined ? null : legacyMessage(legacyBase, value);
      if (legacy !== null) messages.push(legacy);
    }
    if (json !== null) messages.push({ topic: topics.reading(base, info.id), payload: json, qos: 1 });
    return messages;
  }

  /** Values of other lists than the latest. */
  earlierMessages(base: string): Message[] {
    return [...this.values.values()]
      .filter((value) => !this.latest?.values.includes(value))
      .map((value) => ({ topic: topics.value(base, this.info.id, value.topic), payload: value.text }));
  }

  /** What the ledger says; none before it has said something. */
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

  /** What was begun on an earlier connection no longer matters. */
  reconnected(): void {
    this.inFlight.length = 0;
    this.sentAt = Number.NEGATIVE_INFINITY;
    this.announced.clear();
  }
}

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
