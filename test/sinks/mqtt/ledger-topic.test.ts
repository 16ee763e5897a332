import { describe, expect, it } from "vitest";
import type { LedgerState } from "../../../src/ledger/ledger-state.ts";
import { ledgerPayload } from "../../../src/sinks/mqtt/ledger-topic.ts";
import { discoveryMessages } from "../../helpers/discovery.ts";
import { METER, readingOf } from "../../helpers/readings.ts";

const at = (text: string) => ({ at: Date.parse(text), offset: 120 });
const STATE: LedgerState = {
  quarterStart: at("2026-06-01T12:30:00+02:00"),
  quarterImport: 47,
  quarterExport: 1200,
  forecast: 640,
  lastQuarter: { start: at("2026-06-01T12:15:00+02:00"), import: 250, export: 0 },
  peak: { start: at("2026-06-01T07:00:00+02:00"), power: 4800 },
  windows: { summer: { today: 12_937, month: 12_937 } },
};

describe("the topic of the ledger", () => {
  it("has the keys of the contract, in kWh, W and ISO 8601", () => {
    expect(ledgerPayload(STATE)).toBe(
      '{"quarter_start":"2026-06-01T12:30:00+02:00","quarter_energy_import":0.047,"quarter_energy_export":1.200,' +
        '"quarter_power_forecast":640,"last_quarter_start":"2026-06-01T12:15:00+02:00",' +
        '"last_quarter_energy_import":0.250,"last_quarter_energy_export":0.000,"last_quarter_power":1000,' +
        '"month_peak_power":4800,"month_peak_start":"2026-06-01T07:00:00+02:00",' +
        '"windows":{"summer":{"today":12.937,"month":12.937}}}',
    );
  });

  it("omits unknown values", () => {
    const unknown = { quarterImport: null, quarterExport: null, forecast: null, lastQuarter: null, peak: null };
    expect(ledgerPayload({ ...STATE, ...unknown, windows: {} })).toBe('{"quarter_start":"2026-06-01T12:30:00+02:00"}');
    const importOnly = { ...STATE, quarterExport: null, lastQuarter: { ...STATE.lastQuarter, export: null } };
    expect(ledgerPayload(importOnly as LedgerState)).not.toContain("export");
  });
});

describe("the entities of the ledger", () => {
  const entities = (language: "en" | "de", values = readingOf().values) =>
    discoveryMessages(METER, values, {
      base: "kaifa2mqtt",
      prefix: "homeassistant",
      language,
      version: "0",
      windows: ["summer"],
    })
      .map(({ payload }) => JSON.parse(payload))
      .filter(({ state_topic }) => state_topic === `kaifa2mqtt/${METER.id}/ledger`);

  it("match the golden file", async () => {
    const text = JSON.stringify(entities("en"), null, 2);
    await expect(`${text}\n`).toMatchFileSnapshot("../../fixtures/discovery/ledger.en.json");
  });

  it("are disabled if they would clutter the device page", () => {
    const enabled = entities("de").filter(({ enabled_by_default }) => enabled_by_default !== false);
    expect(enabled.map(({ name }) => name)).toEqual([
      "Letzte Viertelstunde Leistung",
      "Monatsspitze Leistung",
      "Monatsspitze Zeitpunkt",
      "Fenster summer heute",
      "Fenster summer diesen Monat",
    ]);
  });

  it("exist only for registers that the meter sends", () => {
    const imported = readingOf([["1-0:1.8.0*255", 1, 0, "Wh"]]).values;
    expect(entities("en", imported).map(({ unique_id }) => unique_id)).not.toContain(
      `kaifa2mqtt_${METER.id}_quarter_energy_export`,
    );
    expect(entities("en", readingOf([["1-0:1.7.0*255", 1, 0, "W"]]).values)).toEqual([]);
  });

  it("have state classes that Home Assistant accepts for their device class", () => {
    const allowed: Record<string, (string | undefined)[]> = {
      energy: ["total", "total_increasing"],
      power: ["measurement"],
      timestamp: [undefined],
    };
    for (const { device_class, state_class, last_reset_value_template } of entities("en")) {
      expect(allowed[device_class]).toContain(state_class);
      expect(last_reset_value_template !== undefined).toBe(state_class === "total");
    }
  });
});
