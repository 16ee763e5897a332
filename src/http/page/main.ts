/** The status page: wires its parts to the state that the server sends. */
import type { KeyTestResult, PageMeter, PageState } from "../page-model.ts";
import { Connection, send } from "./connection.ts";
import { byId, choices, make, setText } from "./dom.ts";
import { showFreshness, showMeter, showValues } from "./live.ts";
import { showOutputs } from "./outputs.ts";
import { Plots } from "./plots.ts";
import { showStages } from "./stages.ts";
import { Telegrams } from "./telegrams.ts";
import { duration, isWord, type Language, say } from "./words.ts";

const THEMES = ["auto", "light", "dark"] as const;
type Theme = (typeof THEMES)[number];

let language: Language = choices.get("language") === "de" || prefersGerman() ? "de" : "en";
let theme: Theme = THEMES.find((each) => each === choices.get("theme")) ?? "auto";
let state: PageState | null = null;
let stateAt = 0;
let chosen = Number(choices.get("meter")) || 0;

const darkScheme = matchMedia("(prefers-color-scheme: dark)");
applyTheme();
const plots = new Plots(language);
const telegrams = new Telegrams(language);

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

function meterOf(page: PageState): PageMeter | undefined {
  return page.meters.find(({ index }) => index === chosen) ?? page.meters[0];
}

function showChoice(page: PageState): void {
  byId("meter-choice").hidden = page.meters.length < 2;
  const select = byId<HTMLSelectElement>("meter");
  const names = page.meters.map((meter) =>
    [meter.name, meter.id ?? meter.port].filter((part) => part !== null).join(" · "),
  );
  if (select.dataset.shape === names.join()) return;
  select.dataset.shape = names.join();
  select.replaceChildren(
    ...page.meters.map(({ index }, position) =>
      make("option", { value: String(index), selected: index === chosen }, names[position] ?? ""),
    ),
  );
}

function show(page: PageState): void {
  const first = state === null;
  state = page;
  stateAt = Date.now();
  byId("offline").hidden = true;
  byId("login").hidden = true;
  byId("page").hidden = false;
  byId("logout").hidden = !page.loggedIn;
  byId("key-card").hidden = !page.keyTest;
  showChoice(page);
  const meter = meterOf(page);
  if (meter === undefined) return;
  showMeter(page, meter, language);
  if (first) performance.mark("kaifa2mqtt:first-value");
  showValues(meter, language);
  showStages(meter, language);
  showOutputs(page, language);
  plots.show(page, meter, language);
  telegrams.show(meter, language);
  setText(byId("version"), say(language, "version", page.version, duration(page.now - page.startedAt)));
}

const connection = new Connection({
  onState: show,
  onLost: () => {
    byId("offline").hidden = false;
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

byId<HTMLSelectElement>("meter").addEventListener("change", (event) => {
  chosen = Number((event.target as HTMLSelectElement).value);
  choices.set("meter", String(chosen));
  if (state !== null) show(state);
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
  const meter = state === null ? undefined : meterOf(state);
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
  const meter = state === null ? undefined : meterOf(state);
  if (state !== null && meter !== undefined) showFreshness(state, meter, language, Date.now() - stateAt);
}, 1_000);

for (const id of ["values-card", "telegrams-card", "key-card"]) {
  const card = byId<HTMLDetailsElement>(id);
  card.open = choices.get(id) === "open";
  card.addEventListener("toggle", () => choices.set(id, card.open ? "open" : "closed"));
}

// What scrolls must be reachable by keyboard.
for (const region of document.querySelectorAll(".scroll")) region.setAttribute("tabindex", "0");

translate();
void connection.start();
