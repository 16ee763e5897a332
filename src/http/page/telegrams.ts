/** The latest telegrams with their bytes explained. Loaded only while that part of the page is open. */
import type { AnnotatedBytes, Span } from "../../codec/inspect/annotate.ts";
import type { PageMeter, TelegramDetail, TelegramSummary } from "../page-model.ts";
import { germanLabel, germanValue } from "./annotation-de.ts";
import { load } from "./connection.ts";
import { byId, make, setText } from "./dom.ts";
import { isWord, type Language, say } from "./words.ts";

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

  async refresh(anew = false): Promise<void> {
    if (!byId<HTMLDetailsElement>("telegrams-card").open) return;
    const list = await load<TelegramSummary[]>(`api/telegrams?meter=${this.#meter}`);
    if (list === null || (!anew && list[0]?.id === this.#newest)) return;
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
    box.replaceChildren(...detail.parts.map((part) => this.#part(part)));
    const { message } = detail;
    if (message === null) return;
    const reason = this.#language === "de" ? (message.de ?? message.en) : message.en;
    box.prepend(make("p", { class: "wrong" }, `${outcomeText(detail.outcome, this.#language)}: ${reason}`));
  }

  /** An OBIS code with the name of its quantity; other labels as they are. */
  #meaning(label: string): (Node | string)[] {
    const name = this.#names.get(label);
    const code = label.replace(/\*255$/, "");
    return name === undefined ? [code] : [make("code", {}, code), ` ${name}`];
  }

  /** Label and value in the language of the page. Registers are codes and figures in every language. */
  #inWords({ kind, label, value }: Span): [label: string, value: string] {
    if (this.#language !== "de") return [label, value];
    return [germanLabel(label), kind === "register" || kind === "text" ? value : germanValue(value)];
  }

  #part(part: AnnotatedBytes): HTMLElement {
    const say1 = (word: Parameters<typeof say>[1]) => say(this.#language, word);
    const bytes = make("div", { class: "hex", "aria-hidden": "true" });
    const rows = make("tbody");
    for (const span of part.spans) {
      const [label, value] = this.#inWords(span);
      const chip = make("span", { class: `chip ${span.kind}`, title: `${label} ${value}`.trim() });
      chip.append(hexOf(part, span));
      const row = make(
        "tr",
        {},
        make("td", {}, make("code", {}, rangeOf(span))),
        make("td", {}, ...this.#meaning(label)),
        make("td", {}, value),
      );
      const mark = (on: boolean) => () => {
        chip.classList.toggle("marked", on);
        row.classList.toggle("marked", on);
      };
      for (const element of [chip, row]) {
        element.addEventListener("pointerenter", mark(true));
        element.addEventListener("pointerleave", mark(false));
      }
      chip.addEventListener("click", () => row.scrollIntoView({ block: "nearest" }));
      bytes.append(chip);
      rows.append(row);
    }
    const title = say1(part.title);
    const head = make(
      "thead",
      {},
      make(
        "tr",
        {},
        make("th", { scope: "col" }, say1("bytesColumn")),
        make("th", { scope: "col" }, say1("meaning")),
        make("th", { scope: "col" }, say1("content")),
      ),
    );
    const fields = make(
      "div",
      { class: "scroll fields", tabindex: "0", role: "region", "aria-label": title },
      make("table", {}, head, rows),
    );
    return make("section", {}, make("h3", {}, `${title} · ${part.hex.length / 2} B`), bytes, fields);
  }
}

function outcomeText(outcome: string, language: Language): string {
  const word = `outcome-${outcome}`;
  return isWord(word) ? say(language, word) : outcome;
}

function hexOf({ hex }: AnnotatedBytes, { start, end }: Span): string {
  return hex.slice(2 * start, 2 * end).replace(/..(?=.)/g, "$& ");
}

function rangeOf({ start, end }: Span): string {
  return end - start === 1 ? String(start) : `${start}–${end - 1}`;
}
