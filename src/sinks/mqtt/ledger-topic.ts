/** The topic `<base>/<meter>/ledger` (product.md, "MQTT topics") and the Home Assistant entities that read it. Pure. */
import { formatDecimal } from "../../codec/values/decimal.ts";
import type { LedgerState } from "../../ledger/ledger-state.ts";
import { formatLocal } from "../../ledger/local-time.ts";

type Field = readonly [key: string, json: string | null];

/** One JSON object in kWh, W and ISO 8601; unknown values are omitted. */
export function ledgerPayload(state: LedgerState): string {
  const { quarterStart, quarterImport, quarterExport, forecast, lastQuarter, peak, windows } = state;
  const last = lastQuarter?.import ?? null;
  const fields: Field[] = [
    ["quarter_start", JSON.stringify(formatLocal(quarterStart))],
    ["quarter_energy_import", kilowattHours(quarterImport)],
    ["quarter_energy_export", kilowattHours(quarterExport)],
    ["quarter_power_forecast", forecast === null ? null : String(forecast)],
    ["last_quarter_start", lastQuarter === null ? null : JSON.stringify(formatLocal(lastQuarter.start))],
    ["last_quarter_energy_import", kilowattHours(last)],
    ["last_quarter_energy_export", kilowattHours(lastQuarter?.export ?? null)],
    ["last_quarter_power", last === null ? null : String(last * 4)],
    ["month_peak_power", peak === null ? null : String(peak.power)],
    ["month_peak_start", peak === null ? null : JSON.stringify(formatLocal(peak.start))],
    ["windows", windowsJson(windows)],
  ];
  return objectOf(fields);
}

function windowsJson(windows: LedgerState["windows"]): string | null {
  const names = Object.entries(windows);
  if (names.length === 0) return null;
  return objectOf(
    names.map(([name, { today, month }]) => [
      name,
      objectOf([
        ["today", kilowattHours(today)],
        ["month", kilowattHours(month)],
      ]),
    ]),
  );
}

function objectOf(fields: readonly Field[]): string {
  const known = fields.filter(([, json]) => json !== null);
  return `{${known.map(([key, json]) => `${JSON.stringify(key)}:${json}`).join(",")}}`;
}

/** Always three decimals: 1200 Wh is `1.200`. */
function kilowattHours(wattHours: number | null): string | null {
  return wattHours === null ? null : formatDecimal({ coefficient: wattHours, exponent: -3 });
}

/** An entity that reads the ledger topic. */
export interface LedgerEntity {
  readonly key: string;
  readonly name: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

interface Row {
  readonly key: string;
  readonly name: { readonly en: string; readonly de: string };
  readonly fields: Readonly<Record<string, unknown>>;
  /** The register that the entity requires. */
  readonly needs: "energy_import" | "energy_export";
}

const ENERGY = { device_class: "energy", unit_of_measurement: "kWh", suggested_display_precision: 3 };
const POWER = {
  device_class: "power",
  state_class: "measurement",
  unit_of_measurement: "W",
  suggested_display_precision: 0,
};
/** These change every minute or quarter hour, and few users need them. */
const DISABLED = { enabled_by_default: false };

/** Energy that resets every quarter hour. */
const ofQuarter = (start: string) => ({
  ...ENERGY,
  state_class: "total",
  last_reset_value_template: templateOf(start),
  ...DISABLED,
});

const ROWS: readonly Row[] = [
  {
    key: "quarter_energy_import",
    name: { en: "Quarter hour import", de: "Viertelstunde Bezug" },
    fields: ofQuarter("quarter_start"),
    needs: "energy_import",
  },
  {
    key: "quarter_energy_export",
    name: { en: "Quarter hour export", de: "Viertelstunde Einspeisung" },
    fields: ofQuarter("quarter_start"),
    needs: "energy_export",
  },
  {
    key: "quarter_power_forecast",
    name: { en: "Quarter hour power forecast", de: "Viertelstunde Leistung erwartet" },
    fields: { ...POWER, icon: "mdi:crystal-ball", ...DISABLED },
    needs: "energy_import",
  },
  {
    key: "last_quarter_energy_import",
    name: { en: "Last quarter hour import", de: "Letzte Viertelstunde Bezug" },
    fields: ofQuarter("last_quarter_start"),
    needs: "energy_import",
  },
  {
    key: "last_quarter_energy_export",
    name: { en: "Last quarter hour export", de: "Letzte Viertelstunde Einspeisung" },
    fields: ofQuarter("last_quarter_start"),
    needs: "energy_export",
  },
  {
    key: "last_quarter_power",
    name: { en: "Last quarter hour power", de: "Letzte Viertelstunde Leistung" },
    fields: POWER,
    needs: "energy_import",
  },
  {
    key: "month_peak_power",
    name: { en: "Monthly peak power", de: "Monatsspitze Leistung" },
    fields: { ...POWER, icon: "mdi:chart-bell-curve" },
    needs: "energy_import",
  },
  {
    key: "month_peak_start",
    name: { en: "Monthly peak time", de: "Monatsspitze Zeitpunkt" },
    fields: { device_class: "timestamp" },
    needs: "energy_import",
  },
];

/**
 * The entities of a meter.
 * @param registers keys of the values that the meter sends
 * @param windows names of the tariff windows
 */
export function ledgerEntities(
  registers: ReadonlySet<string>,
  windows: readonly string[],
  language: "en" | "de",
): LedgerEntity[] {
  const sends = (key: string): boolean => registers.has(key) || registers.has(`${key}_t1`);
  const entities: LedgerEntity[] = ROWS.filter(({ needs }) => sends(needs)).map(({ key, name, fields }) => ({
    key,
    name: name[language],
    fields: { ...fields, value_template: templateOf(key) },
  }));
  if (!sends("energy_import")) return entities;
  for (const window of windows) {
    for (const [period, word] of [
      ["today", { en: "today", de: "heute" }],
      ["month", { en: "this month", de: "diesen Monat" }],
    ] as const) {
      entities.push({
        key: `window_${window}_${period}`,
        name: `${language === "de" ? "Fenster" : "Window"} ${window} ${word[language]}`,
        fields: {
          ...ENERGY,
          state_class: "total_increasing",
          value_template: `{{ value_json.get('windows', {}).get('${window}', {}).get('${period}') }}`,
        },
      });
    }
  }
  return entities;
}

/** Returns `None` if the key is absent; Home Assistant shows it as unknown. */
function templateOf(key: string): string {
  return `{{ value_json.get('${key}') }}`;
}
