/** The results: a list of telegrams and faults, and the facts, readings and bytes of the selected one. */
import { quantityOf } from "../catalogue/quantities.ts";
import type { DecoderOptions } from "../codec/decoder-event.ts";
import { annotate } from "../codec/inspect/annotate.ts";
import type { Register, Telegram } from "../codec/telegram.ts";
import { formatDecimal } from "../codec/values/decimal.ts";
import { germanReasonOr } from "../diagnosis/reasons-de.ts";
import { byteTable } from "../http/page/byte-table.ts";
import { byId, make, setText } from "../http/page/dom.ts";
import { isWord as isPageWord, type Language, outcomeText, say as sayPage } from "../http/page/words.ts";
import { printable } from "../log/printable.ts";
import { type Decoded, type DecodedCapture, type Entry, MAX_ENTRIES } from "./capture-decoder.ts";
import { say } from "./words.ts";

export class Results {
  #language: Language = "en";
  #keys: DecoderOptions = {};
  #decoded: Decoded | DecodedCapture | null = null;
  #chosen: Entry | null = null;
  /** Whether the user selected it; otherwise the newest from a port, or the first of a capture, is shown. */
  #isChoice = false;

  /** @param live whether more will arrive: then the newest is on top */
  show(decoded: Decoded | DecodedCapture, keys: DecoderOptions, language: Language, live: boolean): void {
    this.#language = language;
    this.#keys = keys;
    this.#decoded = decoded;
    byId("results").hidden = false;
    setText(byId("summary"), this.#summary(decoded));
    const { template } = decoded;
    byId("template-box").hidden = template === "";
    setText(byId("template"), template);
    const entries = live ? [...decoded.entries].reverse() : decoded.entries;
    const kept = this.#isChoice && this.#chosen !== null && entries.includes(this.#chosen);
    if (!kept) this.#isChoice = false;
    // Prefer a reading to a fault.
    const opens = kept ? this.#chosen : (entries.find(({ telegram }) => telegram !== null) ?? entries[0] ?? null);
    this.#list(entries);
    this.#open(opens);
  }

  hide(): void {
    this.#decoded = this.#chosen = null;
    byId("results").hidden = true;
  }

  /** After a change of language. */
  redraw(language: Language, live: boolean): void {
    if (this.#decoded !== null) this.show(this.#decoded, this.#keys, language, live);
  }

  #summary(decoded: Decoded | DecodedCapture): string {
    const language = this.#language;
    const parts = [say(language, "summary", String(decoded.telegrams), String(decoded.faults))];
    if ("kind" in decoded) parts.unshift(say(language, `kind-${decoded.kind}`, String(decoded.bytes)));
    if (decoded.skipped > 0) parts.push(say(language, "skipped", String(decoded.skipped)));
    if (decoded.telegrams + decoded.faults > MAX_ENTRIES) parts.push(say(language, "limited", String(MAX_ENTRIES)));
    return parts.join(" ");
  }

  #list(entries: readonly Entry[]): void {
    const focused = document.activeElement instanceof HTMLElement ? document.activeElement.dataset.offset : undefined;
    const box = byId("entries");
    box.replaceChildren(
      ...entries.map((entry) => {
        const { telegram, fault, offset, line } = entry;
        const place =
          line === null ? say(this.#language, "byteAt", String(offset)) : say(this.#language, "lineAt", String(line));
        const button = make(
          "button",
          { type: "button", "data-offset": String(offset), "aria-pressed": "false" },
          make("span", { class: fault === null ? "dot" : "dot bad", "aria-hidden": "true" }),
          make(
            "span",
            {},
            telegram?.meterTime ??
              (fault === null ? sayPage(this.#language, "telegramsTitle") : outcomeText(fault.code, this.#language)),
          ),
          make("span", { class: "muted" }, place),
        );
        button.addEventListener("click", () => {
          this.#isChoice = true;
          this.#open(entry);
        });
        return make("li", {}, button);
      }),
    );
    if (focused !== undefined) box.querySelector<HTMLElement>(`[data-offset="${focused}"]`)?.focus();
  }

  #open(entry: Entry | null): void {
    for (const button of byId("entries").querySelectorAll("button")) {
      button.setAttribute("aria-pressed", String(button.dataset.offset === String(entry?.offset)));
    }
    const box = byId("entry");
    if (entry !== null && entry === this.#chosen && box.dataset.language === this.#language) return;
    this.#chosen = entry;
    box.dataset.language = this.#language;
    box.replaceChildren(...(entry === null ? [] : this.#detail(entry)));
  }

  #detail({ telegram, fault, bytes, offset, line }: Entry): Node[] {
    const language = this.#language;
    const nodes: Node[] = [];
    if (fault !== null) {
      nodes.push(make("p", { class: "wrong" }, `${outcomeText(fault.code, language)}: ${faultText(fault, language)}`));
    }
    const onLine = line === null ? "" : say(language, "placeLine", String(line));
    const place =
      bytes.length === 0
        ? say(language, "placeEmpty", String(offset), line === null ? "" : `, ${say(language, "lineAt", String(line))}`)
        : say(language, "place", String(offset), String(offset + bytes.length - 1), onLine);
    nodes.push(make("p", { class: "muted small" }, place));
    if (telegram !== null) nodes.push(factsOf(telegram, language), readingsOf(telegram, language));
    if (bytes.length > 0) {
      const nameOf = (obis: string) => quantityOf(obis)?.name[language] ?? null;
      nodes.push(...annotate(bytes, this.#keys).map((part) => byteTable(part, language, nameOf)));
    }
    return nodes;
  }
}

/** The codec's message; in German its translation, else the meaning of its code. */
function faultText({ code, message }: { readonly code: string; readonly message: string }, language: Language): string {
  const text = printable(message);
  if (language === "en") return text;
  const [, line] = /^line (\d+) of the hex text holds/.exec(message) ?? [];
  if (line !== undefined) return say(language, "badLine", line);
  const [, bytes] = /^no telegram in (\d+) bytes$/.exec(message) ?? [];
  if (bytes !== undefined) return say(language, "noTelegram", bytes);
  if (message.startsWith("neither hex digits")) return say(language, "noBytes");
  return message === "the input is empty" ? say(language, "empty") : germanReasonOr(code, text);
}

function factsOf(telegram: Telegram, language: Language): HTMLElement {
  const { meterId, meterTime, transport, layout, security, systemTitle, invocationCounter, unread = [] } = telegram;
  const securityWord = `security-${security}`;
  const facts = [
    [say(language, "meter"), meterId],
    [say(language, "time"), meterTime],
    [say(language, "transport"), transport],
    [say(language, "layout"), layout],
    [say(language, "security"), isPageWord(securityWord) ? sayPage(language, securityWord) : security],
    [say(language, "systemTitle"), systemTitle],
    [say(language, "counter"), invocationCounter === null ? null : String(invocationCounter)],
    ...unread.map((text) => [say(language, "notRead"), text] as const),
  ] as const;
  return make(
    "dl",
    { class: "facts" },
    ...facts.flatMap(([name, value]) =>
      value === null ? [] : [make("div", {}, make("dt", {}, name), make("dd", { class: "fact" }, printable(value)))],
    ),
  );
}

function readingsOf({ registers }: Telegram, language: Language): HTMLElement {
  const columns = ["OBIS", sayPage(language, "quantity"), sayPage(language, "value"), say(language, "unit")];
  const head = columns.map((text, index) =>
    make("th", { scope: "col", ...(index === 2 ? { class: "number" } : {}) }, text),
  );
  const title = say(language, "readings");
  const table = make(
    "table",
    { class: "readings" },
    make("caption", { class: "sr" }, title),
    make("thead", {}, make("tr", {}, ...head)),
    make("tbody", {}, ...registers.map((register) => rowOf(register, language))),
  );
  const region = make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": title }, table);
  return make("section", {}, make("h3", {}, title), region);
}

/** Exact digits and the unit of the telegram, as `kaifa2mqtt decode` prints them. */
function rowOf({ obis, value, unit }: Register, language: Language): HTMLElement {
  const digits = typeof value === "string" ? printable(value) : formatDecimal(value);
  const text = typeof value !== "string" && language === "de" ? digits.replace(".", ",") : digits;
  return make(
    "tr",
    {},
    make("td", {}, make("code", {}, obis)),
    make("td", {}, quantityOf(obis)?.name[language] ?? ""),
    make("td", { class: "number" }, text),
    make("td", {}, unit ?? ""),
  );
}
