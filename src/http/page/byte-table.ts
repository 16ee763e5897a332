/** The bytes of a telegram, each range with its meaning: coloured, and as a table. */
import type { AnnotatedBytes, Span } from "../../codec/inspect/annotate.ts";
import { germanLabel, germanValue } from "./annotation-de.ts";
import { make } from "./dom.ts";
import { type Language, say } from "./words.ts";

/** The name of the quantity with an OBIS code (`1-0:1.8.0*255`), `null` if it has none. */
export type NameOf = (obis: string) => string | null;

/** One part: the bytes on the wire, or the deciphered ones. */
export function byteTable(part: AnnotatedBytes, language: Language, nameOf: NameOf): HTMLElement {
  const bytes = make("div", { class: "hex", "aria-hidden": "true" });
  const rows = make("tbody");
  for (const span of part.spans) {
    const [label, value] = inWords(span, language);
    const chip = make("span", { class: `chip ${span.kind}`, title: `${label} ${value}`.trim() });
    chip.append(hexOf(part, span));
    const row = make(
      "tr",
      {},
      make("td", {}, make("code", {}, rangeOf(span))),
      make("td", {}, ...meaningOf(label, nameOf)),
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
  const title = say(language, part.title);
  const columns = (["bytesColumn", "meaning", "content"] as const).map((word) =>
    make("th", { scope: "col" }, say(language, word)),
  );
  const fields = make(
    "div",
    { class: "scroll fields", tabindex: "0", role: "region", "aria-label": title },
    make("table", {}, make("thead", {}, make("tr", {}, ...columns)), rows),
  );
  return make("section", {}, make("h3", {}, `${title} · ${part.hex.length / 2} B`), bytes, fields);
}

/** An OBIS code with the name of its quantity; other labels as they are. */
function meaningOf(label: string, nameOf: NameOf): (Node | string)[] {
  const name = nameOf(label);
  const code = label.replace(/\*255$/, "");
  return name === null ? [code] : [make("code", {}, code), ` ${name}`];
}

/** Label and value in the language of the page. Registers are codes and figures in every language. */
function inWords({ kind, label, value }: Span, language: Language): [label: string, value: string] {
  if (language !== "de") return [label, value];
  return [germanLabel(label), kind === "register" || kind === "text" ? value : germanValue(value)];
}

function hexOf({ hex }: AnnotatedBytes, { start, end }: Span): string {
  return hex.slice(2 * start, 2 * end).replace(/..(?=.)/g, "$& ");
}

function rangeOf({ start, end }: Span): string {
  return end - start === 1 ? String(start) : `${start}–${end - 1}`;
}
