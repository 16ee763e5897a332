/** Why an hour without a row is left as it is, in words. */

/** A text in the languages of the page. */
interface Bilingual {
  readonly en: string;
  readonly de: string;
}

export const REASONS = {
  "ledger-gap": {
    en: "the ledger has a gap in this hour, whose energy is not divided",
    de: "die Aufzeichnung hat in dieser Stunde eine Lücke, deren Energie nicht aufgeteilt wird",
  },
  "ledger-reset": {
    en: "the register was reset in this hole, or the meter replaced",
    de: "in dieser Lücke wurde das Zählwerk zurückgesetzt oder der Zähler getauscht",
  },
  "hour-before-missing": {
    en: "the hour before it has no row, so its energy cannot be separated from that hour's",
    de: "die Stunde davor fehlt, und damit ist ihre Energie von der jener Stunde nicht zu trennen",
  },
  "before-from": {
    en: "the hole begins before --from, and it can only be filled from its beginning",
    de: "die Lücke beginnt vor --from und lässt sich nur von ihrem Anfang an füllen",
  },
  "no-row-after": {
    en: "Home Assistant has no later row yet; it writes one after the first full hour with values",
    de: "Home Assistant hat danach noch keine Zeile; es schreibt sie nach der ersten vollen Stunde mit Werten",
  },
  "row-before-differs": {
    en: "the row before the hole does not agree with the ledger (edited, or from another source)",
    de: "die Zeile vor der Lücke passt nicht zur Aufzeichnung (geändert oder aus anderer Quelle)",
  },
  "row-after-differs": {
    en: "the row after the hole does not agree with the ledger (edited, or from another source)",
    de: "die Zeile nach der Lücke passt nicht zur Aufzeichnung (geändert oder aus anderer Quelle)",
  },
  "sum-differs": {
    en: "from the row before the hole to the row after it, state and sum do not grow by the same energy (edited, or reset)",
    de: "von der Zeile vor der Lücke bis zu der danach wachsen Stand und Summe nicht um dieselbe Energie (geändert oder zurückgesetzt)",
  },
  "not-known-yet": {
    en: "the ledger does not reach to the end of the hour after the hole yet",
    de: "die Aufzeichnung reicht noch nicht bis zum Ende der Stunde nach der Lücke",
  },
  costs: {
    en: "Home Assistant books costs for this entity, and they would stay in another hour than the energy",
    de: "Home Assistant bucht für diese Entität Kosten, und die blieben in einer anderen Stunde als die Energie",
  },
} as const satisfies Record<string, Bilingual>;

export type ReasonCode = keyof typeof REASONS;
/** What the planner finds; costs are found before it. */
export type Reason = Exclude<ReasonCode, "costs">;

/** Whether the hour only has to wait: a later comparison will fill it. */
export function isPending(reason: ReasonCode): boolean {
  return reason === "no-row-after" || reason === "not-known-yet";
}
