/**
 * The data of the status page's power plot: mean net power every 10 s for a day and every 5 min for a month. Bounded:
 * about 70 KB a meter, `MAX_METERS` meters. Energy comes from the ledger (energy-hours.ts). Time is an argument
 * (milliseconds of the wall clock).
 */

import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { promisify } from "node:util";
import { gunzip, gzip } from "node:zlib";
import { METER_LIMITS } from "../catalogue/meter-limits.ts";
import type { Reading } from "../meter/events.ts";
import type { PowerSeries } from "./page-model.ts";

const MAX_METERS = METER_LIMITS.powerPlots;
const FINE = { stepMs: 10_000, slots: 8_640 };
const COARSE = { stepMs: 300_000, slots: 8_928 };

/** If the clock goes back by more than this, it was adjusted: slots in its future are dropped. */
const SMALL_STEP_BACK_MS = 60_000;

/** A ring of slots of equal length; NaN where there are no data. */
class SlotRing {
  readonly stepMs: number;
  readonly slots: number;
  readonly values: Float32Array;
  /** Number of the newest slot since 1970; -1: empty. */
  newest = -1;

  constructor(spec: { stepMs: number; slots: number }) {
    this.stepMs = spec.stepMs;
    this.slots = spec.slots;
    this.values = new Float32Array(spec.slots).fill(Number.NaN);
  }

  /** Index in `values` of the slot for `at`, advancing the ring if needed; -1 if it lies in the past. */
  enter(at: number): number {
    const slot = Math.floor(at / this.stepMs);
    if (slot < this.newest) {
      if ((this.newest - slot) * this.stepMs <= Math.max(SMALL_STEP_BACK_MS, this.stepMs)) return -1;
      this.values.fill(Number.NaN);
      this.newest = -1;
    }
    if (this.newest < 0 || slot - this.newest >= this.slots) this.values.fill(Number.NaN);
    else for (let next = this.newest + 1; next <= slot; next++) this.values[next % this.slots] = Number.NaN;
    this.newest = slot;
    return slot % this.slots;
  }

  /** Index of a slot, -1 if it is no longer held. */
  find(slot: number): number {
    return slot > this.newest || slot <= this.newest - this.slots ? -1 : slot % this.slots;
  }
}

/** Keeps the mean of the values in each slot. */
class MeanRing extends SlotRing {
  #count = 0;
  #slot = -1;

  add(at: number, value: number): void {
    const index = this.enter(at);
    if (index < 0) return;
    if (this.#slot !== this.newest) {
      this.#slot = this.newest;
      this.#count = Number.isNaN(this.values[index]) ? 0 : 1;
    }
    const mean = this.#count === 0 ? 0 : (this.values[index] ?? 0);
    this.#count++;
    this.values[index] = mean + (value - mean) / this.#count;
  }
}

class MeterHistory {
  readonly fine = new MeanRing(FINE);
  readonly coarse = new MeanRing(COARSE);
}

/** The history of all meters, by id. */
export class History {
  readonly #meters = new Map<string, MeterHistory>();

  /** Takes the net power of a reading. */
  add({ meter, receivedAt, values }: Reading): void {
    const watts = (key: string): number | null => {
      const value = values.find((candidate) => candidate.key === key);
      return value?.numeric ? Number(value.text) : null;
    };
    // A meter that sends only import does not feed in.
    const power = watts("power_net") ?? watts("power_import");
    if (power !== null) this.addPower(meter.id, receivedAt, power);
  }

  /** @param watts net power, import positive */
  addPower(id: string, at: number, watts: number): void {
    const meter = this.#meter(id);
    meter?.fine.add(at, watts);
    meter?.coarse.add(at, watts);
  }

  /** Power over the last `spanMs` until `now`, in steps of 10 s up to a day, of 5 min beyond. */
  power(id: string, now: number, spanMs: number): PowerSeries {
    const ring = spanMs <= FINE.stepMs * FINE.slots ? "fine" : "coarse";
    const { stepMs, slots } = ring === "fine" ? FINE : COARSE;
    const last = Math.floor(now / stepMs);
    const count = Math.min(slots, Math.ceil(spanMs / stepMs) + 1);
    const source = this.#meters.get(id)?.[ring];
    const watts = Array.from({ length: count }, (_, position) => {
      const index = source?.find(last - count + 1 + position) ?? -1;
      const value = index < 0 ? Number.NaN : (source?.values[index] ?? Number.NaN);
      return Number.isNaN(value) ? null : Math.round(value * 10) / 10;
    });
    return { start: (last - count + 1) * stepMs, stepMs, watts };
  }

  /** Writes the history to a file atomically. */
  async save(file: string): Promise<void> {
    const meters: Record<string, Record<string, StoredRing>> = {};
    for (const [id, meter] of this.#meters) {
      meters[id] = { fine: store(meter.fine), coarse: store(meter.coarse) };
    }
    const packed = await promisify(gzip)(JSON.stringify({ version: 1, meters }));
    await mkdir(dirname(file), { recursive: true });
    await writeFile(`${file}.new`, packed, { mode: 0o600 });
    await rename(`${file}.new`, file);
  }

  /** Reads what `save` wrote. A missing file is no error. @throws Error if the file is not one of ours; then nothing changes */
  async load(file: string): Promise<void> {
    let packed: Buffer;
    try {
      packed = await readFile(file);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
      throw error;
    }
    const text = (await promisify(gunzip)(packed, { maxOutputLength: 16_000_000 })).toString();
    const { version, meters } = JSON.parse(text) as {
      version?: unknown;
      meters?: Record<string, Record<string, StoredRing>>;
    };
    if (version !== 1 || typeof meters !== "object") throw new Error(`${file} is not a history of this version`);
    for (const [id, rings] of Object.entries(meters)) {
      const meter = this.#meter(id);
      if (meter === null) break;
      restore(meter.fine, rings.fine);
      restore(meter.coarse, rings.coarse);
    }
  }

  #meter(id: string): MeterHistory | null {
    const known = this.#meters.get(id);
    if (known !== undefined) return known;
    if (this.#meters.size >= MAX_METERS) return null;
    const created = new MeterHistory();
    this.#meters.set(id, created);
    return created;
  }
}

interface StoredRing {
  readonly newest: number;
  /** The typed array's bytes, base64. */
  readonly values: string;
}

function store(ring: SlotRing): StoredRing {
  const { buffer, byteOffset, byteLength } = ring.values;
  return { newest: ring.newest, values: Buffer.from(buffer, byteOffset, byteLength).toString("base64") };
}

function restore(ring: SlotRing, stored: StoredRing | undefined): void {
  if (stored === undefined || !Number.isSafeInteger(stored.newest)) return;
  const bytes = Buffer.from(String(stored.values), "base64");
  if (bytes.length !== ring.values.byteLength) return;
  new Uint8Array(ring.values.buffer).set(bytes);
  ring.newest = stored.newest;
}
