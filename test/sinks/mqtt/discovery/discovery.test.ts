import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { QUANTITIES } from "../../../../src/catalogue/quantities.ts";
import type { ReadingValue } from "../../../../src/meter/events.ts";
import { slugify } from "../../../../src/sinks/mqtt/discovery/slug.ts";
import { deviceDiscovery, discoveryMessages, type Options } from "../../../helpers/discovery.ts";
import { METER, NETZ_NOE, type Row, readingOf } from "../../../helpers/readings.ts";

const EN = { base: "kaifa2mqtt", prefix: "homeassistant", language: "en", version: "1.2.3" } as const;

function entities(values: readonly ReadingValue[], options: Options = EN, meter = METER) {
  return discoveryMessages(meter, values, options).map(({ topic, payload }) => ({ topic, ...JSON.parse(payload) }));
}

const KSM_WEST: readonly Row[] = [
  ["0-0:96.1.0*255", "1KFM0200234804"],
  ["0-0:42.0.0*255", "KFM1200200234804"],
  ...NETZ_NOE.slice(0, 10),
  ["1-0:3.8.0*255", 4818, 0, "varh"],
  ["1-0:4.8.0*255", 376416, 0, "varh"],
];

/** Entities of every meter. */
const ABOUT_THE_METER = [
  ...["status", "last_telegram", "telegrams_accepted", "telegrams_rejected", "problem", "connectivity"],
  ...["restart_listening", "take_capture", "event"],
];

describe("discovery", () => {
  // These files are a contract: update them with `vitest -u` only for an intended change.
  it("of a Netz NÖ meter, in English, matches the golden file", async () => {
    const text = JSON.stringify(entities(readingOf().values), null, 2);
    await expect(`${text}\n`).toMatchFileSnapshot("../../../fixtures/discovery/netz-noe.en.json");
  });

  it("of a KSM-West meter, in German and under other topics, matches the golden file", async () => {
    const options = { base: "haus/strom", prefix: "ha", language: "de", version: "1.2.3" } as const;
    const meter = { ...METER, id: "keller", name: "Zähler im Keller", serialNumber: "1KFM0200234804" };
    const text = JSON.stringify(entities(readingOf(KSM_WEST).values, options, meter), null, 2);
    await expect(`${text}\n`).toMatchFileSnapshot("../../../fixtures/discovery/ksm-west.de.json");
  });

  it("has the same unique ids whatever base topic, language and name are", () => {
    const ids = (options: typeof EN | { language: "de"; base: string; prefix: string; version: string }) =>
      entities(readingOf(KSM_WEST).values, options).map(({ unique_id }) => unique_id);
    expect(ids({ ...EN, base: "other", language: "de" })).toEqual(ids(EN));
    expect(ids(EN)).toContain("kaifa2mqtt_181220000009_reactive_energy_export");
  });

  it("every entity has both availability topics with mode all, a device, an origin and both forms of its id", () => {
    const all = entities(readingOf(KSM_WEST).values);
    expect(all.length).toBeGreaterThan(15);
    for (const entity of all) {
      expect(entity.availability.map(({ topic }: { topic: string }) => topic)).toEqual([
        "kaifa2mqtt/bridge/state",
        "kaifa2mqtt/181220000009/availability",
      ]);
      expect(entity).toMatchObject({ availability_mode: "all", origin: { name: "kaifa2mqtt", sw_version: "1.2.3" } });
      expect(entity.device).toEqual(all[0]?.device);
      const [, platform] = entity.topic.split("/");
      expect(entity.default_entity_id).toBe(`${platform}.${entity.object_id}`);
    }
  });

  it("disables only entities that would fill the recorder or clutter the device page", () => {
    const hidden = entities(readingOf().values).filter((entity) => entity.enabled_by_default === false);
    expect(hidden.map(({ unique_id }) => unique_id)).toEqual(
      ["last_telegram", "telegrams_accepted", "restart_listening", "take_capture", "event"].map(
        (key) => `kaifa2mqtt_181220000009_${key}`,
      ),
    );
    expect(hidden.every((entity) => entity.entity_category === "diagnostic")).toBe(true);
  });

  it("announces a code without a name as a hidden diagnostic entity, and no text that is part of the device", () => {
    const [unknown, ...rest] = entities(
      readingOf([
        ["1-0:81.7.1*255", 120, 0, "°"],
        ["0-0:96.1.0*255", "181220000009"],
      ]).values,
    );
    expect(unknown).toMatchObject({
      name: "OBIS 81.7.1",
      unique_id: "kaifa2mqtt_181220000009_obis_81_7_1",
      unit_of_measurement: "°",
      entity_category: "diagnostic",
      enabled_by_default: false,
    });
    expect(unknown?.device_class).toBeUndefined();
    expect(rest.map(({ unique_id }) => unique_id)).toEqual(
      ABOUT_THE_METER.map((key) => `kaifa2mqtt_181220000009_${key}`),
    );
  });

  it.each([
    ["netz-noe.en.json", EN, METER, readingOf()],
    [
      "ksm-west.de.json",
      { base: "haus/strom", prefix: "ha", language: "de", version: "1.2.3" },
      { ...METER, id: "keller", name: "Zähler im Keller", serialNumber: "1KFM0200234804" },
      readingOf(KSM_WEST),
    ],
  ] as const)("keeps what version 1.0.0 announced: %s", (file, options, meter, reading) => {
    const text = readFileSync(new URL(`../../../fixtures/discovery/1.0.0/${file}`, import.meta.url), "utf8");
    const before = JSON.parse(text) as Record<string, unknown>[];
    const now = new Map(entities(reading.values, options, meter).map((entity) => [entity.topic, entity]));
    const message = deviceDiscovery(meter, reading.values, options);
    const { components } = JSON.parse(message.payload);
    for (const { topic, device, origin, availability, ...fields } of before) {
      const entity = now.get(topic);
      expect(entity?.device.identifiers).toEqual((device as { identifiers: unknown }).identifiers);
      const component = components[String(topic).split("/").at(-2) ?? ""];
      for (const name of Object.keys(fields)) {
        // The only change: the state of the status is now a word, and the sentence an attribute.
        if (/template$/.test(name) && String(topic).includes("/status/")) continue;
        expect([topic, name, entity[name]]).toEqual([topic, name, fields[name]]);
        if (name !== "availability_mode") expect([topic, name, component[name]]).toEqual([topic, name, fields[name]]);
      }
    }
  });

  it("as one message per device has the same entities, with shared fields only once", () => {
    const message = deviceDiscovery(METER, readingOf().values, EN);
    expect(message.topic).toBe("homeassistant/device/kaifa2mqtt_181220000009/config");
    const { components, device, origin, availability, availability_mode } = JSON.parse(message.payload);
    for (const { topic, ...entity } of entities(readingOf().values)) {
      const [, platform, , key] = topic.split("/");
      expect({ availability, availability_mode, device, origin, ...components[key] }).toEqual({ platform, ...entity });
    }
    expect(Object.keys(components)).toHaveLength(entities(readingOf().values).length);
  });

  it("does not present the bridge's version as the meter's firmware, and links the meter to the bridge", () => {
    expect(entities(readingOf().values)[0]?.device).toMatchObject({
      sw_version: "kaifa2mqtt 1.2.3",
      via_device: "kaifa2mqtt_bridge_0123456789ab",
    });
  });

  it("names a status page and a support URL only if they are known", () => {
    const [without] = entities(readingOf().values);
    expect(without?.device).not.toHaveProperty("configuration_url");
    expect(without?.origin).not.toHaveProperty("support_url");
    const [entity] = entities(readingOf().values, {
      ...EN,
      configurationUrl: "http://192.168.1.5:8099/",
      supportUrl: "https://example.org/issues",
    });
    expect(entity?.device.configuration_url).toBe("http://192.168.1.5:8099/");
    expect(entity?.origin.support_url).toBe("https://example.org/issues");
  });

  it("without topics for single values reads the JSON object, and keeps the state if a list lacks the key", () => {
    const [energy] = entities(readingOf().values, { ...EN, topics: "json" });
    expect(energy).toMatchObject({
      unique_id: "kaifa2mqtt_181220000009_energy_import",
      state_topic: "kaifa2mqtt/181220000009",
      value_template: "{{ value_json.get('energy_import', '') }}",
    });
    const ids = (topics: "all" | "json") => entities(readingOf().values, { ...EN, topics }).map((e) => e.unique_id);
    expect(ids("json")).toEqual(ids("all"));
  });
});

describe("the table of quantities", () => {
  it("has unique keys and codes", () => {
    expect(new Set(QUANTITIES.map(({ key }) => key)).size).toBe(QUANTITIES.length);
    expect(new Set(QUANTITIES.map(({ code }) => code)).size).toBe(QUANTITIES.length);
  });

  it("has unique names in each language, so that no two entities of a device look alike", () => {
    for (const language of ["en", "de"] as const) {
      expect(new Set(QUANTITIES.map(({ name }) => name[language])).size).toBe(QUANTITIES.length);
    }
  });

  it("uses only units that Home Assistant allows for the device class", () => {
    const allowed: Record<string, string | null> = {
      energy: "kWh",
      reactive_energy: "kvarh",
      power: "W",
      reactive_power: "var",
      apparent_power: "VA",
      power_factor: null,
      frequency: "Hz",
      voltage: "V",
      current: "A",
    };
    for (const { deviceClass, unit, key } of QUANTITIES) {
      if (deviceClass !== null) expect([key, unit]).toEqual([key, allowed[deviceClass]]);
    }
  });
});

describe("the slug of an entity id", () => {
  it("matches Home Assistant's", () => {
    expect(slugify("Kaifa MA309")).toBe("kaifa_ma309");
    expect(slugify("Zähler im Keller (Süd)")).toBe("zahler_im_keller_sud");
    expect(slugify("  Straße 5—links ")).toBe("strasse_5_links");
  });
});
