/** JSON for batteries: some firmwares read a measured value only if it has a decimal point (`230.0`). */

/** Serialized JSON. */
export class JsonText {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

export type Json = null | boolean | number | string | JsonText | readonly Json[] | { readonly [key: string]: Json };

/** Keys of measured values; ids, times and counters stay whole numbers. */
const MEASURED = /^(?:[abcn]_|total_|act_power$|aprt_power$|pf$|voltage$|current$|freq$)/;

/** The value as JSON text. Measured values that are whole numbers get `.0`. */
export function shellyJson(value: Json, key = ""): string {
  if (typeof value === "number" && Number.isInteger(value) && MEASURED.test(key)) return value.toFixed(1);
  if (value instanceof JsonText) return value.text;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map((one: Json) => shellyJson(one)).join(",")}]`;
  const entries = Object.entries(value).map(([name, one]) => `${JSON.stringify(name)}:${shellyJson(one, name)}`);
  return `{${entries.join(",")}}`;
}
