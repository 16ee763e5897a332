/** Hundreds of new meters: their announcements wait for the broker, and none is left out or taken back. */
import { afterEach, beforeEach, expect, it } from "vitest";
import type { MqttSink } from "../../../../src/sinks/mqtt/mqtt-sink.ts";
import { TestBroker } from "../../../helpers/broker.ts";
import { sinkAt } from "../../../helpers/mqtt-sink.ts";
import { METER, NETZ_NOE, readingOf } from "../../../helpers/readings.ts";
import { statusOf } from "../../../helpers/statuses.ts";

const METERS = Array.from({ length: 200 }, (_, n) => ({ ...METER, id: `m${n}`, serialNumber: `m${n}` }));

let broker: TestBroker;
let sink: MqttSink;

beforeEach(async () => {
  broker = await TestBroker.start();
  sink = sinkAt(broker.url, { meters: () => METERS.map(statusOf) });
  await sink.start();
  await broker.message("kaifa2mqtt/bridge/state", "online");
});
afterEach(async () => {
  await sink.stop();
  await broker.stop();
});

const acceptAll = (): void => {
  for (const meter of METERS) sink.accept({ type: "reading", reading: readingOf(NETZ_NOE, { meter }) });
};
const announced = (): string[] => [...broker.retained.keys()].filter((topic) => topic.startsWith("homeassistant/"));
const LAST = "homeassistant/event/kaifa2mqtt_m199/event/config";
const lastAnnounced = (): Promise<void> =>
  broker.until(() => broker.sent.some(({ topic }) => topic === LAST), "the last entity of the last meter", 30_000);
const announcedBy = (id: string): number => announced().filter((topic) => topic.includes(`/kaifa2mqtt_${id}/`)).length;

it("are all announced, and again after the broker's return, without an empty message between", async () => {
  acceptAll();
  await lastAnnounced();
  const each = announcedBy("m199");
  expect(each).toBeGreaterThan(20);
  expect(METERS.filter(({ id }) => announcedBy(id) !== each)).toEqual([]);

  const before = announced();
  broker.sent.length = 0;
  broker.cut();
  await lastAnnounced();
  acceptAll();
  await broker.message("kaifa2mqtt/m199/1.8.0");
  const discovery = broker.sent.filter(({ topic }) => topic.startsWith("homeassistant/"));
  expect(discovery.filter(({ payload }) => payload === "")).toEqual([]);
  expect(new Set(discovery.map(({ topic }) => topic))).toEqual(new Set(before));
}, 90_000);
