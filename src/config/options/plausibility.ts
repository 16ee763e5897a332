/** Plausibility limits for readings: `plausibility:`. */
import * as z from "zod/mini";
import { option, whole } from "./option.ts";

export const plausibilitySchema = z.strictObject({
  max_power: option(z._default(whole(1_000, 10_000_000), 100_000), {
    title: { en: "Largest power", de: "Größte Leistung" },
    help: {
      en: "Maximum power through this meter, in watts. No energy register may rise faster. 100 kW is above what a directly connected meter carries (3 × 100 A at 230 V is 69 kW); raise it for meters behind current transformers.",
      de: "Höchste Leistung über diesen Zähler in Watt. Kein Energieregister darf schneller steigen. 100 kW liegen über dem, was ein direkt angeschlossener Zähler führt (3 × 100 A bei 230 V sind 69 kW); bei Wandlerzählern erhöhen.",
    },
  }),
  min_voltage: option(z._default(whole(0, 1_000), 80), {
    title: { en: "Lowest voltage", de: "Kleinste Spannung" },
    help: {
      en: "Minimum voltage of a connected phase; 0 (not connected) is always allowed. 230 V grids run at 207 to 253 V; sags are accepted.",
      de: "Kleinste Spannung einer angeschlossenen Phase; 0 (nicht angeschlossen) ist immer erlaubt. 230-V-Netze haben 207 bis 253 V; Spannungseinbrüche werden angenommen.",
    },
  }),
  max_voltage: option(z._default(whole(100, 1_000_000), 300), {
    title: { en: "Highest voltage", de: "Größte Spannung" },
    help: {
      en: "Maximum voltage of a phase; raise it for meters behind voltage transformers.",
      de: "Größte Spannung einer Phase; bei Zählern hinter Spannungswandlern erhöhen.",
    },
  }),
});
