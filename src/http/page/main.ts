/** The status page: connects its parts to the state that the server sends. */
import type { KeyTestResult, PageMeter, PageState } from "../page-model.ts";
import { showBackfill } from "./backfill.ts";
import { Connection, send } from "./connection.ts";
import { DiagnosisCard } from "./diagnosis-card.ts";
import { byId, choices, setText } from "./dom.ts";
import { LedgerCard } from "./ledger.ts";
import { showMeter, showValues, showVerdict } from "./live.ts";
import { LogView } from "./log-view.ts";
import { MeterChoice } from "./meters.ts";
import { showOutputs } from "./outputs.ts";
import { Plots } from "./plots.ts";
import { watchSettings } from "./settings.ts";
import { showProblems, showStages } from "./stages.ts";
import { Telegrams } from "./telegrams.ts";
import { type Moment, type Verdict, verdictOf } from "./verdict.ts";
import { duration, isWord, type Language, say } from "./words.ts";

const THEMES = ["auto", "light", "dark"] as const;
type Theme = (typeof THEMES)[number];

let language: Language = choices.get("language") === "de" || prefersGerman() ? "de" : "en";
let theme: Theme = THEMES.find((each) => each === choices.get("theme")) ?? "auto";
let state: PageState | null = null;
let stateAt = 0;
/** When the bridge stopped answering; `null` while it answers. */
let lostSince: number | null = null;

const darkScheme = matchMedia("(prefers-color-scheme: dark)");
applyTheme();
const plots = new Plots(language);
const ledgerCard = new LedgerCard(language);
const telegrams = new Telegrams(language);
const logView = new LogView();
const diagnosisCard = new DiagnosisCard();
watchSettings();
const meterChoice = new MeterChoice(() => {
  if (state !== null) show(state);
});

function prefersGerman(): boolean {
  return choices.get("language") === null && navigator.language.startsWith("de");
}

function applyTheme(): void {
  const dark = theme === "dark" || (theme === "auto" && darkScheme.matches);
  document.documentElement.dataset.theme = dark ? "dark" : "light";
}

function translate(): void {
  document.documentElement.lang = language;
  for (const element of document.querySelectorAll<HTMLElement>("[data-t]")) {
    const word = element.dataset.t ?? "";
    if (isWord(word)) setText(element, say(language, word));
  }
  const button = byId("language");
  setText(button, language === "de" ? "EN" : "DE");
  button.setAttribute("aria-label", say(language, "otherLanguage"));
  const themeWord = { auto: "themeAuto", light: "themeLight", dark: "themeDark" } as const;
  const colours = say(language, "theme", say(language, themeWord[theme]));
  byId("theme").setAttribute("aria-label", colours);
  byId("theme").title = colours;
}

/** The bridge's time now, as far as this page knows it. */
function momentNow(page: PageState): Moment {
  const lostMs = lostSince === null ? null : Date.now() - Math.min(stateAt, lostSince);
  return { now: page.now + (Date.now() - stateAt), lostMs };
}

function receive(page: PageState): void {
  const first = state === null;
  state = page;
  stateAt = Date.now();
  lostSince = null;
  byId("offline").hidden = true;
  byId("login").hidden = true;
  byId("page").hidden = false;
  show(page);
  if (first) performance.mark("kaifa2mqtt:first-value");
}

/** Updates everything that depends on the state, the selected meter or the language. */
function show(page: PageState): void {
  byId("logout").hidden = !page.loggedIn;
  byId("key-card").hidden = !page.keyTest;
  const meter = refresh(page);
  if (meter === undefined) return;
  showProblems(page, language);
  plots.show(page, meter, language);
  ledgerCard.show(meter, language);
  telegrams.show(meter, language);
  void logView.refresh(language, page.startedAt);
  setText(byId("version"), say(language, "version", page.version, duration(page.now - page.startedAt)));
}

/** Updates what changes as time passes: verdict, ages, stale values. */
function refresh(page: PageState): PageMeter | undefined {
  const moment = momentNow(page);
  const meter = meterChoice.pick(page, moment);
  meterChoice.show(page, moment, language);
  const verdict = verdictOf(page, moment, language);
  showVerdict(verdict, language);
  if (meter === undefined) return undefined;
  showMeter(meter, moment, language);
  showValues(meter, moment, language);
  showStages(meter, language, moment.lostMs !== null);
  placeStages(verdict, meter);
  showOutputs(page, Date.now() - stateAt, language, moment.lostMs !== null);
  showBackfill(page, language);
  plots.tick(meter, moment);
  void diagnosisCard.show(meter, moment, language);
  return meter;
}

/** If something is wrong, the stages come first. If the verdict is about another meter, adds the shown meter's diagnosis. */
function placeStages(verdict: Verdict, meter: PageMeter): void {
  const card = byId("path-card");
  const { code, text, cure } = meter.diagnosis;
  const own = code === "ok" || code === "starting" || verdict.meter === meter.index || verdict.help === "bridge";
  setText(byId("path-text"), own ? "" : `${text[language]} ${cure[language]}`);
  const before = verdict.level === "ok" ? byId("diagnosis-card") : byId("columns");
  if (card.nextElementSibling !== before) before.before(card);
}

const connection = new Connection({
  onState: receive,
  onLost: () => {
    lostSince ??= Date.now();
    // Before the first state, the page cannot show it.
    if (state === null) byId("offline").hidden = false;
    else refresh(state);
  },
  onLogin: () => {
    byId("page").hidden = true;
    byId("login").hidden = false;
    byId("token").focus();
  },
});

byId("language").addEventListener("click", () => {
  language = language === "de" ? "en" : "de";
  choices.set("language", language);
  translate();
  if (state !== null) show(state);
});

byId("theme").addEventListener("click", () => {
  theme = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length] ?? "auto";
  choices.set("theme", theme);
  applyTheme();
  translate();
  plots.recolour();
});

darkScheme.addEventListener("change", () => {
  applyTheme();
  plots.recolour();
});

byId("login").addEventListener("submit", (event) => {
  event.preventDefault();
  const input = byId<HTMLInputElement>("token");
  void send("api/login", { token: input.value }).then(async (response) => {
    input.value = "";
    setText(byId("login-wrong"), response.ok ? "" : say(language, "loginWrong"));
    if (response.ok) await connection.start();
  });
});

byId("logout").addEventListener("click", () => {
  void send("api/logout", {}).then(() => connection.start());
});

byId("key-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const [key, authenticationKey] = [byId<HTMLInputElement>("key"), byId<HTMLInputElement>("authentication-key")];
  const meter = state === null ? undefined : meterChoice.pick(state, momentNow(state));
  const body = { meter: meter?.index ?? 0, key: key.value, authenticationKey: authenticationKey.value };
  const box = byId("key-result");
  void send("api/key-test", body)
    .then(async (response) => ((await response.json()) as KeyTestResult).result)
    .catch(() => "failed" as const)
    .then((result) => {
      box.dataset.result = result;
      setText(box, say(language, `key-${result}`));
    });
});

setInterval(() => {
  if (state !== null) refresh(state);
}, 1_000);

for (const id of [
  "ledger-card",
  "diagnosis-card",
  "values-card",
  "telegrams-card",
  "key-card",
  "log-card",
  "settings-card",
]) {
  const card = byId<HTMLDetailsElement>(id);
  card.open = choices.get(id) === "open";
  card.addEventListener("toggle", () => choices.set(id, card.open ? "open" : "closed"));
}

// Scrollable areas must be reachable by keyboard.
for (const region of document.querySelectorAll(".scroll")) region.setAttribute("tabindex", "0");

translate();
void connection.start();
