/** One verdict for the whole page: the bridge, the worst meter, the broker. Pure. */
import type { PageMeter, PageState, PageValue } from "../page-model.ts";
import { age, type Language, say } from "./words.ts";

/** The bridge's time as far as the page knows it, and whether the bridge still answers. */
export interface Moment {
  /** Milliseconds of the bridge's wall clock. */
  readonly now: number;
  /** Since the bridge last answered, milliseconds; `null` while it answers. */
  readonly lostMs: number | null;
}

export type Level = "bad" | "wait" | "ok";
/** Most severe first. */
const LEVELS: readonly Level[] = ["bad", "wait", "ok"];

export interface Verdict {
  readonly level: Level;
  readonly text: string;
  readonly cure: string;
  /** Anchor in the help page, without `#`; `null`: nothing to look up. */
  readonly help: string | null;
  /** Position of the meter concerned; `null`: no particular one. */
  readonly meter: number | null;
}

/** Whether no telegram has been accepted for longer than this meter's limit. */
export function isSilent(meter: PageMeter, { now, lostMs }: Moment): boolean {
  if (lostMs !== null) return true;
  return meter.lastTelegramAt !== null && now - meter.lastTelegramAt > meter.limitMs;
}

/** Whether a value must not be shown as current. */
export function isStale(value: PageValue, meter: PageMeter, moment: Moment): boolean {
  return isSilent(meter, moment) || moment.now - value.at > value.limitMs;
}

/** The condition of one meter. One whose last telegram is too old is not ok, whatever the bridge last reported. */
export function levelOf(meter: PageMeter, moment: Moment): Level {
  if (moment.lostMs !== null) return "wait";
  if (meter.diagnosis.code === "starting") return "wait";
  return meter.diagnosis.code === "ok" && !isSilent(meter, moment) ? "ok" : "bad";
}

/** Worst first, otherwise in the order of the configuration. */
export function worstFirst(meters: readonly PageMeter[], moment: Moment): readonly PageMeter[] {
  const rank = (meter: PageMeter) => LEVELS.indexOf(levelOf(meter, moment));
  return meters.toSorted((a, b) => rank(a) - rank(b) || a.index - b.index);
}

export function nameOf(meter: PageMeter): string {
  return meter.name ?? meter.id ?? meter.port;
}

export function verdictOf(state: PageState, moment: Moment, language: Language): Verdict {
  const { broker, meters } = state;
  if (moment.lostMs !== null) {
    const text = say(language, "lost", age(language, moment.lostMs));
    return { level: "bad", text, cure: say(language, "lostCure"), help: "bridge", meter: null };
  }
  const [worst] = worstFirst(meters, moment);
  const level = worst === undefined ? "wait" : levelOf(worst, moment);
  if (worst !== undefined && level !== "ok") return ofMeter(worst, level, state, moment, language);
  if (broker !== null && (!broker.connected || broker.error !== null)) {
    const text = broker.error?.[language] ?? say(language, "brokerAway", broker.server);
    return { level: "bad", text: sentence(text), cure: "", help: "broker", meter: null };
  }
  const [problem] = broker?.problems ?? [];
  if (problem !== undefined) {
    return { level: "bad", text: sentence(problem[language]), cure: "", help: "broker", meter: null };
  }
  const text =
    meters.length > 1 ? say(language, "allWell", String(meters.length)) : (worst?.diagnosis.text[language] ?? "");
  return { level, text, cure: "", help: null, meter: null };
}

/** The current problem of one meter, even if the bridge no longer answers. */
export function diagnosisOf(
  meter: PageMeter,
  moment: Moment,
  language: Language,
): { readonly text: string; readonly cure: string; readonly help: string } {
  const { code, text, cure } = meter.diagnosis;
  if (moment.lostMs !== null) {
    return {
      text: say(language, "lost", age(language, moment.lostMs)),
      cure: say(language, "lostCure"),
      help: "bridge",
    };
  }
  if (code === "ok" && isSilent(meter, moment)) {
    const sinceMs = moment.now - (meter.lastTelegramAt ?? moment.now);
    return { text: say(language, "noTelegramSince", age(language, sinceMs)), cure: cure[language], help: "silence" };
  }
  return { text: text[language], cure: cure[language], help: code };
}

function ofMeter(worst: PageMeter, level: Level, state: PageState, moment: Moment, language: Language): Verdict {
  const { text: own, cure, help } = diagnosisOf(worst, moment, language);
  const wrong = state.meters.filter((meter) => levelOf(meter, moment) === "bad").length;
  const several = state.meters.length > 1;
  const count = several && wrong > 0 ? say(language, "someWrong", String(wrong), String(state.meters.length)) : "";
  return {
    level,
    text: several ? `${count} ${nameOf(worst)}: ${own}`.trim() : own,
    cure,
    help: level === "wait" ? null : help,
    meter: worst.index,
  };
}

/** Adds a capital letter and a full stop: in the log, this text follows a label. */
function sentence(text: string): string {
  const capital = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.?!]$/.test(capital) ? capital : `${capital}.`;
}
