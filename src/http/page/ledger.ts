/** The ledger card: energy of the quarters of a day, the days of a month, the months of a year. Loaded while it is open. */
import type { LedgerRange, LedgerView, PageMeter } from "../page-model.ts";
import { load } from "./connection.ts";
import { byId, make, segments, setText } from "./dom.ts";
import { drawLedger, isWithin } from "./ledger-plot.ts";
import { fixed } from "./plot-style.ts";
import { type Language, say } from "./words.ts";

const RELOAD_MS = 60_000;
const WORD = { day: "ledgerDay", month: "ledgerMonth", year: "ledgerYear" } as const;

export class LedgerCard {
  #language: Language;
  #meter: PageMeter | null = null;
  #loadedAt = 0;
  #turn = 0;
  #view: { readonly view: LedgerView; readonly range: LedgerRange; readonly date: string } | null = null;
  readonly #date = byId<HTMLInputElement>("ledger-date");
  readonly #ranges: ReturnType<typeof segments<LedgerRange>>;

  constructor(language: Language) {
    this.#language = language;
    this.#ranges = segments<LedgerRange>(
      byId("ledger-range"),
      "ledger-range",
      ["day", "month", "year"],
      (range) => say(this.#language, WORD[range]),
      () => void this.#reload(),
    );
    this.#date.value = dateText(new Date());
    this.#date.addEventListener("change", () => void this.#reload());
    byId("ledger-back").addEventListener("click", () => this.#move(-1));
    byId("ledger-forward").addEventListener("click", () => this.#move(1));
    byId("ledger-card").addEventListener("toggle", () => void this.#reload());
    new ResizeObserver(() => this.#drawPlot()).observe(byId("ledger-plot"));
  }

  /** Takes a new state: reloads for another meter or language, and once a minute. */
  show(meter: PageMeter, language: Language): void {
    const changed = this.#meter?.index !== meter.index || this.#meter.id !== meter.id || language !== this.#language;
    this.#meter = meter;
    this.#language = language;
    if (changed) this.#ranges.relabel();
    if (changed || Date.now() - this.#loadedAt > RELOAD_MS) void this.#reload();
  }

  #move(by: 1 | -1): void {
    const [year = 0, month = 1, day = 1] = this.#date.value.split("-").map(Number);
    if (year === 0) return;
    const range = this.#ranges.value;
    if (range === "day") this.#date.value = dateText(new Date(year, month - 1, day + by));
    else if (range === "month") this.#date.value = dateText(new Date(year, month - 1 + by, 1));
    else this.#date.value = dateText(new Date(year + by, 0, 1));
    void this.#reload();
  }

  /** Draws the plot at the card's current width. */
  #drawPlot(): void {
    const box = byId("ledger-plot");
    if (this.#view === null || box.clientWidth === 0) return;
    const { view, range, date } = this.#view;
    drawLedger(box, view, { label: say(this.#language, "ledgerTitle"), range, date, language: this.#language });
  }

  async #reload(): Promise<void> {
    for (const [id, word] of [
      ["ledger-back", "ledgerBack"],
      ["ledger-forward", "ledgerForward"],
    ] as const) {
      byId(id).setAttribute("aria-label", say(this.#language, word));
    }
    const meter = this.#meter;
    if (meter === null || !byId<HTMLDetailsElement>("ledger-card").open || this.#date.value === "") return;
    this.#loadedAt = Date.now();
    const query = `meter=${meter.index}&range=${this.#ranges.value}&date=${this.#date.value}`;
    byId<HTMLAnchorElement>("ledger-csv").href = `api/ledger.csv?${query}`;
    byId("ledger-csv").title = say(this.#language, "csv");
    const turn = ++this.#turn;
    const view = await load<LedgerView>(`api/ledger?${query}`);
    if (turn === this.#turn && view !== null) this.#draw(view);
  }

  #draw(view: LedgerView): void {
    const language = this.#language;
    const kwh = (wh: number | null): string => (wh === null ? "–" : fixed(language, wh / 1000, 3));
    const sum = (pick: "importWh" | "exportWh"): string =>
      kwh(
        view.rows.reduce<number | null>((total, row) => (row[pick] === null ? total : (total ?? 0) + row[pick]), null),
      );
    const marked = view.rows.filter(({ mark }) => mark !== "").length;
    const windows = [...new Set(view.rows.flatMap((row) => row.windows))];
    const { peak } = view;
    const parts =
      view.rows.length === 0
        ? [say(language, "ledgerNone")]
        : [
            say(language, "ledgerSum", sum("importWh"), sum("exportWh")),
            ...(peak === null
              ? []
              : [say(language, "ledgerPeak", fixed(language, peak.watts / 1000, 2), localWords(peak.start))]),
            ...(windows.length === 0 ? [] : [say(language, "ledgerWindows", windows.join(", "))]),
            ...(marked === 0 ? [] : [say(language, "ledgerMarked", String(marked))]),
          ];
    setText(byId("ledger-text"), parts.join(" "));
    this.#view = { view, range: this.#ranges.value, date: this.#date.value };
    this.#drawPlot();
    byId("ledger-rows").replaceChildren(
      ...view.rows.map((row) => {
        const holdsPeak = peak !== null && isWithin(peak.start, row);
        const words = [
          ...(row.mark === "" ? [] : [say(language, row.mark === "gap" ? "markGap" : "markReset")]),
          ...(holdsPeak ? [say(language, "markPeak")] : []),
          ...row.windows,
        ];
        return make(
          "tr",
          { "data-mark": row.mark },
          make("td", {}, localWords(row.start)),
          make("td", {}, localWords(row.end)),
          make("td", { class: "number" }, kwh(row.importWh)),
          make("td", { class: "number" }, kwh(row.exportWh)),
          make("td", {}, words.join(", ")),
        );
      }),
    );
  }
}

/** `2026-03-29 03:00`: local time of the meter, whatever the browser's zone. */
function localWords(text: string): string {
  return `${text.slice(0, 10)} ${text.slice(11, 16)}`;
}

function dateText(date: Date): string {
  const pad = (value: number): string => String(value).padStart(2, "0");
  return `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())}`;
}
