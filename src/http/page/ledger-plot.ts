/** The bars of the ledger card as SVG. The table below them holds the same for those who cannot see them. */
import type { LedgerRow, LedgerView } from "../page-model.ts";

const SVG = "http://www.w3.org/2000/svg";
const [WIDTH, HEIGHT] = [1000, 220];

/** Draws the view into a box, in place of what was there. Marked rows are hatched, never zero. */
export function drawLedger(box: HTMLElement, { startAt, endAt, rows, peak }: LedgerView, label: string): void {
  const svg = shape("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img" });
  svg.setAttribute("aria-label", label);
  const defs = shape("defs", {});
  const pattern = shape("pattern", { id: "hatch", width: 8, height: 8, patternUnits: "userSpaceOnUse" });
  pattern.append(shape("path", { class: "hatch", d: "M0 8L8 0" }));
  defs.append(pattern);
  svg.append(defs);
  const most = Math.max(1, ...rows.filter(isBar).flatMap((row) => [row.importWh ?? 0, row.exportWh ?? 0]));
  const x = (text: string): number =>
    (WIDTH * Math.min(Math.max(Date.parse(text) - startAt, 0), endAt - startAt)) / (endAt - startAt);
  for (const row of rows) {
    const [left, width] = [x(row.start), x(row.end) - x(row.start)];
    if (row.windows.length > 0) svg.append(shape("rect", { class: "window", x: left, y: 0, width, height: HEIGHT }));
    if (row.mark !== "") {
      svg.append(shape("rect", { class: "marked", fill: "url(#hatch)", x: left, y: 0, width, height: HEIGHT }));
    }
    if (!isBar(row)) continue;
    const holdsPeak = peak !== null && isWithin(peak.start, row);
    const bar = (wh: number | null, name: string, offset: number): void => {
      if (wh === null || wh <= 0) return;
      const height = (wh / most) * (HEIGHT - 12);
      svg.append(
        shape("rect", { class: name, x: left + offset * width, y: HEIGHT - height, width: width * 0.42, height }),
      );
    };
    bar(row.importWh, holdsPeak ? "import peak" : "import", 0.06);
    bar(row.exportWh, "export", 0.52);
  }
  svg.append(shape("path", { class: "axis", d: `M0 ${HEIGHT}H${WIDTH}` }));
  box.replaceChildren(svg);
}

/** Whether an instant lies in a row. */
export function isWithin(at: string, { start, end }: { readonly start: string; readonly end: string }): boolean {
  return Date.parse(at) >= Date.parse(start) && Date.parse(at) < Date.parse(end);
}

/** Whether the energy belongs to one step: what cannot be divided has no height. */
function isBar({ mark }: LedgerRow): boolean {
  return mark === "";
}

function shape(tag: string, attributes: Readonly<Record<string, string | number>>): SVGElement {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  return element;
}
