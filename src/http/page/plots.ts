/** Keeps both plots fresh: each telegram is appended, everything is loaded anew now and then. */
import type { EnergyHour, PageMeter, PageState, PowerSeries } from "../page-model.ts";
import { load } from "./connection.ts";
import { byId } from "./dom.ts";
import { EnergyPlot } from "./energy-plot.ts";
import { PowerPlot } from "./power-plot.ts";
import type { Language } from "./words.ts";

const RELOAD_MS = 60_000;
/** The first counters of a meter wait for a second telegram: they are asked for as soon as they are there. */
const FIRST_RELOAD_MS = 2_000;

export class Plots {
  #language: Language;
  #meter: PageMeter | null = null;
  #now = Date.now();
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

  /** New state: a point more; everything anew for another meter or in another language. */
  show(state: PageState, meter: PageMeter, language: Language): void {
    const anew = this.#meter?.index !== meter.index || this.#meter.id !== meter.id || language !== this.#language;
    if (language !== this.#language) {
      this.#language = language;
      this.#power.language = language;
      this.#energy.language = language;
    }
    this.#meter = meter;
    this.#now = state.now;
    const counted = this.#energy.empty && meter.values.some(({ key }) => key === "energy_import");
    if (anew || Date.now() - this.#loadedAt > (counted ? FIRST_RELOAD_MS : RELOAD_MS)) void this.#reload();
    else this.#power.append(meter, state.now);
    this.#energy.showToday(meter, state.now);
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
    const turn = ++this.#turn;
    const [power, hours] = await Promise.all([
      load<PowerSeries>(`api/power?meter=${meter.index}&span=${this.#power.spanMs}`),
      load<EnergyHour[]>(`api/energy?meter=${meter.index}`),
    ]);
    // Asked again meanwhile, for another span or meter: that answer counts.
    if (turn !== this.#turn) return;
    if (power !== null) this.#power.load(power, meter.lastTelegramAt ?? 0, this.#now);
    if (hours === null) return;
    this.#energy.load(hours, this.#now);
    this.#energy.showToday(meter, this.#now);
  }
}
