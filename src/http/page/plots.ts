/** Keeps both plots up to date: appends each telegram, and reloads everything once a minute. */
import type { EnergyHour, PageMeter, PageState, PowerSeries } from "../page-model.ts";
import { load } from "./connection.ts";
import { byId, setText } from "./dom.ts";
import { EnergyPlot } from "./energy-plot.ts";
import { PowerPlot } from "./power-plot.ts";
import { isSilent, type Moment } from "./verdict.ts";
import { age, type Language, say } from "./words.ts";

const RELOAD_MS = 60_000;
/** The first meter readings exist only after a second telegram; until then reload more often. */
const FIRST_RELOAD_MS = 2_000;

export class Plots {
  #language: Language;
  #meter: PageMeter | null = null;
  #now = Date.now();
  #startedAt = 0;
  #loadedAt = 0;
  #turn = 0;
  readonly #power: PowerPlot;
  readonly #energy: EnergyPlot;

  constructor(language: Language) {
    this.#language = language;
    this.#power = new PowerPlot(language, () => void this.#reload());
    this.#energy = new EnergyPlot(language);
    new ResizeObserver(() => {
      this.#power.resize();
      this.#energy.resize();
    }).observe(byId("power-plot"));
  }

  /** Takes a new state: appends a point, or reloads everything for another meter or language. */
  show(state: PageState, meter: PageMeter, language: Language): void {
    const changed = this.#meter?.index !== meter.index || this.#meter.id !== meter.id || language !== this.#language;
    if (language !== this.#language) {
      this.#language = language;
      this.#power.language = language;
      this.#energy.language = language;
    }
    this.#meter = meter;
    this.#now = state.now;
    this.#startedAt = state.startedAt;
    const counted = this.#energy.empty && meter.values.some(({ key }) => key === "energy_import");
    if (changed || Date.now() - this.#loadedAt > (counted ? FIRST_RELOAD_MS : RELOAD_MS)) void this.#reload();
    else this.#power.append(meter, state.now);
    this.#energy.showToday(meter, state.now, state.startedAt);
  }

  /** Called every second: without new telegrams, the plots show when the data ends, and the curve moves on. */
  tick(meter: PageMeter, moment: Moment): void {
    this.#power.advance(moment.now);
    const silent = isSilent(meter, moment);
    const sinceMs = moment.now - (meter.lastTelegramAt ?? moment.now);
    for (const id of ["power-card", "energy-card"]) {
      const card = byId(id);
      card.classList.toggle("stale", silent);
      const note = card.querySelector<HTMLElement>(".ends");
      if (note === null) continue;
      note.hidden = !silent || meter.lastTelegramAt === null;
      setText(note, say(this.#language, "plotEnds", age(this.#language, sinceMs)));
    }
  }

  /** The colours have changed. */
  recolour(): void {
    this.#power.recolour();
    this.#energy.recolour();
  }

  async #reload(): Promise<void> {
    const meter = this.#meter;
    if (meter === null) return;
    this.#loadedAt = Date.now();
    byId<HTMLAnchorElement>("power-csv").href = `api/power.csv?meter=${meter.index}&span=${this.#power.spanMs}`;
    byId<HTMLAnchorElement>("energy-csv").href = `api/energy.csv?meter=${meter.index}`;
    for (const id of ["power-csv", "energy-csv"]) byId(id).title = say(this.#language, "csv");
    const turn = ++this.#turn;
    const [power, hours] = await Promise.all([
      load<PowerSeries>(`api/power?meter=${meter.index}&span=${this.#power.spanMs}`),
      load<EnergyHour[]>(`api/energy?meter=${meter.index}`),
    ]);
    // Another span or meter has been requested since: discard this answer.
    if (turn !== this.#turn) return;
    if (power !== null) this.#power.load(power, meter.lastTelegramAt ?? 0, this.#now);
    if (hours === null) return;
    this.#energy.load(hours, this.#now);
    this.#energy.showToday(meter, this.#now, this.#startedAt);
  }
}
