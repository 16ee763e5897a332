/**
 * THE table of quantities: which OBIS code has which key, published unit, kind and names. Topics, JSON keys, discovery,
 * the status page, metrics and the documentation follow from it. Keys are a promise: they never change.
 */

/** A counter only grows (total_increasing); a gauge is of the moment (measurement); a text says something about the meter. */
export type QuantityKind = "counter" | "gauge" | "text";

export interface Quantity {
  /** `energy_import`: in JSON, discovery, entity ids. */
  readonly key: string;
  /** C.D.E of the OBIS code, for instance `1.8.0` (A=1; B is ignored when looking up). */
  readonly code: string;
  readonly kind: QuantityKind;
  /** The unit of the telegram that this quantity must have: `Wh`, `W` … (`null`: a bare number or text). */
  readonly wireUnit: string | null;
  /** The unit that people read, as published: `kWh`, `W` … */
  readonly unit: string | null;
  /** Power of ten from wire unit to published unit: -3 for Wh → kWh. */
  readonly shift: number;
  /** Home Assistant's device class, `null` if it has none. */
  readonly deviceClass: string | null;
  /** Digits after the point that Home Assistant should show. */
  readonly precision: number;
  readonly icon?: `mdi:${string}`;
  readonly name: { readonly en: string; readonly de: string };
}
