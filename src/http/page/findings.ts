/** What `kaifa2mqtt doctor` would say, live: what arrives on the line, and what became of it. */
import type { PageMeter, TelegramSummary } from "../page-model.ts";
import { load } from "./connection.ts";
import { byId, make } from "./dom.ts";
import { type Moment, nameOf } from "./verdict.ts";
import { age, isWord, type Language, number, say } from "./words.ts";

/** At most as often as this the newest telegram is asked for, milliseconds. */
const PAUSE_MS = 2_000;

export class Findings {
  #newest: TelegramSummary | null = null;
  #meter = -1;
  #askedAt = 0;

  async show(meter: PageMeter, moment: Moment, language: Language): Promise<void> {
    const card = byId<HTMLDetailsElement>("findings-card");
    if (!card.open) return;
    if (meter.index !== this.#meter) this.#newest = null;
    if (meter.index !== this.#meter || Date.now() - this.#askedAt > PAUSE_MS) {
      this.#meter = meter.index;
      this.#askedAt = Date.now();
      const list = await load<TelegramSummary[]>(`api/telegrams?meter=${meter.index}`);
      if (list !== null) this.#newest = list[0] ?? null;
    }
    const rows = rowsOf(meter, this.#newest, moment, language).filter(([, text]) => text !== "");
    const list = byId("findings");
    const shape = JSON.stringify(rows);
    if (list.dataset.shape === shape) return;
    list.dataset.shape = shape;
    list.replaceChildren(
      ...rows.map(([name, text]) => make("div", {}, make("dt", {}, name), make("dd", { class: "found" }, text))),
    );
  }
}

function rowsOf(
  meter: PageMeter,
  newest: TelegramSummary | null,
  moment: Moment,
  language: Language,
): readonly (readonly [name: string, text: string])[] {
  const { text, cure } = meter.diagnosis;
  const outcome = (code: string) => {
    const word = `outcome-${code}`;
    return isWord(word) ? say(language, word) : code;
  };
  const rejected = Object.entries(meter.rejectedBy).map(([code, count]) => `${outcome(code)} ${count}×`);
  const security = `security-${newest?.security}`;
  return [
    [say(language, "finding"), `${text[language]} ${cure[language]}`.trim()],
    [say(language, "findingMeter"), [nameOf(meter), meter.manufacturer, meter.model].filter(Boolean).join(" · ")],
    [say(language, "findingPort"), `${meter.port} · ${say(language, "opened", String(meter.connections))}`],
    [say(language, "findingTransport"), newest?.transport ?? ""],
    [say(language, "findingSecurity"), isWord(security) ? say(language, security) : ""],
    [say(language, "findingTitle"), newest?.systemTitle ?? ""],
    [say(language, "findingPeriod"), meter.periodMs === null ? "" : age(language, meter.periodMs)],
    [
      say(language, "findingLast"),
      meter.lastTelegramAt === null ? "" : say(language, "ago", age(language, moment.now - meter.lastTelegramAt)),
    ],
    [say(language, "findingTime"), meter.meterTime ?? ""],
    [say(language, "findingAccepted"), number(language, String(meter.accepted))],
    [say(language, "findingRejected"), rejected.length === 0 ? say(language, "nothing") : rejected.join(", ")],
  ];
}
