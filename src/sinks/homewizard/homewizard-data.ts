/**
 * The data of a HomeWizard P1 meter (local API v1, https://api-documentation.homewizard.com/docs/v1): flat JSON without
 * keys for values that the meter doesn't send. Import is positive, export negative.
 */
import { formatP1Text, formatP1Time } from "../../codec/link/p1-content.ts";
import type { MeterInfo } from "../../meter/events.ts";
import { demandOf } from "../output/demand.ts";
import { deviceId } from "../output/device-id.ts";
import type { MeterFeed } from "../output/meter-feed.ts";
import type { OutputOptions } from "../output/output.ts";
import { netPower, PHASES, phasePowers } from "../output/power.ts";

/** Tariffs in the API. */
const TARIFFS = [1, 2, 3, 4] as const;
/** The last firmware version with v1 only: from version 6, clients use v2 over HTTPS. */
const FIRMWARE = "4.19";

export type Json = Record<string, string | number | readonly never[]>;

/** `GET /api`. Clients require all five. */
export function homewizardDevice({ id }: MeterInfo) {
  return {
    product_name: "P1 meter",
    product_type: "HWE-P1",
    serial: deviceId(id),
    firmware_version: FIRMWARE,
    api_version: "v1",
  };
}

/** `GET /api/v1/data` */
export function homewizardData(feed: MeterFeed, phasePower: OutputOptions["phase_power"]): Json {
  const { meter } = feed;
  if (meter === null) return {};
  const powers = phasePowers(feed, phasePower);
  const { average, peak } = demandOf(feed);
  const peakEnd = peak === null ? null : formatP1Time(peak.end)?.slice(0, -1);
  const entries: [string, string | number | readonly never[] | null][] = [
    // There is no Wi-Fi, but python-homewizard-energy 10 distinguishes v1 from v2 by this key.
    ["wifi_ssid", ""],
    ["smr_version", 50],
    ["meter_model", [meter.manufacturer, meter.model].filter((part) => part !== null).join(" ") || meter.name],
    ["unique_id", formatP1Text(meter.serialNumber ?? meter.systemTitle ?? meter.id)],
    ["active_tariff", tariff(feed)],
    ...energies(feed, "import"),
    ...energies(feed, "export"),
    ["active_power_w", netPower(feed)],
    ...PHASES.map((phase, index): [string, number | null] => [`active_power_${phase}_w`, powers[index] ?? null]),
    ...PHASES.map((phase): [string, number | null] => [`active_voltage_${phase}_v`, feed.number(`voltage_${phase}`)]),
    ...PHASES.map((phase): [string, number | null] => [`active_current_${phase}_a`, feed.number(`current_${phase}`)]),
    ["active_frequency_hz", feed.number("frequency")],
    ["active_power_average_w", average],
    // HomeWizard's own spelling.
    ["montly_power_peak_w", peak?.power ?? null],
    ["montly_power_peak_timestamp", peakEnd == null ? null : Number(peakEnd)],
    ["external", []],
  ];
  return Object.fromEntries(entries.filter((entry): entry is [string, Json[string]] => entry[1] !== null));
}

function tariff(feed: MeterFeed): number | null {
  const text = feed.text("obis_0_0_96_14_0");
  return text !== null && /^\d{1,4}$/.test(text) ? Number(text) : null;
}

/** The total (the sum of the tariffs if the meter sends only those), followed by the tariffs. */
function energies(feed: MeterFeed, direction: "import" | "export"): [string, number | null][] {
  const tariffs = TARIFFS.map((number) => feed.number(`energy_${direction}_t${number}`));
  const sent = tariffs.filter((value) => value !== null);
  const sum = sent.length === 0 ? null : Number(sent.reduce((total, value) => total + value, 0).toFixed(6));
  const total = feed.number(`energy_${direction}`) ?? sum;
  if (sent.length === 0) tariffs[0] = total;
  return [
    [`total_power_${direction}_kwh`, total],
    ...TARIFFS.map((number, index): [string, number | null] => [
      `total_power_${direction}_t${number}_kwh`,
      tariffs[index] ?? null,
    ]),
  ];
}
