/** Energy by hour or by day as pairs of bars, and today's energy as numbers. */
import uPlot from "uplot";
import type { EnergyHour, PageMeter } from "../page-model.ts";
import { byId, segments, setText } from "./dom.ts";
import { daysOf, type EnergyBar, hoursOf } from "./energy.ts";
import { axis, colour, DAY_LABEL, fixed, showEmpty, sizeOf } from "./plot-style.ts";
import { type Language, say } from "./words.ts";

const HOURS_SHOWN = 24;
const DAYS_SHOWN = 31;

export class EnergyPlot {
  #language: Language;
  #plot: uPlot | null = null;
  #hours: readonly EnergyHour[] = [];
  #bars: readonly EnergyBar[] = [];
  #now = Date.now();
  readonly #units: ReturnType<typeof segments<"hours" | "days">>;

  constructor(language: Language) {
    this.#language = language;
    const word = (unit: "hours" | "days"): string => say(this.#language, unit);
    this.#units = segments(byId("energy-range"), "energy-range", ["hours", "days"], word, () => this.draw());
  }

  set language(language: Language) {
    this.#language = language;
    this.#units.relabel();
  }

  /** Whether there is anything to show. */
  get empty(): boolean {
    return this.#hours.length === 0;
  }

  load(hours: readonly EnergyHour[], now: number): void {
    this.#hours = hours;
    this.#now = now;
    this.draw();
  }

  draw(): void {
    const box = byId("energy-plot");
    const byHour = this.#units.value === "hours";
    this.#bars = byHour ? hoursOf(this.#hours, this.#now, HOURS_SHOWN) : daysOf(this.#hours, this.#now, DAYS_SHOWN);
    const sum = (pick: (bar: EnergyBar) => number | null) =>
      this.#bars.reduce((total, bar) => total + (pick(bar) ?? 0), 0);
    const known = this.#bars.some((bar) => bar.import !== null || bar.export !== null);
    const nothing = say(this.#language, "noData");
    showEmpty(box, known ? null : nothing);
    const words = [sum((bar) => bar.import), sum((bar) => bar.export)].map((kwh) => fixed(this.#language, kwh, 3));
    box.setAttribute("aria-label", known ? say(this.#language, "energySummary", ...words) : nothing);
    this.#plot ??= this.#make(box);
    const positions = this.#bars.map((_, index) => index);
    this.#plot.setData([positions, this.#bars.map((bar) => bar.import), this.#bars.map((bar) => bar.export)], false);
    this.#plot.setScale("x", { min: -0.6, max: this.#bars.length - 0.4 });
  }

  /**
   * Import and export since midnight, including energy counted since the history was loaded; states the start time if it
   * was later than midnight.
   * @param startedAt when the bridge started: within the first hour there is no earlier data
   */
  showToday(meter: PageMeter, now: number, startedAt: number): void {
    const today = daysOf(this.#hours, now, 1)[0];
    const live = (key: string): number | null => {
      const value = meter.values.find((candidate) => candidate.key === key);
      return value === undefined ? null : Number(value.text);
    };
    const text = (used: number | null | undefined, last: number | null | undefined, present: number | null) => {
      if (used == null) return "–";
      const more = present !== null && last != null ? Math.max(0, present - last) : 0;
      return fixed(this.#language, used + more, 3);
    };
    const since = today?.since ?? null;
    const begun = since !== null && startedAt > since && startedAt < since + 3_600_000 ? startedAt : since;
    const midnight = new Date(now).setHours(0, 0, 0, 0);
    const time = new Intl.DateTimeFormat(this.#language, { timeStyle: "short", hourCycle: "h23" });
    const from = begun === null || begun === midnight ? "" : say(this.#language, "since", time.format(begun));
    for (const note of document.querySelectorAll(".pairs .since")) setText(note, from);
    setText(byId("today-import"), text(today?.import, today?.lastImport, live("energy_import")));
    setText(byId("today-export"), text(today?.export, today?.lastExport, live("energy_export")));
  }

  resize(): void {
    this.#plot?.setSize(sizeOf(byId("energy-plot")));
  }

  /** The colours have changed. */
  recolour(): void {
    this.#plot?.destroy();
    this.#plot = null;
    this.draw();
  }

  #make(box: HTMLElement): uPlot {
    const bars = (align: 1 | -1) => {
      const paths = uPlot.paths.bars?.({ size: [0.36, 26], align, radius: 0.15, gap: 1 });
      return paths === undefined ? {} : { paths };
    };
    const series = (name: string, align: 1 | -1): uPlot.Series => ({
      fill: colour(name),
      stroke: colour(name),
      width: 0,
      ...bars(align),
      points: { show: false },
    });
    return new uPlot(
      {
        ...sizeOf(box),
        padding: [10, 8, 0, 0],
        legend: { show: false },
        cursor: { y: false, points: { show: false }, drag: { setScale: false, x: false, y: false } },
        scales: {
          x: { time: false, auto: false },
          y: { range: (_, _least, most) => [0, most > 0 ? Math.max(most * 1.08, 0.05) : 1] },
        },
        axes: [
          axis({
            values: (_, ticks) => ticks.map((tick) => this.#label(tick)),
            incrs: [1, 2, 3, 4, 6, 7, 12],
            space: 44,
            size: 28,
            grid: { show: false },
          }),
          axis({ values: (_, ticks) => ticks.map((tick) => `${this.#short(tick)} kWh`), size: 62 }),
        ],
        series: [{}, series("import", -1), series("export", 1)],
        hooks: { setCursor: [(plot) => this.#read(plot)] },
      },
      [[], [], []],
      box,
    );
  }

  #label(position: number): string {
    const bar = this.#bars[position];
    if (bar === undefined) return "";
    const options = this.#units.value === "hours" ? ({ hour: "2-digit", hourCycle: "h23" } as const) : DAY_LABEL;
    return new Intl.DateTimeFormat(this.#language, options).format(bar.start).replace(" Uhr", "");
  }

  #short(value: number): string {
    return new Intl.NumberFormat(this.#language, { maximumFractionDigits: 2 }).format(value);
  }

  #read(plot: uPlot): void {
    const bar = plot.cursor.idx == null ? undefined : this.#bars[plot.cursor.idx];
    if (bar === undefined) {
      setText(byId("energy-readout"), "");
      return;
    }
    const when = new Intl.DateTimeFormat(
      this.#language,
      this.#units.value === "hours"
        ? { weekday: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23" }
        : { dateStyle: "medium" },
    ).format(bar.start);
    const part = (word: "importKey" | "exportKey", kwh: number | null) =>
      kwh === null ? [] : [`${say(this.#language, word)} ${fixed(this.#language, kwh, 3)} kWh`];
    const parts = [when, ...part("importKey", bar.import), ...part("exportKey", bar.export)];
    setText(byId("energy-readout"), parts.join(" · "));
  }
}
