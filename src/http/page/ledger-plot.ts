/** The bars of the ledger card as SVG, with axes. The table below has the same data for screen readers. */
import type { LedgerRange, LedgerRow, LedgerView } from "../page-model.ts";
import { fixed } from "./plot-style.ts";
import type { Language } from "./words.ts";

const SVG = "http://www.w3.org/2000/svg";
const HEIGHT = 250;
/** Room for the labels, and for the mark above the highest bar. */
const MARGIN = { left: 58, right: 6, top: 16, bottom: 24 };
const LEAST_WIDTH = 280;
const HOUR_MS = 3_600_000;
/** Width of a label below the plot, pixels. */
const LABEL_WIDTH = 34;

/** What is drawn, besides the rows. */
export interface LedgerPlot {
  readonly label: string;
  readonly range: LedgerRange;
  /** A date within the range, `2026-03-29`. */
  readonly date: string;
  readonly language: Language;
}

/** Draws the view into a box at its full width, replacing its content. Marked rows are hatched, never zero. */
export function drawLedger(box: HTMLElement, view: LedgerView, plot: LedgerPlot): void {
  const { startAt, endAt, rows, peak } = view;
  const width = Math.max(box.clientWidth, LEAST_WIDTH);
  const [right, bottom] = [width - MARGIN.right, HEIGHT - MARGIN.bottom];
  const svg = shape("svg", {
    viewBox: `0 0 ${width} ${HEIGHT}`,
    height: HEIGHT,
    role: "img",
    "aria-label": plot.label,
  });
  const most = Math.max(1, ...rows.filter(isBar).flatMap((row) => [row.importWh ?? 0, row.exportWh ?? 0]));
  const step = niceStep(most / 4);
  const top = Math.ceil(most / step) * step;
  const y = (wh: number): number => bottom - (wh / top) * (bottom - MARGIN.top);
  const x = (at: number): number =>
    MARGIN.left + ((right - MARGIN.left) * Math.min(Math.max(at - startAt, 0), endAt - startAt)) / (endAt - startAt);
  svg.append(hatchPattern());
  for (const row of rows) {
    const [left, end] = [x(Date.parse(row.start)), x(Date.parse(row.end))];
    const area = { x: left, y: MARGIN.top, width: end - left, height: bottom - MARGIN.top };
    if (row.windows.length > 0) svg.append(shape("rect", { class: "window", ...area }));
    if (row.mark !== "") svg.append(shape("rect", { class: "marked", fill: "url(#hatch)", ...area }));
  }
  for (let wh = 0; wh <= top + step / 2; wh += step) {
    svg.append(shape("path", { class: wh === 0 ? "axis" : "grid", d: `M${MARGIN.left} ${y(wh)}H${right}` }));
    const text = `${fixed(plot.language, wh / 1000, decimalsOf(step))} kWh`;
    svg.append(label(text, { x: MARGIN.left - 6, y: y(wh) + 4, "text-anchor": "end" }));
  }
  for (const row of rows.filter(isBar)) {
    const [left, end] = [x(Date.parse(row.start)), x(Date.parse(row.end))];
    const bar = (wh: number | null, name: string, from: number): void => {
      if (wh === null || wh <= 0) return;
      const place = { x: left + from * (end - left), y: y(wh), width: (end - left) * 0.42, height: bottom - y(wh) };
      svg.append(shape("rect", { class: name, ...place }));
    };
    const holdsPeak = peak !== null && isWithin(peak.start, row);
    bar(row.importWh, holdsPeak ? "import peak" : "import", 0.06);
    bar(row.exportWh, "export", 0.52);
    // Mark it by more than its colour.
    if (holdsPeak) {
      const [at, above] = [left + 0.27 * (end - left), y(row.importWh ?? 0) - 3];
      svg.append(shape("path", { class: "peak", d: `M${at} ${above}l-5 -8h10z` }));
    }
  }
  for (const { at, text } of labelsOf(view, plot, Math.floor((right - MARGIN.left) / LABEL_WIDTH))) {
    svg.append(label(text, { x: x(at), y: HEIGHT - 7, "text-anchor": "middle" }));
  }
  box.replaceChildren(svg);
}

/** Whether an instant lies in a row. */
export function isWithin(at: string, { start, end }: { readonly start: string; readonly end: string }): boolean {
  return Date.parse(at) >= Date.parse(start) && Date.parse(at) < Date.parse(end);
}

/** Whether the energy belongs to a single step; otherwise the row has no height. */
function isBar({ mark }: LedgerRow): boolean {
  return mark === "";
}

interface Label {
  readonly at: number;
  readonly text: string;
}

/** Labels of hours at their positions on the meter's clock, of days and months at their middle. At most `room` labels. */
function labelsOf({ startAt, endAt, rows }: LedgerView, { range, date, language }: LedgerPlot, room: number): Label[] {
  if (range === "day") {
    const every = [1, 2, 3, 6, 12].find((hours) => 24 / hours <= room) ?? 12;
    const hours = Array.from({ length: Math.round((endAt - startAt) / HOUR_MS) }, (_, i) => startAt + i * HOUR_MS);
    return hours
      .map((at) => ({ at, hour: new Date(at + offsetAt(at, rows) * 60_000).getUTCHours() }))
      .filter(({ hour }) => hour % every === 0)
      .map(({ at, hour }) => ({ at, text: String(hour).padStart(2, "0") }));
  }
  const [year = 2000, month = 1] = date.split("-").map(Number);
  const count = range === "year" ? 12 : new Date(Date.UTC(year, month, 0)).getUTCDate();
  const begin = (i: number): number => (range === "year" ? Date.UTC(year, i, 1) : Date.UTC(year, month - 1, 1 + i));
  const scale = (endAt - startAt) / (begin(count) - begin(0));
  const name = new Intl.DateTimeFormat(language, { month: room < 12 ? "narrow" : "short", timeZone: "UTC" });
  const every = range === "year" ? 1 : Math.ceil(count / Math.min(count, room));
  return Array.from({ length: count }, (_, i) => ({
    at: startAt + ((begin(i) + begin(i + 1)) / 2 - begin(0)) * scale,
    text: range === "year" ? name.format(begin(i)) : String(i + 1),
  })).filter((_, i) => i % every === 0);
}

/** UTC offset of the meter's clock at an instant, minutes: from the row before it, else the first row. */
function offsetAt(at: number, rows: readonly LedgerRow[]): number {
  const row = rows.findLast(({ start }) => Date.parse(start) <= at) ?? rows[0];
  const [, sign = "+", hours = "0", minutes = "0"] = /([+-])(\d\d):(\d\d)$/.exec(row?.start ?? "") ?? [];
  return (sign === "-" ? -1 : 1) * (Number(hours) * 60 + Number(minutes));
}

/** The smallest of 1, 2 or 5 times a power of ten that is not below `least`. */
export function niceStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(least));
  return ([1, 2, 5, 10].find((digit) => digit * power >= least * 0.999) ?? 10) * power;
}

/** Decimals that multiples of `step` (Wh) need in kWh. */
function decimalsOf(step: number): number {
  return Math.max(0, Math.min(3, -Math.floor(Math.log10(step / 1000))));
}

/** For rows whose energy cannot be drawn. */
function hatchPattern(): SVGElement {
  const defs = shape("defs", {});
  const pattern = shape("pattern", { id: "hatch", width: 8, height: 8, patternUnits: "userSpaceOnUse" });
  pattern.append(shape("path", { class: "hatch", d: "M0 8L8 0" }));
  defs.append(pattern);
  return defs;
}

function label(text: string, attributes: Readonly<Record<string, string | number>>): SVGElement {
  const element = shape("text", attributes);
  element.textContent = text;
  return element;
}

function shape(tag: string, attributes: Readonly<Record<string, string | number>>): SVGElement {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  return element;
}
