/**
 * Which meter the telegrams come from: the first one that names it decides, and one without a number (Norwegian short
 * lists) belongs to the meter before it.
 */

import { completeUnits, namelessId, profileOf } from "../catalogue/profiles.ts";
import type { Telegram } from "../codec/telegram.ts";
import { systemClock } from "../process/clock.ts";
import type { MeterInfo, Reading } from "./events.ts";
import { KnownCodes } from "./known-codes.ts";
import { buildReading, meterIdOf } from "./reading.ts";

/** A meter that has not sent its number for so long is given a name by us. A list with the number comes every 10 s (Kaifa MA304). */
const NAMELESS_MS = 12_000;

/** Meters that one port may have until the next start: some behind one serial server, a meter that is replaced. */
const MAX_METERS = 8;

export interface IdentityOptions {
  /** Position in the configuration, from 0. */
  readonly index: number;
  /** `meter.id`, `meter.name` */
  readonly id?: string | undefined;
  readonly name?: string | undefined;
  /** Milliseconds, monotonic. */
  readonly now?: (() => number) | undefined;
  /** Called once when a limit is reached: codes of a meter, meters at this port. */
  readonly warn?: ((message: string) => void) | undefined;
}

export class MeterIdentity {
  readonly #options: IdentityOptions;
  #info: MeterInfo | null = null;
  #namelessSince: number | null = null;
  readonly #codes: KnownCodes;
  /** Ids that were published, at most `MAX_METERS`. */
  readonly #ids = new Set<string>();
  #full = false;

  constructor(options: IdentityOptions) {
    this.#options = options;
    this.#codes = new KnownCodes(options.warn);
  }

  /** `<meter>` in topics; `null` until a telegram names it, or has had time enough to. */
  get id(): string | null {
    return this.#info?.id ?? null;
  }

  /**
   * The reading of an accepted telegram; `null` as long as nobody knows whose it is.
   * @param receivedAt milliseconds of the wall clock
   */
  read(telegram: Telegram, complete: boolean, receivedAt: number): Reading | null {
    const meter = this.#identify(telegram);
    if (meter === null) return null;
    return this.#codes.admit(buildReading(completeUnits(telegram), { meter, complete, receivedAt }));
  }

  #identify(telegram: Telegram): MeterInfo | null {
    const known = this.#info;
    const id = this.#idOf(telegram);
    if (id === null || !this.#admits(id)) return null;
    const same = known !== null && known.id === id;
    const profile = profileOf(telegram);
    const manufacturer = profile.manufacturer ?? (same ? known.manufacturer : null);
    const model = profile.model ?? (same ? known.model : null);
    this.#info = {
      id,
      name: this.#options.name ?? this.#defaultName(id, manufacturer, model),
      manufacturer,
      model,
      serialNumber: same && known.serialNumber !== null ? known.serialNumber : telegram.meterId,
      systemTitle: telegram.systemTitle ?? (same ? known.systemTitle : null),
    };
    return this.#info;
  }

  /** Each id becomes topics and entities that stay: a line that sends another number each time gets no more than some. */
  #admits(id: string): boolean {
    if (this.#ids.has(id)) return true;
    if (this.#ids.size < MAX_METERS) {
      this.#ids.add(id);
      return true;
    }
    if (!this.#full) {
      this.#options.warn?.(`more than ${MAX_METERS} meters were heard at this port; further ones are not published`);
    }
    this.#full = true;
    return false;
  }

  #idOf(telegram: Telegram): string | null {
    const { id, index } = this.#options;
    const known = this.#info;
    // A list without the number, from the meter that is known by it.
    const knownTitle = telegram.systemTitle === null || telegram.systemTitle === known?.systemTitle;
    if (id === undefined && known !== null && telegram.meterId === null && knownTitle) return known.id;
    const sent = meterIdOf(telegram, id);
    if (sent !== null && known !== null && knownTitle && isShortOf(sent, known.id)) return known.id;
    if (sent !== null) return sent;
    const nameless = namelessId(telegram);
    if (nameless !== null) return index === 0 ? nameless : `${nameless}_${index + 1}`;
    const now = (this.#options.now ?? systemClock.now)();
    this.#namelessSince ??= now;
    if (now - this.#namelessSince < NAMELESS_MS) return null;
    return index === 0 ? "meter" : `meter_${index + 1}`;
  }

  /** All but the first configured meter have their number in the name, so that devices and entity ids of equal meters differ. */
  #defaultName(id: string, manufacturer: string | null, model: string | null): string {
    const kind = [manufacturer, model].filter((part) => part !== null).join(" ") || "Smart meter";
    return this.#options.index === 0 ? kind : `${kind} ${id}`;
  }
}

/** Whether one is the end of the other: some lists give the whole number, others its last digits (Iskraemeco AM550, Slovenia). */
function isShortOf(sent: string, known: string): boolean {
  return sent.length >= 8 && sent !== known && known.endsWith(sent);
}
