/** The table in docs/scale.md: the broker load, calculated from the bridge's messages. */
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { createDecoder } from "../src/codec/decoder.ts";
import type { Telegram } from "../src/codec/telegram.ts";
import type { MeterStatus } from "../src/meter/events.ts";
import { buildReading } from "../src/meter/reading.ts";
import { meterInfoPayload } from "../src/sinks/mqtt/bridge-info.ts";
import { deviceMessage, meterDevice } from "../src/sinks/mqtt/discovery/discovery.ts";
import { meterEntities } from "../src/sinks/mqtt/discovery/meter-entities.ts";
import { type Message, packetBytes } from "../src/sinks/mqtt/message.ts";
import { inOrder, MeterState, type TopicChoice } from "../src/sinks/mqtt/meter-state.ts";
import { topics } from "../src/sinks/mqtt/topics.ts";
import { DEMO_KEY, SimulatedMeter } from "../src/sources/simulated-meter.ts";
import { METER } from "./helpers/readings.ts";

const METERS = 100_000;
const PERIOD_S = 5;
const BASE = "kaifa2mqtt";
const LAYOUTS = [
  ["Netz NÖ", "netz-noe"],
  ["KSM-West", "ksm-west"],
] as const;
const CHOICES: readonly TopicChoice[] = ["all", "values", "json"];

function telegramOf(layout: string): Telegram {
  const time = Date.UTC(2026, 5, 1, 10);
  const wire = new SimulatedMeter({ layout, start: time }).telegram(time);
  for (const event of createDecoder({ key: Buffer.from(DEMO_KEY, "hex") }).feed(wire)) {
    if (event.type === "telegram") return event.telegram;
  }
  throw new Error(`${layout} does not decode`);
}

const bytesOf = (messages: readonly Message[]): number => messages.reduce((sum, one) => sum + packetBytes(one), 0);
/** Of all meters. */
const megabytes = (messages: readonly Message[]): string => thousands((bytesOf(messages) * METERS) / 1e6);
const thousands = (value: number): string => Math.round(value).toLocaleString("en");

function rowOf(name: string, layout: string, choice: TopicChoice): string {
  const state = new MeterState(METER, "newest", choice);
  state.take(buildReading(telegramOf(layout), { meter: METER, receivedAt: 0, complete: true }));
  const reading = inOrder(state.takeMessages(BASE, undefined, 0));
  const options = {
    base: BASE,
    prefix: "homeassistant",
    language: "en",
    version: "1.1.0",
    instance: "0123456789ab",
  } as const;
  const entities = meterEntities(METER, state.values.values(), { ...options, topics: choice });
  const discovery = deviceMessage(meterDevice(METER, entities, options), options, new Map());
  const status: MeterStatus = {
    index: 0,
    label: "tcp://127.0.0.1:20108",
    info: METER,
    online: true,
    connected: true,
    lastTelegramAt: Date.UTC(2026, 5, 1, 10),
    periodMs: PERIOD_S * 1000,
    limitMs: 30_000,
    counters: {
      bytes: 0,
      telegrams: 99_999,
      accepted: 99_999,
      rejected: 0,
      rejectedBy: {},
      skippedBytes: 0,
      connections: 1,
    },
    diagnosis: { code: "ok", text: { en: "All well.", de: "" }, cure: { en: "", de: "" } },
  };
  const info = { topic: topics.bridgeMeter(BASE, METER.id), payload: meterInfoPayload(status, "en") };
  const states = [...reading, state.availability(BASE), info];
  const announced = [...states, { topic: discovery.topic, payload: discovery.payload }];
  const perSecond = METERS / PERIOD_S;
  return [
    "",
    name,
    `\`${choice}\``,
    `${reading.length}, ${thousands(bytesOf(reading))} bytes`,
    thousands(reading.length * perSecond + METERS / 60),
    `${((bytesOf(reading) * perSecond + (packetBytes(info) * METERS) / 60) / 1e6).toFixed(1)} MB`,
    `${thousands(announced.length * METERS)}, ${megabytes(announced)} MB`,
    `${thousands(states.length * METERS)}, ${megabytes(states)} MB`,
    "",
  ]
    .join(" | ")
    .trim();
}

it("gives the broker load of 100,000 meters for the current messages", () => {
  const table = [
    "| layout | `publish.topics` | messages a reading | messages/s | a second | retained | retained without discovery |",
    "| --- | --- | --- | --- | --- | --- | --- |",
    ...LAYOUTS.flatMap(([name, layout]) => CHOICES.map((choice) => rowOf(name, layout, choice))),
  ].join("\n");
  expect(readFileSync("docs/scale.md", "utf8"), `docs/scale.md needs this table:\n${table}`).toContain(table);
});
