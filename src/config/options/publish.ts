/** Options of publishing and of the Solarview file: `publish:`, `solarview:`. */
import * as z from "zod/mini";
import { option, text } from "./option.ts";

export const publishSchema = z.strictObject({
  interval: option(z._default(z.number().check(z.minimum(0), z.maximum(86_400)), 0), {
    title: { en: "Interval", de: "Abstand" },
    help: {
      en: "Seconds between publications of the newest values; 0 publishes every telegram.",
      de: "Sekunden zwischen zwei Veröffentlichungen, jeweils der neuesten Werte; 0 veröffentlicht jedes Telegramm.",
    },
  }),
  power: option(z._default(z.enum(["newest", "mean", "minimum", "maximum"]), "newest"), {
    title: { en: "Power in between", de: "Leistung dazwischen" },
    help: {
      en: "Which power is published when an interval skips telegrams: the newest value, or the mean, minimum or maximum since the last publication, so that no peak is lost.",
      de: "Welche Leistung veröffentlicht wird, wenn ein Abstand Telegramme auslässt: der neueste Wert, oder Mittel, Minimum oder Maximum seit der letzten Veröffentlichung, damit keine Spitze verloren geht.",
    },
  }),
  topics: option(z._default(z.enum(["all", "values", "json"]), "all"), {
    title: { en: "Topics", de: "Topics" },
    help: {
      en: "values: one topic for each value. json: one JSON message for each reading. all: both.",
      de: "values: ein Topic für jeden Wert. json: eine JSON-Nachricht für jede Ablesung. all: beides.",
    },
  }),
});

export const solarviewSchema = z.strictObject({
  file: option(z.optional(text(1024)), {
    title: { en: "File", de: "Datei" },
    help: {
      en: "The file that Solarview reads; replaced after each accepted reading.",
      de: "Die Datei, die Solarview liest; sie wird nach jeder angenommenen Ablesung ersetzt.",
    },
    example: "/solarview/kaifa.txt",
    unset: "no file is written",
  }),
});
