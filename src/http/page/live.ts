/** The top of the page: identity, verdict and current values of the meter; and the table of all values. */
import type { PageMeter, PageValue } from "../page-model.ts";
import { byId, make, setText } from "./dom.ts";
import { isStale, type Moment, type Verdict } from "./verdict.ts";
import { age, type Language, number, say } from "./words.ts";

const PHASES = ["l1", "l2", "l3"] as const;
/** Limits of the voltage by EN 50160 (230 V ± 10 %), V. */
const VOLTAGE = { least: 207, most: 253, low: 212, high: 248 };

function find(meter: PageMeter, key: string): PageValue | undefined {
  return meter.values.find((value) => value.key === key);
}

/** The exact digits in the notation of the language; a dash for an unknown value. */
export function shown(language: Language, value: PageValue | undefined): string {
  if (value === undefined) return "–";
  return value.numeric ? number(language, value.text) : value.text;
}

function withUnit(language: Language, value: PageValue | undefined): string {
  return `${shown(language, value)}${value?.unit ? ` ${value.unit}` : ""}`;
}

/** Shows everything about a meter that changes with a telegram or goes stale without one; called every second. */
export function showMeter(meter: PageMeter, moment: Moment, language: Language): void {
  const name = meter.name ?? say(language, "unknownMeter");
  setText(byId("name"), name);
  const known = [meter.manufacturer, meter.model, meter.id].filter((part) => part !== null && !name.includes(part));
  setText(byId("about"), [...known, meter.port].join(" · "));
  document.title = `${name} – kaifa2mqtt`;
  showPower(meter, moment, language);
  showTotals(meter, moment, language);
  showPhases(meter, moment, language);
  showMore(meter, moment, language);
  showFreshness(meter, moment, language);
}

/** Shows the verdict at the top. The help paragraph is in the page's language. */
export function showVerdict({ level, text, cure, help }: Verdict, language: Language): void {
  byId("diagnosis").className = `banner ${level}`;
  setText(byId("diagnosis-text"), text);
  setText(byId("diagnosis-cure"), cure);
  const link = byId<HTMLAnchorElement>("diagnosis-help");
  link.hidden = help === null;
  if (help !== null) link.href = `help${language === "de" ? ".de" : ""}.html#${help}`;
}

function ageOf(value: PageValue, moment: Moment, language: Language): string {
  return age(language, moment.now - value.at);
}

/** A stale value is not shown as current: a dash replaces it, with the last value and its age below. */
function showPower(meter: PageMeter, moment: Moment, language: Language): void {
  const net = find(meter, "power_net") ?? find(meter, "power_import");
  const stale = net !== undefined && isStale(net, meter, moment);
  const watts = net === undefined || stale ? null : Number(net.text);
  setText(byId("power"), watts === null ? "–" : number(language, (net?.text ?? "").replace(/^-/, "")));
  setText(byId("power-unit"), net?.unit ?? "W");
  const direction = watts === null ? "" : watts > 0 ? "import" : watts < 0 ? "export" : "idle";
  const hero = byId("power").closest<HTMLElement>(".hero");
  if (hero !== null) hero.dataset.direction = direction;
  const words = { import: "importing", export: "exporting", idle: "idle" } as const;
  const last = stale ? say(language, "lastValue", number(language, net.text), ageOf(net, moment, language)) : "";
  setText(byId("direction"), direction === "" ? last : say(language, words[direction]));
}

/** Stale meter readings are still useful: they turn grey and show their age. */
function showTotals(meter: PageMeter, moment: Moment, language: Language): void {
  const [imported, exported] = [find(meter, "energy_import"), find(meter, "energy_export")];
  setText(byId("total-import"), shown(language, imported));
  setText(byId("total-export"), shown(language, exported));
  const value = imported ?? exported;
  const stale = value !== undefined && isStale(value, meter, moment);
  byId("total-import").closest("dl")?.classList.toggle("stale", stale);
  setText(byId("energy-age"), stale ? say(language, "asOf", ageOf(value, moment, language)) : "");
}

function showPhases(meter: PageMeter, moment: Moment, language: Language): void {
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
    const current = (value: PageValue | undefined) =>
      value === undefined || isStale(value, meter, moment) ? undefined : value;
    const stale = current(volts) === undefined;
    card.classList.toggle("stale", stale);
    const dead = !stale && Number(volts?.text) === 0;
    const set = (name: string, text: string) => {
      const field = card.querySelector(`[data-field="${name}"]`);
      if (field !== null) setText(field, text);
    };
    set("voltage", shown(language, current(volts)));
    const gauge = card.querySelector("meter");
    if (gauge !== null) {
      gauge.hidden = stale || dead;
      gauge.value = Number(volts?.text ?? 0);
    }
    set("dead", dead ? say(language, "notConnected") : "");
    for (const name of ["current", "power_import", "power_export", "power_factor"]) {
      const value = find(meter, `${name}_${phase}`);
      const row = card.querySelector<HTMLElement>(`[data-row="${name}"]`);
      if (row !== null) row.hidden = value === undefined;
      set(name, withUnit(language, current(value)));
    }
  }
}

/** Values of the whole connection other than active power and energy. */
const MORE = ["power_factor", "frequency", "reactive_power_import", "reactive_power_export"];

function showMore(meter: PageMeter, moment: Moment, language: Language): void {
  const values = MORE.flatMap((key) => find(meter, key) ?? []);
  const texts = values.map((value) => (isStale(value, meter, moment) ? "–" : withUnit(language, value)));
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

function showFreshness(meter: PageMeter, moment: Moment, language: Language): void {
  const box = byId("freshness");
  if (meter.lastTelegramAt === null) {
    setText(box, "");
    return;
  }
  const sinceMs = moment.now - meter.lastTelegramAt;
  const text = sinceMs < 1_500 ? say(language, "justNow") : say(language, "ago", age(language, sinceMs));
  const period = meter.periodMs === null ? null : number(language, (meter.periodMs / 1000).toFixed(0));
  setText(box, period === null ? say(language, "lastTelegramOnly", text) : say(language, "lastTelegram", text, period));
}

/** The table of all values; stale ones are grey, with their age. */
export function showValues(meter: PageMeter, moment: Moment, language: Language): void {
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
    const row = body.children[index];
    const cell = row?.lastElementChild;
    if (!row || !cell) return;
    const stale = isStale(value, meter, moment);
    row.classList.toggle("stale", stale);
    const text = withUnit(language, value);
    setText(cell, stale ? `${text} · ${say(language, "ago", ageOf(value, moment, language))}` : text);
  });
  const more = byId("values-omitted");
  more.hidden = meter.omittedValues === 0;
  setText(more, say(language, "omitted", number(language, String(meter.omittedValues))));
}
