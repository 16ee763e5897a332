import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { MeterInfo } from "../../../../src/meter/events.ts";
import { GRACE_MS, HISTORY_FILE } from "../../../../src/sinks/mqtt/discovery/publication-history.ts";
import type { MqttSink } from "../../../../src/sinks/mqtt/mqtt-sink.ts";
import { TestBroker } from "../../../helpers/broker.ts";
import { discoveryMessages } from "../../../helpers/discovery.ts";
import { type SinkOptions, sinkAt } from "../../../helpers/mqtt-sink.ts";
import { METER, readingOf } from "../../../helpers/readings.ts";
import { statusOf } from "../../../helpers/statuses.ts";
import { temporaryFolder } from "../../../helpers/temporary-folder.ts";

const ENERGY = "homeassistant/sensor/kaifa2mqtt_181220000009/energy_import/config";
const JSON_TOPIC = "kaifa2mqtt/181220000009";
const CONNECTIVITY = "homeassistant/binary_sensor/kaifa2mqtt_bridge_0123456789ab/connectivity/config";
const OURS = "0123456789ab";
const THEIRS = "ba9876543210";

describe("retained messages belong to the bridge that published them", () => {
  let broker: TestBroker;
  let dataDir: string;
  const sinks: MqttSink[] = [];

  interface Run extends Partial<SinkOptions> {
    readonly base?: string;
    readonly meter?: MeterInfo;
  }
  /** A bridge whose meter has sent a reading, and its log. */
  async function running({ base, meter = METER, ...rest }: Run = {}) {
    const logLines: string[] = [];
    const say = (message: string) => void logLines.push(message);
    const log = { error: say, warn: say, info: say, debug: () => undefined };
    const sink = sinkAt(broker.url, { meters: () => [statusOf(meter)], base, dataDir, log, ...rest });
    sinks.push(sink);
    await sink.start();
    sink.accept({ type: "reading", reading: readingOf(undefined, { meter }) });
    await broker.message(`${base ?? "kaifa2mqtt"}/bridge/meters/${meter.id}`);
    return { sink, logLines };
  }
  const other = (run: Run = {}) =>
    running({ base: "elsewhere", instance: THEIRS, dataDir: join(dataDir, "theirs"), ...run });
  const discovery = () => [...broker.retained].filter(([topic]) => /^(homeassistant|ha2)\//.test(topic));
  const under = (start: string) => [...broker.retained.keys()].filter((topic) => topic.startsWith(start));
  const gone = (topic: string) => broker.until(() => !broker.retained.has(topic), `${topic} is cleared`);
  /** Long enough to read and process all retained messages. */
  const settled = () => new Promise((resolve) => setTimeout(resolve, 800));
  const announced = () => broker.until(() => broker.retained.has(ENERGY), "announced");

  beforeEach(async () => {
    broker = await TestBroker.start();
    dataDir = temporaryFolder();
  });
  afterEach(async () => {
    await Promise.all(sinks.splice(0).map((sink) => sink.stop()));
    await broker.stop();
  });

  it.each([true, false])(
    "a second bridge with the same meter leaves the first one's messages alone, discovery %s",
    async (enabled) => {
      const first = await other();
      await announced();
      await settled();
      const before = discovery();
      const second = await running({ homeassistant: { enabled } });
      await settled();
      expect(discovery()).toEqual(before);
      const warned = ({ logLines }: { logLines: string[] }) =>
        logLines.filter((text) => text.includes("another bridge"));
      if (enabled) await broker.until(() => warned(first).length > 0, "the first has heard of it");
      for (const bridge of [first, second]) {
        expect(warned(bridge)).toHaveLength(enabled ? 1 : 0);
        expect(bridge.sink.status().problems).toHaveLength(enabled ? 1 : 0);
      }
      await second.sink.stop();
      await first.sink.stop();
      await (await running({ homeassistant: { enabled } })).sink.stop();
      expect(discovery()).toEqual(before);
    },
  );

  it("a message of version 1.0.0 is another bridge's under another base topic, and ours under our own", async () => {
    const old = (base: string) =>
      discoveryMessages(METER, readingOf().values, {
        base,
        prefix: "homeassistant",
        language: "en",
        version: "1.0.0",
      }).map(({ topic, payload }) => ({ topic, payload: payload.replace(/,"via_device":"[^"]*"/, "") }));
    await broker.retain("before/bridge/info", JSON.stringify({ version: "1.0.0", instance: THEIRS, meters: [] }));
    for (const { topic, payload } of old("before")) await broker.retain(topic, payload);
    const { sink } = await running();
    await settled();
    expect(JSON.parse(broker.retained.get(ENERGY) ?? "{}").state_topic).toContain("before/");
    await sink.stop();
    for (const { topic, payload } of old("kaifa2mqtt")) await broker.retain(topic, payload);
    await running();
    await broker.until(() => (broker.retained.get(ENERGY) ?? "").includes("via_device"), "replaced by ours");
  });

  it("a forged message that names other programs' topics does not get them cleared", async () => {
    const forge = (base: string, state: string) =>
      JSON.stringify({
        ...{ unique_id: "kaifa2mqtt_old_power_import", state_topic: state, origin: { name: "kaifa2mqtt" } },
        ...{ availability: [{ topic: `${base}/bridge/state` }], device: { via_device: `kaifa2mqtt_bridge_${OURS}` } },
      });
    const topic = "homeassistant/sensor/kaifa2mqtt_old/power_import/config";
    await broker.retain("victim/old/1.7.0", "5");
    await broker.retain("kaifa2mqtt/old/availability", "offline");
    await broker.retain(topic, forge("victim", "victim/old/1.7.0"));
    const { sink } = await running({ dataDir: undefined });
    await settled();
    await sink.stop();
    expect(broker.retained.get("victim/old/1.7.0")).toBe("5");
    await broker.retain(topic, forge("kaifa2mqtt", "kaifa2mqtt/old/#"));
    await running({ dataDir: undefined });
    await gone(topic);
    await settled();
    expect(broker.retained.get("victim/old/1.7.0")).toBe("5");
    expect(broker.sent.filter(({ topic: sent }) => /[+#]/.test(sent))).toEqual([]);
  });

  /** Messages retained by a fresh bridge with these settings, on its own broker. */
  async function leftBy(run: Run, marker: string): Promise<string[]> {
    const shared = broker;
    broker = await TestBroker.start();
    try {
      const { sink } = await running({ ...run, dataDir: join(dataDir, `fresh-${marker.replaceAll("/", "-")}`) });
      await broker.until(() => broker.retained.has(marker), marker);
      await settled();
      await sink.stop();
      return [...broker.retained.keys()].sort();
    } finally {
      await broker.stop();
      broker = shared;
    }
  }

  it.each<[string, Run, string]>([
    ["base topic", { base: "new" }, "new/181220000009/1.8.0"],
    ["discovery topic", { homeassistant: { discovery_topic: "ha2" } }, ENERGY.replace("homeassistant", "ha2")],
    ["id", { meter: { ...METER, id: "house" } }, ENERGY.replace("181220000009", "house")],
    ["name", { meter: { ...METER, name: "House" } }, ENERGY],
    [
      "form of discovery",
      { homeassistant: { discovery: "device" } },
      "homeassistant/device/kaifa2mqtt_181220000009/config",
    ],
    ["discovery off", { homeassistant: { enabled: false } }, "kaifa2mqtt/181220000009/1.8.0"],
    [
      "id while discovery is off",
      { meter: { ...METER, id: "house" }, homeassistant: { enabled: false } },
      "kaifa2mqtt/house/1.8.0",
    ],
  ])(
    "leaves nothing of ours behind and others' messages alone: %s changed and changed back",
    async (_, changed, marker) => {
      await other({ meter: { ...METER, id: "neighbour" } });
      await broker.until(() => discovery().length > 10, "the neighbour is announced");
      await settled();
      const theirs = () => [...broker.retained].filter(([topic]) => /neighbour|elsewhere|_bridge_ba98/.test(topic));
      const names = () => [...broker.retained.keys()].sort();
      const [before, alone] = [theirs().filter(([topic]) => !topic.includes("bridge/")), names()];
      const first = await running();
      await announced();
      await settled();
      const full = names();
      await first.sink.stop();
      const second = await running(changed);
      await broker.until(() => broker.retained.has(marker), marker);
      // The states of an entity are cleared three seconds after the entity has changed.
      const ours = () => names().filter((topic) => !alone.includes(topic));
      const expected = JSON.stringify(await leftBy(changed, marker));
      await broker.until(() => JSON.stringify(ours()) === expected, "same as a fresh bridge");
      await second.sink.stop();
      await running();
      await announced();
      await broker.until(() => JSON.stringify(names()) === JSON.stringify(full), "everything as it was before");
      expect(theirs().filter(([topic]) => !topic.includes("bridge/"))).toEqual(before);
    },
    30_000,
  );

  it("a renamed meter leaves no values behind with discovery off", async () => {
    const off = { homeassistant: { enabled: false } };
    const { sink } = await running(off);
    await settled();
    await sink.stop();
    expect(under("kaifa2mqtt/181220000009")).not.toEqual([]);
    await running({ ...off, meter: { ...METER, id: "house" } });
    await broker.until(
      () =>
        under("kaifa2mqtt/181220000009").length === 0 && !broker.retained.has("kaifa2mqtt/bridge/meters/181220000009"),
      "nothing of the old id is left",
    );
    expect(broker.retained.get("kaifa2mqtt/house/1.8.0")).toBe("12.937");
  });

  it("an announcement by a bridge that does not exist does not block ours, and is reported once", async () => {
    const forged = discoveryMessages(METER, readingOf().values, {
      ...{ base: "evil", prefix: "homeassistant", language: "en", version: "1.1.0", instance: THEIRS },
    });
    for (const { topic, payload } of forged) await broker.retain(topic, payload);
    const { sink, logLines } = await running();
    await broker.until(() => (broker.retained.get(ENERGY) ?? "").includes("kaifa2mqtt/181220000009"), "ours");
    for (let n = 0; n < 3; n++) sink.accept({ type: "reading", reading: readingOf() });
    await settled();
    expect(logLines.filter((text) => /base topic evil.*no such bridge.*delete that message/.test(text))).toHaveLength(
      1,
    );
    expect(sink.status().problems).toEqual([]);
  });

  it("a base topic changed with the update from version 1.0.0, which kept no record: nothing is left behind", async () => {
    const info = { version: "1.0.0", instance: OURS, meters: [{ id: METER.id, port: "/dev/ttyUSB0" }] };
    await broker.retain("before/bridge/info", JSON.stringify(info));
    await broker.retain("before/bridge/state", "offline");
    await broker.retain(`before/${METER.id}/1.8.0`, "5");
    await broker.retain(`before/${METER.id}/availability`, "offline");
    await broker.retain(`before/${METER.id}`, "{}");
    const old = { base: "before", prefix: "homeassistant", language: "en", version: "1.0.0" } as const;
    for (const { topic, payload } of discoveryMessages(METER, readingOf().values, old)) {
      await broker.retain(topic, payload.replace(/,"via_device":"[^"]*"/, ""));
    }
    await running();
    await broker.until(() => (broker.retained.get(ENERGY) ?? "").includes("kaifa2mqtt/181220000009"), "ours");
    await broker.until(() => under("before/").length === 0, "nothing is left under the old base topic");
  });

  it("subscribes to no discovery messages of other devices, and unsubscribes from old topics once they are read", async () => {
    const open = new Set<string>();
    const all = new Set<string>();
    broker.aedes.on("subscribe", (list) => {
      for (const { topic } of list) {
        open.add(topic);
        all.add(topic);
      }
    });
    broker.aedes.on("unsubscribe", (list) => {
      for (const topic of list) open.delete(topic);
    });
    await running();
    await announced();
    await settled();
    const discoveries = [...all].filter((topic) => topic.startsWith("homeassistant/") && topic.endsWith("/config"));
    expect(discoveries.length).toBeGreaterThan(1);
    expect(discoveries.filter((topic) => !topic.includes("/kaifa2mqtt_"))).toEqual([]);
    const lasting = [...open].filter((topic) => !topic.includes("/bridge/rival/"));
    expect(lasting.filter((topic) => topic !== "homeassistant/status" && topic !== "kaifa2mqtt/bridge/state")).toEqual(
      // MQTT 3.1.1: one topic of each kind is checked for its echo.
      [JSON_TOPIC, CONNECTIVITY].filter((topic) => open.has(topic)),
    );
  });

  it("a meter that is no longer configured keeps its entities for thirty days, which is logged once", async () => {
    const old = { ...METER, id: "old" };
    const entity = ENERGY.replace("181220000009", "old");
    const port = (info: MeterInfo, label: string) => ({ ...statusOf(info), label });
    const both = () => [port(METER, "/dev/a"), port(old, "/dev/b")];
    const { sink } = await running({ meters: both });
    sink.accept({ type: "reading", reading: readingOf(undefined, { meter: old }) });
    await broker.until(() => broker.retained.has(entity), "both are announced");
    await settled();
    const payload = broker.retained.get(entity);
    await sink.stop();
    const one = await running({ meters: () => [port(METER, "/dev/a")] });
    await settled();
    expect(broker.retained.get(entity)).toBe(payload);
    expect(broker.retained.get("kaifa2mqtt/old/availability")).toBe("offline");
    expect(one.logLines.filter((text) => /old is no longer configured.*until \d{4}-\d\d-\d\d/.test(text))).toHaveLength(
      1,
    );
    await one.sink.stop();
    const file = join(dataDir, HISTORY_FILE);
    const stored = JSON.parse(readFileSync(file, "utf8"));
    stored.meters.old.goneSince -= GRACE_MS + 1000;
    mkdirSync(dataDir, { recursive: true });
    writeFileSync(file, JSON.stringify(stored));
    await running({ meters: () => [port(METER, "/dev/a")] });
    await gone(entity);
    await gone("kaifa2mqtt/old/1.8.0");
    expect(under("homeassistant/sensor/kaifa2mqtt_old/")).toEqual([]);
  });
});
