/** With several meters: a button with a status light for each, the worst first, to select the one shown. */
import type { PageMeter, PageState } from "../page-model.ts";
import { byId, choices, make, setText } from "./dom.ts";
import { type Level, levelOf, type Moment, nameOf, worstFirst } from "./verdict.ts";
import { type Language, say, type Word } from "./words.ts";

const STATES: Readonly<Record<Level, Word>> = { ok: "meterOk", wait: "meterWait", bad: "meterBad" };

export class MeterChoice {
  readonly #onChange: () => void;
  /** Position of the meter shown; `null` until a state has arrived. */
  #chosen: number | null = null;

  constructor(onChange: () => void) {
    this.#onChange = onChange;
  }

  /** The meter to show. The page opens with a meter that has a problem, else with the last one selected in this browser. */
  pick(state: PageState, moment: Moment): PageMeter | undefined {
    if (this.#chosen === null) {
      const [worst] = worstFirst(state.meters, moment);
      const remembered = state.meters.find(({ index }) => String(index) === choices.get("meter"));
      const opens = worst !== undefined && levelOf(worst, moment) === "bad" ? worst : (remembered ?? worst);
      this.#chosen = opens?.index ?? null;
    }
    return state.meters.find(({ index }) => index === this.#chosen) ?? state.meters[0];
  }

  show(state: PageState, moment: Moment, language: Language): void {
    const box = byId("meters");
    box.hidden = state.meters.length < 2;
    if (box.hidden) return;
    box.setAttribute("aria-label", say(language, "meters"));
    const sorted = worstFirst(state.meters, moment);
    const order = sorted.map(({ index }) => index).join();
    if (box.dataset.order !== order) {
      const focused = document.activeElement instanceof HTMLElement ? document.activeElement.dataset.meter : undefined;
      box.dataset.order = order;
      box.replaceChildren(...sorted.map(({ index }) => this.#button(index)));
      if (focused !== undefined) box.querySelector<HTMLElement>(`[data-meter="${focused}"]`)?.focus();
    }
    sorted.forEach((meter, position) => {
      const button = box.children[position]?.firstElementChild;
      if (!(button instanceof HTMLElement)) return;
      const level = levelOf(meter, moment);
      button.dataset.level = moment.lostMs === null ? level : "wait";
      button.setAttribute("aria-pressed", String(meter.index === this.#chosen));
      const set = (selector: string, text: string) => {
        const element = button.querySelector(selector);
        if (element !== null) setText(element, text);
      };
      set(".meter-name", nameOf(meter));
      set(".meter-state", say(language, moment.lostMs === null ? STATES[level] : "lightUnknown"));
    });
  }

  #button(index: number): HTMLElement {
    const button = make(
      "button",
      { type: "button", "data-meter": String(index) },
      make("span", { class: "lamp", "aria-hidden": "true" }),
      make("span", { class: "meter-name" }),
      make("span", { class: "meter-state muted small" }),
    );
    button.addEventListener("click", () => {
      this.#chosen = index;
      choices.set("meter", String(index));
      this.#onChange();
    });
    return make("li", {}, button);
  }
}
