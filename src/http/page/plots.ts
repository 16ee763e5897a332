/** The plots: power over time as one line around zero, energy as bars. Drawn by uPlot, in the colours of the page. */
import uPlot from "uplot";
import type { EnergyHour, PageMeter, PageState, PowerSeries } from "../page-model.ts";
import { load } from "./connection.ts";
import { byId, make, segments, setText } from "./dom.ts";
import { daysOf, type EnergyBar, hoursOf } from "./energy.ts";
import { type Language, number, say, type Word } from "./words.ts";

const SPANS = { "10m": 600_000, "1h": 3_600_000, "24h": 86_400_000, "7d": 604_800_000, "31d": 2_678_400_000 } as const;
type SpanName = keyof typeof SPANS;
/** Up to this span each telegram is a point of its own, appended as it comes. */
const LIVE_SPAN_MS = SPANS["1h"];
const RELOAD_MS = 60_000;
const HOURS_SHOWN = 24;
const DAYS_SHOWN = 31;

/** A colour of style.css in its present scheme. */
function colour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

/** A gradient with a hard step at zero: import above, export below. */
function aroundZero(plot: uPlot, above: string, below: string): CanvasGradient | string {
  const { top, height } = plot.bbox;
  const zero = Math.min(Math.max((plot.valToPos(0, "y", true) - top) / height, 0), 1);
  if (!Number.isFinite(zero)) return above;
  const gradient = plot.ctx.createLinearGradient(0, top, 0, top + height);
  gradient.addColorStop(0, above);
  gradient.addColorStop(zero, above);
  gradient.addColorStop(zero, below);
  gradient.addColorStop(1, below);
  return gradient;
}

export class Plots {
  #language: Language;
  #meter: PageMeter | null = null;
  #now = Date.now();
  #power: uPlot | null = null;
  #energy: uPlot | null = null;
  #points: [times: number[], watts: (number | null)[]] = [[], []];
  #hours: readonly EnergyHour[] = [];
  #bars: readonly EnergyBar[] = [];
  #lastPoint = 0;
  #loadedAt = 0;
  readonly #spans: ReturnType<typeof segments<SpanName>>;
  readonly #units: ReturnType<typeof segments<"hours" | "days">>;

  constructor(language: Language) {
    this.#language = language;
    const spanWord = (span: SpanName): string => this.#say(`range${span}` as Word);
    this.#spans = segments(byId("power-range"), "power-range", ["10m", "1h", "24h", "7d", "31d"], spanWord, () => {
      void this.reload();
    });
    const unitWord = (unit: "hours" | "days"): string => this.#say(unit);
    this.#units = segments(byId("energy-range"), "energy-range", ["hours", "days"], unitWord, () => this.#showEnergy());
    new ResizeObserver(() => this.#resize()).observe(byId("power-plot"));
  }

  /** New state: a point more, and everything anew now and then, for another meter, or in another language. */
  show(state: PageState, meter: PageMeter, language: Language): void {
    const anew = this.#meter?.index !== meter.index || this.#meter.id !== meter.id || language !== this.#language;
    this.#language = language;
    this.#meter = meter;
    this.#now = state.now;
    if (anew) {
      this.#spans.relabel();
      this.#units.relabel();
    }
    // The first counters of a meter wait for a second telegram: they are asked for as soon as they are there.
    const counted = this.#hours.length === 0 && meter.values.some(({ key }) => key === "energy_import");
    const patienceMs = counted ? 2_000 : RELOAD_MS;
    if (anew || Date.now() - this.#loadedAt > patienceMs) void this.reload();
    else this.#append();
    this.#showToday();
  }

  async reload(): Promise<void> {
    const meter = this.#meter;
    if (meter === null) return;
    this.#loadedAt = Date.now();
    const span = SPANS[this.#spans.value];
    const [power, hours] = await Promise.all([
      load<PowerSeries>(`api/power?meter=${meter.index}&span=${span}`),
      load<EnergyHour[]>(`api/energy?meter=${meter.index}`),
    ]);
    if (power !== null) {
      const half = power.stepMs / 2;
      this.#points = [power.watts.map((_, i) => (power.start + i * power.stepMs + half) / 1000), [...power.watts]];
      this.#lastPoint = meter.lastTelegramAt ?? 0;
      this.#showPower();
    }
    if (hours !== null) {
      this.#hours = hours;
      this.#showEnergy();
      this.#showToday();
    }
  }

  /** The colours have changed. */
  recolour(): void {
    this.#power?.destroy();
    this.#energy?.destroy();
    this.#power = null;
    this.#energy = null;
    this.#showPower();
    this.#showEnergy();
  }

  #say(word: Word, ...values: string[]): string {
    return say(this.#language, word, ...values);
  }

  #append(): void {
    const meter = this.#meter;
    const at = meter?.lastTelegramAt ?? 0;
    const net = meter?.values.find(({ key }) => key === "power_net");
    if (meter === null || net === undefined || at <= this.#lastPoint) return;
    if (SPANS[this.#spans.value] > LIVE_SPAN_MS) return;
    // A pause is a gap, not a line.
    const [times, watts] = this.#points;
    if (at - this.#lastPoint > 4 * (meter.periodMs ?? 5_000)) {
      times.push((at - 1) / 1000);
      watts.push(null);
    }
    const last = times.at(-1) ?? 0;
    times.push(Math.max(at / 1000, last + 0.001));
    watts.push(Number(net.text));
    this.#lastPoint = at;
    const begin = (this.#now - SPANS[this.#spans.value]) / 1000;
    while ((times[0] ?? begin) < begin) {
      times.shift();
      watts.shift();
    }
    this.#showPower();
  }

  #showPower(): void {
    const box = byId("power-plot");
    const [times, watts] = this.#points;
    const known = watts.filter((value) => value !== null);
    showEmpty(box, known.length === 0 ? this.#say("noData") : null);
    if (known.length > 0) {
      const mean = known.reduce((sum, value) => sum + value, 0) / known.length;
      const words = [Math.min(...known), Math.max(...known), mean].map((value) => this.#digits(value, 0));
      box.setAttribute("aria-label", this.#say("powerSummary", ...words));
    } else box.setAttribute("aria-label", this.#say("noData"));
    this.#power ??= this.#makePower(box);
    const end = this.#now / 1000;
    this.#power.setData([times, watts], false);
    this.#power.setScale("x", { min: end - SPANS[this.#spans.value] / 1000, max: end });
  }

  #makePower(box: HTMLElement): uPlot {
    const colours = ["import", "export", "import-soft", "export-soft"].map(colour);
    const [above = "", below = "", softAbove = "", softBelow = ""] = colours;
    return new uPlot(
      {
        ...sizeOf(box),
        padding: [10, 8, 0, 0],
        legend: { show: false },
        cursor: { y: false, points: { size: 8, fill: colour("card") }, drag: { setScale: false } },
        scales: { x: { auto: false }, y: { range: (_, least, most) => rangeWithZero(least, most) } },
        axes: [
          axis({ values: (_, ticks) => ticks.map((tick) => this.#time(tick)), space: 72, size: 28 }),
          axis({ values: (_, ticks) => ticks.map((tick) => this.#watts(tick)), size: 62 }),
        ],
        series: [
          {},
          {
            stroke: (plot) => aroundZero(plot, above, below),
            fill: (plot) => aroundZero(plot, softAbove, softBelow),
            fillTo: 0,
            width: 1.75,
            points: { show: false },
            spanGaps: false,
          },
        ],
        hooks: { setCursor: [(plot) => this.#readPower(plot)] },
      },
      this.#points,
      box,
    );
  }

  #readPower(plot: uPlot): void {
    const index = plot.cursor.idx;
    const at = index == null ? undefined : plot.data[0][index];
    const watts = index == null ? undefined : plot.data[1]?.[index];
    const readout = byId("power-readout");
    if (at === undefined || watts == null) {
      setText(readout, "");
      return;
    }
    const time = new Intl.DateTimeFormat(this.#language, {
      ...(SPANS[this.#spans.value] > SPANS["24h"] ? { dateStyle: "short" } : {}),
      timeStyle: SPANS[this.#spans.value] > LIVE_SPAN_MS ? "short" : "medium",
      hourCycle: "h23",
    }).format(at * 1000);
    setText(readout, `${time} · ${this.#digits(watts, 0)} W`);
  }

  #showEnergy(): void {
    const box = byId("energy-plot");
    const byHour = this.#units.value === "hours";
    this.#bars = byHour ? hoursOf(this.#hours, this.#now, HOURS_SHOWN) : daysOf(this.#hours, this.#now, DAYS_SHOWN);
    const sum = (pick: (bar: EnergyBar) => number | null) =>
      this.#bars.reduce((total, bar) => total + (pick(bar) ?? 0), 0);
    const known = this.#bars.some((bar) => bar.import !== null || bar.export !== null);
    showEmpty(box, known ? null : this.#say("noData"));
    const words = [sum((bar) => bar.import), sum((bar) => bar.export)].map((value) => this.#digits(value, 3));
    box.setAttribute("aria-label", known ? this.#say("energySummary", ...words) : this.#say("noData"));
    this.#energy ??= this.#makeEnergy(box);
    const positions = this.#bars.map((_, index) => index);
    this.#energy.setData([positions, this.#bars.map((bar) => bar.import), this.#bars.map((bar) => bar.export)], false);
    this.#energy.setScale("x", { min: -0.6, max: this.#bars.length - 0.4 });
  }

  #makeEnergy(box: HTMLElement): uPlot {
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
            values: (_, ticks) => ticks.map((tick) => this.#barLabel(tick)),
            incrs: [1, 2, 3, 4, 6, 7, 12],
            space: 44,
            size: 28,
            grid: { show: false },
          }),
          axis({ values: (_, ticks) => ticks.map((tick) => `${this.#short(tick)} kWh`), size: 62 }),
        ],
        series: [{}, series("import", -1), series("export", 1)],
        hooks: { setCursor: [(plot) => this.#readEnergy(plot)] },
      },
      [[], [], []],
      box,
    );
  }

  #barLabel(position: number): string {
    const bar = this.#bars[position];
    if (bar === undefined) return "";
    const options = this.#units.value === "hours" ? ({ hour: "2-digit", hourCycle: "h23" } as const) : DAY_LABEL;
    return new Intl.DateTimeFormat(this.#language, options).format(bar.start).replace(" Uhr", "");
  }

  #readEnergy(plot: uPlot): void {
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
    const parts = [
      bar.import === null ? null : `${this.#say("importKey")} ${this.#digits(bar.import, 3)} kWh`,
      bar.export === null ? null : `${this.#say("exportKey")} ${this.#digits(bar.export, 3)} kWh`,
    ].filter((part) => part !== null);
    setText(byId("energy-readout"), [when, ...parts].join(" · "));
  }

  #showToday(): void {
    const today = daysOf(this.#hours, this.#now, 1)[0];
    const live = (key: string): number | null => {
      const value = this.#meter?.values.find((candidate) => candidate.key === key);
      return value === undefined ? null : Number(value.text);
    };
    const text = (used: number | null | undefined, last: number | null | undefined, present: number | null) => {
      if (used == null) return "–";
      const more = present !== null && last != null ? Math.max(0, present - last) : 0;
      return this.#digits(used + more, 3);
    };
    setText(byId("today-import"), text(today?.import, today?.lastImport, live("energy_import")));
    setText(byId("today-export"), text(today?.export, today?.lastExport, live("energy_export")));
  }

  #resize(): void {
    this.#power?.setSize(sizeOf(byId("power-plot")));
    this.#energy?.setSize(sizeOf(byId("energy-plot")));
  }

  #digits(value: number, digits: number): string {
    return number(this.#language, value.toFixed(digits));
  }

  #short(value: number): string {
    return new Intl.NumberFormat(this.#language, { maximumFractionDigits: 2 }).format(value);
  }

  #watts(value: number): string {
    return Math.abs(value) >= 10_000 ? `${this.#digits(value / 1000, 0)} kW` : `${this.#digits(value, 0)} W`;
  }

  #time(seconds: number): string {
    const span = SPANS[this.#spans.value];
    const options: Intl.DateTimeFormatOptions =
      span > SPANS["24h"] ? DAY_LABEL : { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
    return new Intl.DateTimeFormat(this.#language, options).format(seconds * 1000);
  }
}

const DAY_LABEL: Intl.DateTimeFormatOptions = { day: "numeric", month: "numeric" };

function sizeOf(box: HTMLElement): { width: number; height: number } {
  return { width: Math.max(box.clientWidth, 120), height: Math.max(box.clientHeight, 120) };
}

/** Zero is always in sight, with some room around. */
function rangeWithZero(least: number | null, most: number | null): [number, number] {
  if (least === null || most === null) return [0, 1_000];
  const room = Math.max(most - Math.min(least, 0), 100) * 0.08;
  return [least < 0 ? least - room : 0, Math.max(most, 0) + room];
}

function axis(options: uPlot.Axis): uPlot.Axis {
  return {
    stroke: colour("muted"),
    font: "12px system-ui, sans-serif",
    ticks: { show: false },
    ...options,
    grid: { stroke: colour("grid"), width: 1, ...options.grid },
  };
}

function showEmpty(box: HTMLElement, text: string | null): void {
  const present = box.querySelector(".empty");
  if (text === null) present?.remove();
  else if (present !== null) setText(present, text);
  else box.append(make("p", { class: "empty" }, text));
}
