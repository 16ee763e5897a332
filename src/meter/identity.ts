/**
 * Identifies the meter that a telegram comes from. The first telegram with a meter number decides; one without a number
 * (Norwegian short lists) is attributed to the meter last identified.
 */

import { completeUnits, namelessId, profileOf } from "../catalogue/profiles.ts";
import type { Register, Telegram } from "../codec/telegram.ts";
import { systemClock } from "../process/clock.ts";
import type { MeterInfo, Reading } from "./events.ts";
import { KnownCodes } from "./known-codes.ts";
import { buildReading, meterIdOf } from "./reading.ts";

/** A meter that has sent no number for this long gets a generic id. A Kaifa MA304 sends the list with its number every 10 s. */
const NAMELESS_MS = 12_000;

/** Most meters per port until the next restart: several behind one serial server, or a replaced meter. */
export const MAX_METERS = 8;

export interface IdentityOptions {
  /** Position in the configuration, from 0. */
  readonly index: number;
  /** `meter.id`, `meter.name` */
  readonly id?: string | undefined;
  readonly name?: string | undefined;
  /** Monotonic milliseconds. */
  readonly now?: (() => number) | undefined;
  /** Called once per limit that is reached: codes of a meter, meters at this port. */
  readonly warn?: ((message: string) => void) | undefined;
}

export class MeterIdentity {
  readonly #options: IdentityOptions;
  #info: MeterInfo | null = null;
  /** Of the telegram that yielded it. */
  #traits: Traits | null = null;
  #namelessSince: number | null = null;
  readonly #codes: KnownCodes;
  /** Ids published so far, at most `MAX_METERS`. */
  readonly #ids = new Set<string>();
  #full = false;

  constructor(options: IdentityOptions) {
    this.#options = options;
    this.#codes = new KnownCodes(options.warn);
  }

  /** `<meter>` in topics; `null` until a telegram identifies the meter or `NAMELESS_MS` has passed. */
  get id(): string | null {
    return this.#info?.id ?? null;
  }

  /**
   * The reading of an accepted telegram; `null` while its meter is unknown.
   * @param receivedAt wall clock milliseconds
   */
  read(telegram: Telegram, complete: boolean, receivedAt: number): Reading | null {
    const meter = this.#identify(telegram);
    if (meter === null) return null;
    return this.#codes.admit(buildReading(completeUnits(telegram), { meter, complete, receivedAt }));
  }

  #identify(telegram: Telegram): MeterInfo | null {
    // The same meter as ever, with everything that names it.
    if (this.#info !== null && this.#traits !== null && showsTraits(telegram, this.#traits)) return this.#info;
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
    this.#traits = traitsOf(telegram);
    return this.#info;
  }

  /** Caps the number of ids: each creates topics and entities that stay, and a faulty line may send a new number each time. */
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
    // A list without the number, from the meter already identified.
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

  /** Every configured meter but the first has its number in the name, so that two meters of one model get different entity ids. */
  #defaultName(id: string, manufacturer: string | null, model: string | null): string {
    const kind = [manufacturer, model].filter((part) => part !== null).join(" ") || "Smart meter";
    return this.#options.index === 0 ? kind : `${kind} ${id}`;
  }
}

/** Whether `sent` is a suffix of `known`: some lists hold the whole number, others its last digits (Iskraemeco AM550, Slovenia). */
function isShortOf(sent: string, known: string): boolean {
  return sent.length >= 8 && sent !== known && known.endsWith(sent);
}

/** What of a telegram identifies its meter: where it is the same as before, so is the meter. */
interface Traits extends Pick<Telegram, "transport" | "systemTitle" | "meterId" | "layout"> {
  readonly listName: string | null | undefined;
  readonly meterType: string | null | undefined;
  /** OBIS code of each register, and its value if that is a text other than the time. */
  readonly codes: readonly string[];
  readonly texts: readonly (string | null)[];
}

function traitsOf(telegram: Telegram): Traits {
  const { transport, systemTitle, meterId, layout, listName, meterType, registers } = telegram;
  const codes = registers.map(({ obis }) => obis);
  return { transport, systemTitle, meterId, layout, listName, meterType, codes, texts: registers.map(identifyingText) };
}

function showsTraits(telegram: Telegram, traits: Traits): boolean {
  const { registers } = telegram;
  return (
    telegram.systemTitle === traits.systemTitle &&
    telegram.meterId === traits.meterId &&
    telegram.transport === traits.transport &&
    telegram.layout === traits.layout &&
    telegram.listName === traits.listName &&
    telegram.meterType === traits.meterType &&
    registers.length === traits.codes.length &&
    registers.every(
      (register, at) => register.obis === traits.codes[at] && identifyingText(register) === traits.texts[at],
    )
  );
}

const CLOCK = "0-0:1.0.0*255";

function identifyingText({ obis, value }: Register): string | null {
  return typeof value === "string" && obis !== CLOCK ? value : null;
}
