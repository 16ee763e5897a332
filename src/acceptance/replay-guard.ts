/**
 * Replay and downgrade protection: telegrams that are refused no matter how many agree (docs/acceptance.md, "Replays and
 * downgrades").
 *
 * - *Replay*: an invocation counter that does not increase for the same key and system title. The counter is part of the
 *   initialisation vector: without the key nobody can move a ciphertext to another counter. The counter of an accepted
 *   encrypted telegram is therefore one that the meter really used, and a forged or garbled one cannot lock the meter out.
 * - *Downgrade*: a plain telegram from a meter, or on a source, that has sent encrypted ones.
 */
import * as z from "zod/mini";
import type { Telegram } from "../codec/telegram.ts";
import { type CheckFailure, contradiction } from "./check-failure.ts";

/** System titles per source whose counters are kept in memory; the oldest is evicted, but stays in the state file. */
const TITLES = 16;

const text = z.string().check(z.maxLength(4096));
/** The fields of a stored meter that are used here, as written by `MeterRecord.memory`. */
const storedSchema = z.object({
  meterId: z.nullable(text),
  counter: z.nullable(z.number()),
  encrypted: z.optional(z.boolean()),
  keyId: z.optional(z.nullable(text)),
  source: z.optional(z.nullable(text)),
});

/** Identifies one installation of a meter. */
export interface GuardOptions {
  /** Identifies the encryption key without revealing it (key-id.ts); counters stored under another key are ignored. */
  readonly keyId?: string | undefined;
  /** `<meter>` in topics, once it is known. */
  readonly id?: (() => string | null) | undefined;
  /** Label of the source, for instance `/dev/ttyUSB0`. */
  readonly source?: string | undefined;
}

/** Whether the invocation counter is authentic: covered by the tag, or used to decrypt the telegram. */
const hasAuthenticCounter = ({ proof, security }: Telegram): boolean => proof === "tag" || isEncrypted(security);

/** Whether this can be the stored state of all meters, by system title or number. */
export const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  value !== null && typeof value === "object" && !Array.isArray(value);

const isEncrypted = (security: Telegram["security"]): boolean => security.endsWith("encrypted");

export class ReplayGuard {
  readonly #options: GuardOptions;
  readonly #stored: Readonly<Record<string, unknown>>;
  /** Highest accepted invocation counter by system title. */
  readonly #counters = new Map<string, number>();
  /** Whether an encrypted telegram was accepted in this run. */
  #encrypted = false;
  /** Names of stored meters that sent encrypted telegrams, and whether one did on this source; computed on first use. */
  #encryptedBefore: { readonly names: ReadonlySet<string>; readonly source: boolean } | null = null;

  /** @param stored state of all meters, by system title or number */
  constructor(options: GuardOptions, stored: Readonly<Record<string, unknown>>) {
    this.#options = options;
    this.#stored = stored;
  }

  /** Why this telegram is refused; `null` if it is neither a replay nor a downgrade. */
  check(telegram: Telegram): CheckFailure | null {
    const { systemTitle, invocationCounter } = telegram;
    if (!hasAuthenticCounter(telegram)) return this.#wasEncrypted(telegram) ? downgrade(telegram) : null;
    if (systemTitle === null || invocationCounter === null) return null;
    const highest = this.#highestOf(systemTitle);
    if (highest === null || invocationCounter > highest) return null;
    return contradiction(
      "counter",
      `invocation counter ${invocationCounter} after ${highest}: an old telegram sent again`,
    );
  }

  /** Records an accepted telegram. */
  accepted(telegram: Telegram): void {
    const { systemTitle, invocationCounter } = telegram;
    if (!hasAuthenticCounter(telegram)) return;
    this.#encrypted = true;
    if (systemTitle === null || invocationCounter === null) return;
    const highest = Math.max(invocationCounter, this.#highestOf(systemTitle) ?? 0);
    // Moves it to the end: the first is the oldest.
    if (this.#counters.size > 1) this.#counters.delete(systemTitle);
    this.#counters.set(systemTitle, highest);
    if (this.#counters.size > TITLES) {
      const oldest = this.#counters.keys().next();
      if (!oldest.done) this.#counters.delete(oldest.value);
    }
  }

  /** The part to store for the meter with this system title or number. */
  memory(identity: string): object {
    const counter = this.#counters.get(identity);
    return {
      encrypted: this.#encrypted || (this.#storedOf(identity)?.encrypted ?? false),
      keyId: this.#options.keyId ?? null,
      source: this.#options.source ?? null,
      id: this.#options.id?.() ?? null,
      ...(counter === undefined ? {} : { counter }),
    };
  }

  #highestOf(title: string): number | null {
    const known = this.#counters.get(title);
    if (known !== undefined) return known;
    const stored = this.#storedOf(title);
    return stored === null || !isSameKey(stored, this.#options.keyId) ? null : stored.counter;
  }

  #storedOf(identity: string): z.infer<typeof storedSchema> | null {
    if (!Object.hasOwn(this.#stored, identity)) return null;
    const parsed = storedSchema.safeParse(this.#stored[identity]);
    return parsed.success ? parsed.data : null;
  }

  /** Whether an encrypted telegram of this meter, or on this source, has been accepted, in this run or before a restart. */
  #wasEncrypted({ systemTitle, meterId }: Telegram): boolean {
    if (this.#encrypted) return true;
    this.#encryptedBefore ??= this.#findEncrypted();
    const { names, source } = this.#encryptedBefore;
    // Removing the key from the configuration declares that the meter on this source sends plain telegrams.
    if (source && this.#options.keyId !== undefined) return true;
    return (systemTitle !== null && names.has(systemTitle)) || (meterId !== null && names.has(meterId));
  }

  #findEncrypted(): { readonly names: ReadonlySet<string>; readonly source: boolean } {
    const names = new Set<string>();
    let source = false;
    for (const identity of Object.keys(this.#stored)) {
      const stored = this.#storedOf(identity);
      if (stored?.encrypted !== true) continue;
      names.add(identity);
      if (stored.meterId !== null) names.add(stored.meterId);
      source ||= this.#options.source !== undefined && stored.source === this.#options.source;
    }
    return { names, source };
  }
}

/** Whether a stored counter belongs to this key. State of version 1.0 does not name the key and is taken to match. */
export function isSameKey(stored: { keyId?: string | null | undefined }, keyId: string | undefined): boolean {
  return stored.keyId == null || keyId === undefined || stored.keyId === keyId;
}

function downgrade({ security }: Telegram): CheckFailure {
  const protection = security === "none" ? "not encrypted" : "authenticated only, and not verified";
  return contradiction("encryption", `the telegram is ${protection}, but this meter was seen encrypted`);
}
