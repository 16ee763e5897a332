/** The data of the plots as CSV: comma-separated, decimal point, ISO 8601 in UTC, one header line. */

import { hoursOf } from "./page/energy.ts";
import type { EnergyHour, PowerSeries } from "./page-model.ts";

const HOUR_MS = 3_600_000;

/** Mean net power (W) by slot; slots without values are left out. */
export function powerCsv({ start, stepMs, watts }: PowerSeries): string {
  const rows = watts.flatMap((value, slot) => (value === null ? [] : [`${iso(start + slot * stepMs)},${value}`]));
  return ["start,power_net_w", ...rows, ""].join("\n");
}

/** Energy (kWh) by hour; hours without data are left out. */
export function energyCsv(hours: readonly EnergyHour[], now: number): string {
  const first = hours[0]?.start ?? now;
  const bars = hoursOf(hours, now, Math.floor(now / HOUR_MS) - Math.floor(first / HOUR_MS) + 1);
  const kwh = (value: number | null) => (value === null ? "" : value.toFixed(3));
  const rows = bars
    .filter((bar) => bar.import !== null || bar.export !== null)
    .map((bar) => `${iso(bar.start)},${iso(bar.start + HOUR_MS)},${kwh(bar.import)},${kwh(bar.export)}`);
  return ["start,end,energy_import_kwh,energy_export_kwh", ...rows, ""].join("\n");
}

function iso(at: number): string {
  return new Date(at).toISOString().replace(".000Z", "Z");
}
