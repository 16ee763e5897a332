/** The top of the page: who the meter is, what it measures now, how it is. */
import type { PageMeter, PageState, PageValue } from "../page-model.ts";
import { byId, make, setText } from "./dom.ts";
import { type Language, number, say } from "./words.ts";

const PHASES = ["l1", "l2", "l3"] as const;
/** Limits of the voltage by EN 50160 (230 V ± 10 %), V. */
const VOLTAGE = { least: 207, most: 253, low: 212, high: 248 };

function find(meter: PageMeter, key: string): PageValue | undefined {
  return meter.values.find((value) => value.key === key);
}

/** The exact digits as the language writes them. */
export function shown(language: Language, value: PageValue | undefined): string {
  if (value === undefined) return "–";
  return value.numeric ? number(language, value.text) : value.text;
}

export function showMeter(state: PageState, meter: PageMeter, language: Language): void {
  const name = meter.name ?? say(language, "unknownMeter");
  setText(byId("name"), name);
  const known = [meter.manufacturer, meter.model, meter.id].filter((part) => part !== null && !name.includes(part));
  setText(byId("about"), [...known, meter.port].join(" · "));
  document.title = `${name} – kaifa2mqtt`;
  showDiagnosis(state, meter, language);
  showPower(meter, language);
  showPhases(meter, language);
  showMore(meter, language);
  showFreshness(state, meter, language);
}

function showDiagnosis(state: PageState, meter: PageMeter, language: Language): void {
  const { code, text, cure } = meter.diagnosis;
  const brokerError = code === "ok" && state.broker !== null && !state.broker.connected;
  const box = byId("diagnosis");
  box.className = `banner ${code === "ok" && !brokerError ? "ok" : code === "starting" ? "wait" : "bad"}`;
  const brokerText = `${say(language, "broker")}: ${state.broker?.error ?? say(language, "lightBad")}`;
  setText(byId("diagnosis-text"), brokerError ? brokerText : text[language]);
  setText(byId("diagnosis-cure"), brokerError ? "" : cure[language]);
}

function showPower(meter: PageMeter, language: Language): void {
  const net = find(meter, "power_net") ?? find(meter, "power_import");
  const watts = net === undefined ? null : Number(net.text);
  setText(byId("power"), watts === null ? "–" : number(language, (net?.text ?? "").replace(/^-/, "")));
  setText(byId("power-unit"), net?.unit ?? "W");
  const direction = watts === null ? "" : watts > 0 ? "import" : watts < 0 ? "export" : "idle";
  const hero = byId("power").closest<HTMLElement>(".hero");
  if (hero !== null) hero.dataset.direction = direction;
  const words = { import: "importing", export: "exporting", idle: "idle" } as const;
  setText(byId("direction"), direction === "" ? "" : say(language, words[direction]));
  setText(byId("total-import"), shown(language, find(meter, "energy_import")));
  setText(byId("total-export"), shown(language, find(meter, "energy_export")));
}

function showPhases(meter: PageMeter, language: Language): void {
  const box = byId("phases");
  const present = PHASES.filter((phase) => meter.values.some(({ key }) => key.endsWith(`_${phase}`)));
  const none = say(language, meter.values.length === 0 ? "noValues" : "noPhases");
  const shape = `${present.join()} ${none} ${language}`;
  if (box.dataset.shape !== shape) {
    box.dataset.shape = shape;
    box.replaceChildren(...present.map((phase) => phaseCard(phase, language)));
    if (present.length === 0) box.append(make("p", { class: "muted" }, none));
  }
  for (const phase of present) {
    const volts = find(meter, `voltage_${phase}`);
    const card = byId(`phase-${phase}`);
    const dead = volts !== undefined && Number(volts.text) === 0;
    const set = (name: string, text: string) => {
      const field = card.querySelector(`[data-field="${name}"]`);
      if (field !== null) setText(field, text);
    };
    set("voltage", shown(language, volts));
    const gauge = card.querySelector("meter");
    if (gauge !== null) {
      gauge.hidden = volts === undefined || dead;
      gauge.value = Number(volts?.text ?? 0);
    }
    set("dead", dead ? say(language, "notConnected") : "");
    for (const name of ["current", "power_import", "power_export", "power_factor"]) {
      const value = find(meter, `${name}_${phase}`);
      const row = card.querySelector<HTMLElement>(`[data-row="${name}"]`);
      if (row !== null) row.hidden = value === undefined;
      set(name, value === undefined ? "" : `${shown(language, value)}${value.unit ? ` ${value.unit}` : ""}`);
    }
  }
}

/** Values of the whole connection that are neither power nor energy. */
const MORE = ["power_factor", "frequency", "reactive_power_import", "reactive_power_export"];

function showMore(meter: PageMeter, language: Language): void {
  const values = MORE.flatMap((key) => find(meter, key) ?? []);
  const texts = values.map((value) => `${shown(language, value)}${value.unit ? ` ${value.unit}` : ""}`);
  const box = byId("more");
  const shape = `${values.map(({ key }) => key).join()} ${language}`;
  if (box.dataset.shape !== shape) {
    box.dataset.shape = shape;
    const rows = values.map(({ name, key }) => make("div", {}, make("dt", {}, name?.[language] ?? key), make("dd")));
    box.replaceChildren(...rows);
  }
  box.querySelectorAll("dd").forEach((field, index) => {
    setText(field, texts[index] ?? "");
  });
}

function phaseCard(phase: string, language: Language): HTMLElement {
  const title = phase.toUpperCase();
  const row = (name: string, label: string) =>
    make("div", { "data-row": name }, make("dt", {}, label), make("dd", { "data-field": name }));
  const gauge = make("meter", {
    min: String(VOLTAGE.least),
    max: String(VOLTAGE.most),
    low: String(VOLTAGE.low),
    high: String(VOLTAGE.high),
    optimum: "230",
    "aria-label": `${say(language, "voltage")} ${title}`,
  });
  return make(
    "div",
    { class: "phase", id: `phase-${phase}` },
    make("h3", {}, title),
    make("p", { class: "volts" }, make("span", { "data-field": "voltage" }), " ", make("small", {}, "V")),
    gauge,
    make("p", { class: "muted small", "data-field": "dead" }),
    make(
      "dl",
      {},
      row("current", say(language, "current")),
      row("power_import", say(language, "powerImport")),
      row("power_export", say(language, "powerExport")),
      row("power_factor", say(language, "powerFactor")),
    ),
  );
}

/** Called every second, too: the age grows while nothing comes. `state.now` is the server's clock. */
export function showFreshness(state: PageState, meter: PageMeter, language: Language, sinceMs = 0): void {
  const box = byId("freshness");
  if (meter.lastTelegramAt === null) {
    setText(box, "");
    return;
  }
  const seconds = Math.max(0, Math.round((state.now + sinceMs - meter.lastTelegramAt) / 1000));
  const age =
    seconds < 2
      ? say(language, "justNow")
      : seconds < 120
        ? say(language, "secondsAgo", String(seconds))
        : say(language, "minutesAgo", String(Math.round(seconds / 60)));
  const period = meter.periodMs === null ? null : number(language, (meter.periodMs / 1000).toFixed(0));
  setText(box, period === null ? say(language, "lastTelegramOnly", age) : say(language, "lastTelegram", age, period));
}

export function showValues(meter: PageMeter, language: Language): void {
  const body = byId("values");
  const shape = `${meter.values.map(({ obis }) => obis).join()} ${language}`;
  if (body.dataset.shape !== shape) {
    body.dataset.shape = shape;
    body.replaceChildren(
      ...meter.values.map((value) =>
        make(
          "tr",
          {},
          make("td", {}, make("code", {}, value.obis.replace(/\*255$/, ""))),
          make("td", {}, value.name?.[language] ?? value.key),
          make("td", { class: "number" }),
        ),
      ),
    );
  }
  meter.values.forEach((value, index) => {
    const cell = body.children[index]?.lastElementChild;
    if (cell) setText(cell, `${shown(language, value)}${value.unit ? ` ${value.unit}` : ""}`);
  });
}
