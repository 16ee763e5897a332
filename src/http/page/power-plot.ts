/** Power over time as a line around zero: import above, export below. */
import uPlot from "uplot";
import type { PageMeter, PowerSeries } from "../page-model.ts";
import { byId, segments, setText } from "./dom.ts";
import { axis, colour, DAY_LABEL, fixed, showEmpty, sizeOf } from "./plot-style.ts";
import { type Language, say, type Word } from "./words.ts";

const SPANS = { "10m": 600_000, "1h": 3_600_000, "24h": 86_400_000, "7d": 604_800_000, "31d": 2_678_400_000 } as const;
type SpanName = keyof typeof SPANS;
/** Up to this span, each telegram is appended as a separate point. */
const LIVE_SPAN_MS = SPANS["1h"];

const ADVANCE_MS = 5_000;

export class PowerPlot {
  #language: Language;
  #plot: uPlot | null = null;
  #points: [times: number[], watts: (number | null)[]] = [[], []];
  #lastPoint = 0;
  #now = Date.now();
  readonly #spans: ReturnType<typeof segments<SpanName>>;

  /** @param onSpan called when another span is selected: its data must be loaded */
  constructor(language: Language, onSpan: () => void) {
    this.#language = language;
    const word = (span: SpanName): string => say(this.#language, `range${span}` as Word);
    this.#spans = segments(byId("power-range"), "power-range", ["10m", "1h", "24h", "7d", "31d"], word, onSpan);
  }

  get spanMs(): number {
    return SPANS[this.#spans.value];
  }

  set language(language: Language) {
    this.#language = language;
    this.#spans.relabel();
  }

  /** @param lastAt time of the last telegram in the series */
  load(power: PowerSeries, lastAt: number, now: number): void {
    const half = power.stepMs / 2;
    this.#points = [power.watts.map((_, i) => (power.start + i * power.stepMs + half) / 1000), [...power.watts]];
    this.#lastPoint = lastAt;
    this.#now = now;
    this.draw();
  }

  /** Adds one telegram. */
  append(meter: PageMeter, now: number): void {
    const at = meter.lastTelegramAt ?? 0;
    const find = (wanted: string) => meter.values.find(({ key }) => key === wanted);
    const net = find("power_net") ?? find("power_import");
    if (net === undefined || at <= this.#lastPoint || this.spanMs > LIVE_SPAN_MS) return;
    const [times, watts] = this.#points;
    // A pause is a gap, not a line.
    if (at - this.#lastPoint > 4 * (meter.periodMs ?? 5_000)) {
      times.push((at - 1) / 1000);
      watts.push(null);
    }
    times.push(Math.max(at / 1000, (times.at(-1) ?? 0) + 0.001));
    watts.push(Number(net.text));
    this.#lastPoint = at;
    this.#now = now;
    const begin = (now - this.spanMs) / 1000;
    while ((times[0] ?? begin) < begin) {
      times.shift();
      watts.shift();
    }
    this.draw();
  }

  /** Time has passed without a telegram: the curve moves to the left and leaves a gap. */
  advance(now: number): void {
    if (now - this.#now < ADVANCE_MS) return;
    this.#now = now;
    this.draw();
  }

  draw(): void {
    const box = byId("power-plot");
    const [times, watts] = this.#points;
    const known = watts.filter((value) => value !== null);
    const nothing = say(this.#language, "noData");
    showEmpty(box, known.length === 0 ? nothing : null);
    if (known.length === 0) box.setAttribute("aria-label", nothing);
    else {
      const mean = known.reduce((sum, value) => sum + value, 0) / known.length;
      const words = [Math.min(...known), Math.max(...known), mean].map((value) => fixed(this.#language, value, 0));
      box.setAttribute("aria-label", say(this.#language, "powerSummary", ...words));
    }
    this.#plot ??= this.#make(box);
    const end = this.#now / 1000;
    this.#plot.setData([times, watts], false);
    this.#plot.setScale("x", { min: end - this.spanMs / 1000, max: end });
  }

  resize(): void {
    this.#plot?.setSize(sizeOf(byId("power-plot")));
  }

  /** The colours have changed. */
  recolour(): void {
    this.#plot?.destroy();
    this.#plot = null;
    this.draw();
  }

  #make(box: HTMLElement): uPlot {
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
        hooks: { setCursor: [(plot) => this.#read(plot)] },
      },
      this.#points,
      box,
    );
  }

  #read(plot: uPlot): void {
    const index = plot.cursor.idx;
    const at = index == null ? undefined : plot.data[0][index];
    const watts = index == null ? undefined : plot.data[1]?.[index];
    const readout = byId("power-readout");
    if (at === undefined || watts == null) {
      setText(readout, "");
      return;
    }
    const time = new Intl.DateTimeFormat(this.#language, {
      ...(this.spanMs > SPANS["24h"] ? { dateStyle: "short" } : {}),
      timeStyle: this.spanMs > LIVE_SPAN_MS ? "short" : "medium",
      hourCycle: "h23",
    }).format(at * 1000);
    setText(readout, `${time} · ${fixed(this.#language, watts, 0)} W`);
  }

  #watts(value: number): string {
    const large = Math.abs(value) >= 10_000;
    return large ? `${fixed(this.#language, value / 1000, 0)} kW` : `${fixed(this.#language, value, 0)} W`;
  }

  #time(seconds: number): string {
    const options: Intl.DateTimeFormatOptions =
      this.spanMs > SPANS["24h"] ? DAY_LABEL : { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
    return new Intl.DateTimeFormat(this.#language, options).format(seconds * 1000);
  }
}

/** A gradient with a hard step at zero. */
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

/** Zero is always visible, with some margin. */
function rangeWithZero(least: number | null, most: number | null): [number, number] {
  if (least === null || most === null) return [0, 1_000];
  const room = Math.max(most - Math.min(least, 0), 100) * 0.08;
  return [least < 0 ? least - room : 0, Math.max(most, 0) + room];
}
