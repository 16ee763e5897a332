/** The latest telegrams with their bytes explained. Loaded only while the card is open. */
import type { PageMeter, TelegramDetail, TelegramSummary } from "../page-model.ts";
import { byteTable } from "./byte-table.ts";
import { load } from "./connection.ts";
import { byId, make, setText } from "./dom.ts";
import { type Language, outcomeText, say } from "./words.ts";

export class Telegrams {
  #language: Language;
  #meter = 0;
  #chosen: number | null = null;
  #newest = -1;
  /** Names of quantities by OBIS code. */
  #names: ReadonlyMap<string, string> = new Map();

  constructor(language: Language) {
    this.#language = language;
    byId("telegrams-card").addEventListener("toggle", () => void this.refresh(true));
    const anonymous = byId<HTMLInputElement>("anonymous");
    anonymous.addEventListener("change", () => this.#linkCapture());
  }

  show({ index, values }: PageMeter, language: Language): void {
    const changed = index !== this.#meter || language !== this.#language;
    this.#meter = index;
    this.#names = new Map(values.flatMap(({ obis, name }) => (name === null ? [] : [[obis, name[language]]])));
    this.#language = language;
    if (changed) this.#chosen = null;
    this.#linkCapture();
    void this.refresh(changed);
  }

  async refresh(force = false): Promise<void> {
    if (!byId<HTMLDetailsElement>("telegrams-card").open) return;
    const list = await load<TelegramSummary[]>(`api/telegrams?meter=${this.#meter}`);
    if (list === null || (!force && list[0]?.id === this.#newest)) return;
    this.#newest = list[0]?.id ?? -1;
    this.#showList(list);
    const wanted = this.#chosen ?? list[0]?.id ?? null;
    if (wanted !== null && wanted !== this.#chosen) await this.#choose(wanted);
    if (wanted === null) setText(byId("telegram"), say(this.#language, "noTelegrams"));
  }

  #linkCapture(): void {
    const anonymous = byId<HTMLInputElement>("anonymous").checked ? "&anonymous=1" : "";
    byId<HTMLAnchorElement>("capture").href = `capture?meter=${this.#meter}${anonymous}`;
  }

  #showList(list: readonly TelegramSummary[]): void {
    const box = byId("telegram-list");
    const focused = document.activeElement instanceof HTMLElement ? document.activeElement.dataset.id : undefined;
    const time = new Intl.DateTimeFormat(this.#language, { timeStyle: "medium", hourCycle: "h23" });
    box.replaceChildren(
      ...list.map(({ id, at, bytes, outcome }) => {
        const dot = make("span", { class: outcome === "ok" ? "dot" : "dot bad", "aria-hidden": "true" });
        const about = outcome === "ok" ? `${bytes} B` : outcomeText(outcome, this.#language);
        const button = make(
          "button",
          { type: "button", "data-id": String(id), "aria-pressed": String(id === this.#chosen) },
          dot,
          make("span", {}, time.format(at)),
          make("span", { class: "muted" }, about),
        );
        button.addEventListener("click", () => void this.#choose(id));
        return make("li", {}, button);
      }),
    );
    if (focused !== undefined) box.querySelector<HTMLElement>(`[data-id="${focused}"]`)?.focus();
  }

  async #choose(id: number): Promise<void> {
    this.#chosen = id;
    for (const button of byId("telegram-list").querySelectorAll("button")) {
      button.setAttribute("aria-pressed", String(button.dataset.id === String(id)));
    }
    const detail = await load<TelegramDetail>(`api/telegrams/${id}`);
    if (detail === null || this.#chosen !== id) return;
    const box = byId("telegram");
    box.replaceChildren(
      ...detail.parts.map((part) => byteTable(part, this.#language, (code) => this.#names.get(code) ?? null)),
    );
    const { message } = detail;
    if (message === null) return;
    const reason = this.#language === "de" ? (message.de ?? message.en) : message.en;
    box.prepend(make("p", { class: "wrong" }, `${outcomeText(detail.outcome, this.#language)}: ${reason}`));
  }
}
