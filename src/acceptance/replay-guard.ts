/**
 * What is refused however many telegrams agree: replays and downgrades (docs/acceptance.md, "Replays and downgrades").
 *
 * - *Replay*: an invocation counter that does not grow under the same key and system title. The counter is part of the
 *   initialisation vector: without the key nobody can move a ciphertext to another counter, so the counter of an accepted
 *   encrypted telegram is one that the meter really used, and a forged or garbled one can never lock the meter out.
 * - *Downgrade*: a plain telegram of a meter, or at a source, that was seen encrypted.
 */
import * as z from "zod/mini";
import type { Telegram } from "../codec/telegram.ts";
import { type CheckFailure, contradiction } from "./check-failure.ts";

/** System titles whose counters one source remembers; the oldest is dropped (its counter stays in the state file). */
const TITLES = 16;

const text = z.string().check(z.maxLength(4096));
/** The part of a stored meter that is read here, as `Judge.memory` writes it. */
const storedSchema = z.object({
  meterId: z.nullable(text),
  counter: z.nullable(z.number()),
  encrypted: z.optional(z.boolean()),
  keyId: z.optional(z.nullable(text)),
  source: z.optional(z.nullable(text)),
});

/** What tells one installation of a meter from another. */
export interface GuardOptions {
  /** Names the encryption key without revealing it (see bridge.ts); counters of another key do not count. */
  readonly keyId?: string | undefined;
  /** `<meter>` in topics, once it is known. */
  readonly id?: (() => string | null) | undefined;
  /** Label of the source, for instance `/dev/ttyUSB0`. */
  readonly source?: string | undefined;
}

/** Whether the invocation counter of this telegram is proven: part of what the tag covers, or of what deciphered it. */
const isBound = ({ proof, security }: Telegram): boolean => proof === "tag" || isEncrypted(security);

/** What is remembered of all meters, as an object of entries; anything else counts as nothing. */
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
  #known: { readonly names: ReadonlySet<string>; readonly source: boolean } | null = null;

  /** @param stored what is remembered of all meters, by system title or number */
  constructor(options: GuardOptions, stored: Readonly<Record<string, unknown>>) {
    this.#options = options;
    this.#stored = stored;
  }

  /** Why this telegram is refused for good; `null` if it is not. */
  check(telegram: Telegram): CheckFailure | null {
    const { systemTitle, invocationCounter } = telegram;
    if (!isBound(telegram)) return this.#wasEncrypted(telegram) ? downgrade(telegram) : null;
    if (systemTitle === null || invocationCounter === null) return null;
    const highest = this.#highestOf(systemTitle);
    if (highest === null || invocationCounter > highest) return null;
    return contradiction(
      "counter",
      `invocation counter ${invocationCounter} after ${highest}: an old telegram once more`,
    );
  }

  /** This telegram was accepted. */
  accepted(telegram: Telegram): void {
    const { systemTitle, invocationCounter } = telegram;
    if (!isBound(telegram)) return;
    this.#encrypted = true;
    if (systemTitle === null || invocationCounter === null) return;
    const highest = Math.max(invocationCounter, this.#highestOf(systemTitle) ?? 0);
    this.#counters.delete(systemTitle);
    this.#counters.set(systemTitle, highest);
    if (this.#counters.size > TITLES) {
      const oldest = this.#counters.keys().next();
      if (!oldest.done) this.#counters.delete(oldest.value);
    }
  }

  /** Added to what is remembered of the meter with this system title or number. */
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

  /** Whether this meter, or any meter at this source, sent encrypted telegrams that were accepted, now or before a restart. */
  #wasEncrypted({ systemTitle, meterId }: Telegram): boolean {
    if (this.#encrypted) return true;
    this.#known ??= this.#encryptedBefore();
    const { names, source } = this.#known;
    // Without a key the user says that the meter at this source sends plain telegrams.
    if (source && this.#options.keyId !== undefined) return true;
    return (systemTitle !== null && names.has(systemTitle)) || (meterId !== null && names.has(meterId));
  }

  #encryptedBefore(): { readonly names: ReadonlySet<string>; readonly source: boolean } {
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

/** Whether a stored counter was counted under this key; a memory of version 1.0 does not say, and counts. */
export function isSameKey(stored: { keyId?: string | null | undefined }, keyId: string | undefined): boolean {
  return stored.keyId == null || keyId === undefined || stored.keyId === keyId;
}

function downgrade({ security }: Telegram): CheckFailure {
  const what = security === "none" ? "not encrypted" : "authenticated only, and not verified";
  return contradiction("encryption", `the telegram is ${what}, but this meter was seen encrypted`);
}
