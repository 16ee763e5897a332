/** Shared by both plots: colours, axes, sizes. */
import type uPlot from "uplot";
import { make, setText } from "./dom.ts";

/** A colour of style.css in the current scheme. */
export function colour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

export function axis(options: uPlot.Axis): uPlot.Axis {
  return {
    stroke: colour("muted"),
    font: "12px system-ui, sans-serif",
    ticks: { show: false },
    ...options,
    grid: { stroke: colour("grid"), width: 1, ...options.grid },
  };
}

export function sizeOf(box: HTMLElement): { width: number; height: number } {
  return { width: Math.max(box.clientWidth, 120), height: Math.max(box.clientHeight, 120) };
}

/** Shows a text over an empty plot; `null` removes it. */
export function showEmpty(box: HTMLElement, text: string | null): void {
  const present = box.querySelector(".empty");
  if (text === null) present?.remove();
  else if (present !== null) setText(present, text);
  else box.append(make("p", { class: "empty" }, text));
}

/** `10. 6.` in German, `10/06` in English. */
export const DAY_LABEL: Intl.DateTimeFormatOptions = { day: "numeric", month: "numeric" };

/** A number with a fixed count of decimals. */
export function fixed(language: string, value: number, digits: number): string {
  return new Intl.NumberFormat(language, { minimumFractionDigits: digits, maximumFractionDigits: digits }).format(
    value,
  );
}
