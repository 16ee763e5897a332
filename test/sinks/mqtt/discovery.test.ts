import { describe, expect, it } from "vitest";
import { QUANTITIES } from "../../../src/catalogue/quantities.ts";
import type { ReadingValue } from "../../../src/meter/events.ts";
import { discoveryMessages } from "../../../src/sinks/mqtt/discovery.ts";
import { slugify } from "../../../src/sinks/mqtt/slug.ts";
import { METER, NETZ_NOE, type Row, readingOf } from "../../helpers/readings.ts";

const EN = { base: "kaifa2mqtt", prefix: "homeassistant", language: "en", version: "1.2.3" } as const;

function entities(
  values: readonly ReadingValue[],
  options: Parameters<typeof discoveryMessages>[2] = EN,
  meter = METER,
) {
  return discoveryMessages(meter, values, options).map(({ topic, payload }) => ({ topic, ...JSON.parse(payload) }));
}

const KSM_WEST: readonly Row[] = [
  ["0-0:96.1.0*255", "1KFM0200234804"],
  ["0-0:42.0.0*255", "KFM1200200234804"],
  ...NETZ_NOE.slice(0, 10),
  ["1-0:3.8.0*255", 4818, 0, "varh"],
  ["1-0:4.8.0*255", 376416, 0, "varh"],
];

describe("discovery", () => {
  // A change of these files is a change of a promise: update them with `vitest -u` only if it is meant.
  it("of a Netz NÖ meter, in English, is that of the golden file", async () => {
    const text = JSON.stringify(entities(readingOf().values), null, 2);
    await expect(`${text}\n`).toMatchFileSnapshot("../../fixtures/discovery/netz-noe.en.json");
  });

  it("of a KSM-West meter, in German and under other topics, is that of the golden file", async () => {
    const options = { base: "haus/strom", prefix: "ha", language: "de", version: "1.2.3" } as const;
    const meter = { ...METER, id: "keller", name: "Zähler im Keller", serialNumber: "1KFM0200234804" };
    const text = JSON.stringify(entities(readingOf(KSM_WEST).values, options, meter), null, 2);
    await expect(`${text}\n`).toMatchFileSnapshot("../../fixtures/discovery/ksm-west.de.json");
  });

  it("has the same unique ids whatever base topic, language and name are", () => {
    const ids = (options: typeof EN | { language: "de"; base: string; prefix: string; version: string }) =>
      entities(readingOf(KSM_WEST).values, options).map(({ unique_id }) => unique_id);
    expect(ids({ ...EN, base: "other", language: "de" })).toEqual(ids(EN));
    expect(ids(EN)).toContain("kaifa2mqtt_181220000009_reactive_energy_export");
  });

  it("gives every entity both availability topics with mode all, a device, an origin and both forms of its id", () => {
    const all = entities(readingOf(KSM_WEST).values);
    expect(all.length).toBeGreaterThan(15);
    for (const entity of all) {
      expect(entity.availability.map(({ topic }: { topic: string }) => topic)).toEqual([
        "kaifa2mqtt/bridge/state",
        "kaifa2mqtt/181220000009/availability",
      ]);
      expect(entity).toMatchObject({ availability_mode: "all", origin: { name: "kaifa2mqtt", sw_version: "1.2.3" } });
      expect(entity.device).toEqual(all[0]?.device);
      expect(entity.default_entity_id).toBe(`sensor.${entity.object_id}`);
    }
  });

  it("hides what would fill the recorder, and only that", () => {
    const hidden = entities(readingOf().values).filter((entity) => entity.enabled_by_default === false);
    expect(hidden.map(({ unique_id }) => unique_id)).toEqual([
      "kaifa2mqtt_181220000009_last_telegram",
      "kaifa2mqtt_181220000009_telegrams_accepted",
    ]);
    expect(hidden.every((entity) => entity.entity_category === "diagnostic")).toBe(true);
  });

  it("offers a code without a name as a hidden diagnostic entity, and no text that stands in the device", () => {
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
      ["status", "last_telegram", "telegrams_accepted", "telegrams_rejected"].map(
        (key) => `kaifa2mqtt_181220000009_${key}`,
      ),
    );
  });
});

describe("the table of quantities", () => {
  it("has no key and no code twice", () => {
    expect(new Set(QUANTITIES.map(({ key }) => key)).size).toBe(QUANTITIES.length);
    expect(new Set(QUANTITIES.map(({ code }) => code)).size).toBe(QUANTITIES.length);
  });

  it("has no name twice in either language, so that no two entities of a device look alike", () => {
    for (const language of ["en", "de"] as const) {
      expect(new Set(QUANTITIES.map(({ name }) => name[language])).size).toBe(QUANTITIES.length);
    }
  });

  it("names only units that Home Assistant allows for their device class", () => {
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

describe("a name in an entity id", () => {
  it("is written as Home Assistant writes it", () => {
    expect(slugify("Kaifa MA309")).toBe("kaifa_ma309");
    expect(slugify("Zähler im Keller (Süd)")).toBe("zahler_im_keller_sud");
    expect(slugify("  Straße 5—links ")).toBe("strasse_5_links");
  });
});
