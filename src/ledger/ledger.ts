/** The ledger of all meters of a bridge: records readings, keeps the files, and notifies listeners of changes. */
import { METER_LIMITS } from "../catalogue/meter-limits.ts";
import type { TariffWindowConfig } from "../config/options.ts";
import type { ComponentLog } from "../log/component-log.ts";
import type { MeterInfo, Reading } from "../meter/events.ts";
import { type Clock, systemClock } from "../process/clock.ts";
import { intervalsOf } from "./intervals.ts";
import { LedgerReader } from "./ledger-reader.ts";
import { type LedgerState, ledgerState } from "./ledger-state.ts";
import { type Appender, LedgerStore } from "./ledger-store.ts";
import { parseLocal, type ZoneOffset, zoneOffset } from "./local-time.ts";
import { appendPoint, isBoundary, type Point } from "./point.ts";
import { QuarterRecorder } from "./quarter-recorder.ts";
import { registersOf } from "./registers-of.ts";
import { Summary } from "./summary.ts";
import { type TariffWindow, tariffWindow } from "./tariff-window.ts";

const MAX_METERS = METER_LIMITS.ledger;
/** Minimum interval between notifications, milliseconds; boundaries are notified at once. */
const NOTIFY_MS = 60_000;

export interface LedgerOptions {
  /** `data_dir` */
  readonly dataDir: string;
  /** `time_zone` */
  readonly timeZone?: string | undefined;
  /** `tariff_windows` */
  readonly windows: readonly TariffWindowConfig[];
  readonly log: ComponentLog;
  readonly clock?: Clock;
  readonly appender?: Appender;
}

/** Called with the state of a meter at each boundary, and at most once a minute in between. */
export type LedgerListener = (meter: MeterInfo, state: LedgerState) => void;

interface MeterLedger {
  readonly store: LedgerStore;
  readonly recorder: QuarterRecorder;
  summary: Summary;
  /** The points since the latest boundary, inclusive. */
  open: Point[];
  /** Wall-clock time of arrival of the newest reading, milliseconds; `null` before the first of this run. */
  receivedAt: number | null;
  /** `clock.now()` and start of the quarter of the newest notification, milliseconds. */
  notifiedAt: number;
  notifiedQuarter: number;
}

export class Ledger {
  /** Reads the files and the unwritten points. */
  readonly reader: LedgerReader;
  readonly #options: LedgerOptions;
  readonly #clock: Clock;
  readonly #zone: ZoneOffset;
  readonly #windows: readonly TariffWindow[];
  readonly #meters = new Map<string, MeterLedger>();
  readonly #listeners: LedgerListener[] = [];
  /** There are more meters than the ledger keeps; this has been logged. */
  #full = false;

  constructor(options: LedgerOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#zone = zoneOffset(options.timeZone);
    this.#windows = options.windows.map(tariffWindow);
    this.reader = new LedgerReader(options.dataDir, (meter) => this.#unwritten(meter));
  }

  subscribe(listener: LedgerListener): void {
    this.#listeners.push(listener);
  }

  /** Whether a meter's readings are recorded: with thousands of meters most have no ledger. */
  keeps(meter: string): boolean {
    return !this.#full || this.#meters.has(meter);
  }

  /** Records an accepted reading; one without energy registers is ignored. */
  take(reading: Reading): void {
    if (!reading.complete || !this.keeps(reading.meter.id)) return;
    const registers = registersOf(reading);
    if (registers.energy_import === undefined && registers.energy_export === undefined) return;
    const meter = this.#meter(reading.meter.id);
    if (meter === null) return;
    const { telegram, receivedAt } = reading;
    const arrived = this.#clock.now();
    const { points, rewind, notice } = meter.recorder.take({
      ...this.#timeOf(reading, meter),
      registers,
      device: telegram.systemTitle ?? telegram.meterId,
      arrived,
      wall: receivedAt,
    });
    if (notice !== null) this.#options.log.warn(`${reading.meter.id}: ${notice}`);
    if (points.length > 0) {
      const newest = meter.recorder.newest ?? points[0];
      meter.store.append(points, meter.recorder.device, rewind === null || newest === undefined ? null : newest);
      if (rewind === null) this.#sumUp(meter, points);
      else this.#sumUpAgain(meter);
    }
    this.#notify(reading, meter, arrived, points.some(isBoundary));
  }

  /** Writes the state needed to resume in the middle of a quarter. May be called twice. */
  async stop(): Promise<void> {
    const meters = [...this.#meters.values()];
    await Promise.all(
      meters.map(({ store, recorder }) => {
        const { closing } = recorder;
        if (closing !== null) store.append([closing], recorder.device);
        return store.stop();
      }),
    );
    this.#meters.clear();
  }

  /** The meter's own time; without one, the time of arrival. */
  #timeOf({ meterTime, receivedAt }: Reading, meter: MeterLedger): { at: number; offset: number } {
    // Evaluated only if needed: a time zone costs Node 2 MB of memory.
    const arrival = () => ({ at: receivedAt, offset: this.#zone(receivedAt) });
    if (meterTime === null) return arrival();
    // In the repeated hour in autumn, the local time is ambiguous: choose the one that follows the last telegram.
    const { newest } = meter.recorder;
    const passed = meter.receivedAt === null ? null : receivedAt - meter.receivedAt;
    meter.receivedAt = receivedAt;
    const expected = newest === null || passed === null ? receivedAt : newest.at + passed;
    return parseLocal(meterTime, this.#zone, expected) ?? arrival();
  }

  #meter(id: string): MeterLedger | null {
    const known = this.#meters.get(id);
    if (known !== undefined) return known;
    if (this.#meters.size >= MAX_METERS) {
      if (!this.#full)
        this.#options.log.warn(`the ledger keeps ${MAX_METERS} meters: ${id} and all later ones have none`);
      this.#full = true;
      return null;
    }
    const { dataDir, log, appender } = this.#options;
    const store = new LedgerStore({ dataDir, meter: id, log, clock: this.#clock, ...(appender && { appender }) });
    const created: MeterLedger = {
      store,
      recorder: new QuarterRecorder(store, store.load()),
      summary: new Summary(this.#windows),
      open: [],
      receivedAt: null,
      notifiedAt: Number.NEGATIVE_INFINITY,
      notifiedQuarter: Number.NaN,
    };
    this.#meters.set(id, created);
    this.#sumUpAgain(created);
    return created;
  }

  /** Adds the intervals completed by new points to the summary. */
  #sumUp(meter: MeterLedger, points: readonly Point[]): void {
    for (const point of points) {
      appendPoint(meter.open, point);
      if (!isBoundary(point)) continue;
      for (const interval of intervalsOf(meter.open)) meter.summary.add(interval);
      meter.open = [point];
    }
  }

  /** Rebuilds the summary from the files: after a start, and when points were invalidated. */
  #sumUpAgain(meter: MeterLedger): void {
    meter.summary = new Summary(this.#windows);
    meter.open = [];
    this.#sumUp(meter, meter.store.recent(2).points);
  }

  #notify({ meter: info, values }: Reading, meter: MeterLedger, now: number, atBoundary: boolean): void {
    if (this.#listeners.length === 0) return;
    if (!atBoundary && now - meter.notifiedAt < NOTIFY_MS && !this.#isNewQuarter(meter)) return;
    const power = values.find(({ key, unit }) => key === "power_import" && unit === "W");
    const state = ledgerState(meter.recorder, meter.summary, power === undefined ? null : Number(power.text));
    if (state === null) return;
    meter.notifiedAt = now;
    meter.notifiedQuarter = state.quarterStart.at;
    for (const listener of this.#listeners) listener(info, state);
  }

  #isNewQuarter({ recorder, notifiedQuarter }: MeterLedger): boolean {
    const newest = recorder.newest;
    return newest !== null && !(newest.at >= notifiedQuarter && newest.at < notifiedQuarter + 900_000);
  }

  #unwritten(id: string): readonly Point[] {
    const meter = this.#meters.get(id);
    if (meter === undefined) return [];
    const { closing } = meter.recorder;
    return closing === null ? meter.store.pending : [...meter.store.pending, closing];
  }
}
