/** The output of `kaifa2mqtt doctor`, live: what arrives on the line and how it is processed. */
import type { PageMeter, TelegramSummary } from "../page-model.ts";
import { load } from "./connection.ts";
import { byId, make, setText } from "./dom.ts";
import { diagnosisOf, type Moment, nameOf } from "./verdict.ts";
import { age, isWord, type Language, number, outcomeText, say } from "./words.ts";

/** The newest telegram is requested at most this often, milliseconds. */
const PAUSE_MS = 2_000;

export class DiagnosisCard {
  #newest: TelegramSummary | null = null;
  #meter = -1;
  #askedAt = 0;

  async show(meter: PageMeter, moment: Moment, language: Language): Promise<void> {
    const card = byId<HTMLDetailsElement>("diagnosis-card");
    if (!card.open) return;
    if (meter.index !== this.#meter) this.#newest = null;
    if (meter.index !== this.#meter || Date.now() - this.#askedAt > PAUSE_MS) {
      this.#meter = meter.index;
      this.#askedAt = Date.now();
      const list = await load<TelegramSummary[]>(`api/telegrams?meter=${meter.index}`);
      if (list !== null) this.#newest = list[0] ?? null;
      const template = await load<string>(`api/template?meter=${meter.index}`);
      byId("template-box").hidden = !template;
      setText(byId("template"), template ?? "");
    }
    const rows = rowsOf(meter, this.#newest, moment, language).filter(([, text]) => text !== "");
    const list = byId("diagnosis-facts");
    list.classList.toggle("stale", moment.lostMs !== null);
    const shape = JSON.stringify(rows);
    if (list.dataset.shape === shape) return;
    list.dataset.shape = shape;
    list.replaceChildren(
      ...rows.map(([name, text]) => make("div", {}, make("dt", {}, name), make("dd", { class: "fact" }, text))),
    );
  }
}

function rowsOf(
  meter: PageMeter,
  newest: TelegramSummary | null,
  moment: Moment,
  language: Language,
): readonly (readonly [name: string, text: string])[] {
  const { text, cure } = diagnosisOf(meter, moment, language);
  const rejected = Object.entries(meter.rejectedBy).map(([code, count]) => `${outcomeText(code, language)} ${count}×`);
  const security = `security-${newest?.security}`;
  return [
    [say(language, "diagnosisNow"), `${text} ${cure}`.trim()],
    [say(language, "diagnosisMeter"), [nameOf(meter), meter.manufacturer, meter.model].filter(Boolean).join(" · ")],
    [say(language, "diagnosisPort"), `${meter.port} · ${say(language, "opened", String(meter.connections))}`],
    [say(language, "diagnosisTransport"), newest?.transport ?? ""],
    [say(language, "diagnosisSecurity"), isWord(security) ? say(language, security) : ""],
    [say(language, "diagnosisTitle"), newest?.systemTitle ?? ""],
    [say(language, "diagnosisPeriod"), meter.periodMs === null ? "" : age(language, meter.periodMs)],
    [
      say(language, "diagnosisLast"),
      meter.lastTelegramAt === null ? "" : say(language, "ago", age(language, moment.now - meter.lastTelegramAt)),
    ],
    [say(language, "diagnosisTime"), meter.meterTime ?? ""],
    [say(language, "diagnosisAccepted"), number(language, String(meter.accepted))],
    [say(language, "diagnosisRejected"), rejected.length === 0 ? say(language, "nothing") : rejected.join(", ")],
  ];
}
