/**
 * What this installation has published on brokers so far, kept in `data_dir/mqtt.json`: base topics, discovery prefixes
 * and meters. What is retained may be forged; only what lies under a topic that this file names is ever cleared.
 */

import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { METER_LIMITS } from "../../catalogue/meter-limits.ts";
import type { ComponentLog } from "../../log/component-log.ts";

/** Name of the file in `data_dir`. */
export const HISTORY_FILE = "mqtt.json";
/** A meter that is no longer configured keeps its entities for so long, milliseconds. */
export const GRACE_MS = 30 * 24 * 3_600_000;
/** The newest are kept. */
const MAX_TOPICS = 16;
const MAX_METERS = METER_LIMITS.publicationHistory;
const MAX_FILE_BYTES = 256 * 1024;

interface KnownMeter {
  /** Where it was read, `""` if that is not known. */
  readonly port: string;
  /** Since when it is no longer configured, milliseconds since 1970. */
  readonly goneSince: number | null;
}

/** A configured meter that has said who it is. */
export interface PresentMeter {
  readonly id: string;
  readonly port: string;
}

export interface PublicationHistoryOptions {
  /** `data_dir`; `null`: nothing is remembered, and a meter that is gone is cleared at once. */
  readonly dataDir: string | null;
  /** `mqtt.base_topic` */
  readonly base: string;
  /** `homeassistant.discovery_topic` */
  readonly prefix: string;
  readonly log: ComponentLog;
  /** Wall clock, milliseconds since 1970. */
  readonly now?: () => number;
}

export class PublicationHistory {
  readonly #options: PublicationHistoryOptions;
  readonly #now: () => number;
  /** Base topics, the present one first. */
  readonly bases: string[];
  /** Discovery prefixes, the present one first. */
  readonly prefixes: readonly string[];
  readonly #meters: Map<string, KnownMeter>;
  /** There was no file yet: version 1.0.0 kept none, or this installation is new. */
  readonly isNew: boolean;
  #failed = false;

  constructor(options: PublicationHistoryOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.isNew = options.dataDir !== null && !existsSync(join(options.dataDir, HISTORY_FILE));
    const before = options.dataDir === null ? NOTHING : readHistory(options.dataDir);
    this.bases = withFirst(options.base, before.bases);
    this.prefixes = withFirst(options.prefix, before.prefixes);
    this.#meters = new Map(Object.entries(before.meters));
    if (before.bases[0] !== options.base || before.prefixes[0] !== options.prefix) this.#save();
  }

  /** Takes in a base topic that an earlier version has used: it kept no record of them. */
  addBase(base: string): void {
    if (!isPlainTopic(base) || this.bases.includes(base) || this.bases.length >= MAX_TOPICS) return;
    this.bases.push(base);
    this.#save();
  }

  /** Takes in meters, with their ports, that an earlier run has published and of which there is no record. */
  addMeters(meters: ReadonlyMap<string, string>): void {
    const unknown = [...meters].filter(([id]) => !this.#meters.has(id)).slice(0, MAX_METERS);
    for (const [id, port] of unknown) this.#meters.set(id, { port, goneSince: null });
    if (unknown.length > 0) this.#save();
  }

  /** Whether this installation has published a meter. */
  knows(id: string): boolean {
    return this.#meters.has(id);
  }

  /** Ids of all meters that this installation has published, as far as they are remembered. */
  get meters(): string[] {
    return [...this.#meters.keys()];
  }

  /** The configured meters, all of which have identified themselves. */
  update(present: readonly PresentMeter[]): void {
    let changed = false;
    for (const { id, port } of present) {
      const known = this.#meters.get(id);
      if (known?.port === port && known.goneSince === null) continue;
      this.#meters.set(id, { port, goneSince: null });
      changed = true;
    }
    if (changed) this.#save();
  }

  /**
   * Whether everything of a meter that is no longer configured is to be cleared now: after the period of grace, or at once
   * where another id has taken its place at the same port.
   */
  isDue(id: string, present: readonly PresentMeter[]): boolean {
    if (this.#options.dataDir === null) return true;
    const known = this.#meters.get(id);
    if (known !== undefined && known.port !== "" && present.some(({ port }) => port === known.port)) return true;
    const now = this.#now();
    // A clock that was wrong at the time must not keep them for ever.
    if (known !== undefined && known.goneSince !== null && known.goneSince <= now)
      return now - known.goneSince > GRACE_MS;
    this.#meters.set(id, { port: known?.port ?? "", goneSince: now });
    this.#save();
    const until = new Date(now + GRACE_MS).toISOString().slice(0, 10);
    this.#options.log.info(
      `the meter ${id} is no longer configured: Home Assistant keeps its entities, unavailable, until ${until}, then they are removed`,
    );
    return false;
  }

  /** Everything of a meter has been cleared. */
  forget(id: string): void {
    if (this.#meters.delete(id)) this.#save();
  }

  #save(): void {
    const { dataDir, log } = this.#options;
    if (dataDir === null) return;
    try {
      write(dataDir, this);
      this.#failed = false;
    } catch (error) {
      if (!this.#failed) log.warn(`cannot write ${join(dataDir, HISTORY_FILE)}: ${String(error)}`);
      this.#failed = true;
    }
  }

  /** What is written to the file. */
  toJSON(): Stored {
    return {
      bases: this.bases,
      prefixes: this.prefixes,
      meters: Object.fromEntries([...this.#meters].slice(-MAX_METERS)),
    };
  }
}

interface Stored {
  readonly bases: readonly string[];
  readonly prefixes: readonly string[];
  readonly meters: Readonly<Record<string, KnownMeter>>;
}

const NOTHING: Stored = { bases: [], prefixes: [], meters: {} };

/** What is remembered; a file that is missing or damaged counts as empty. */
export function readHistory(dataDir: string): Stored {
  try {
    const text = readFileSync(join(dataDir, HISTORY_FILE), "utf8");
    if (text.length > MAX_FILE_BYTES) return NOTHING;
    const parsed = JSON.parse(text) as Partial<Record<keyof Stored, unknown>>;
    const meters = typeof parsed.meters === "object" && parsed.meters !== null ? Object.entries(parsed.meters) : [];
    return {
      bases: topicsIn(parsed.bases),
      prefixes: topicsIn(parsed.prefixes),
      meters: Object.fromEntries(
        meters.slice(-MAX_METERS).map(([id, meter]) => {
          const { port, goneSince } = (meter ?? {}) as Record<string, unknown>;
          return [
            id,
            {
              port: typeof port === "string" ? port : "",
              goneSince: typeof goneSince === "number" ? goneSince : null,
            },
          ];
        }),
      ),
    };
  } catch {
    return NOTHING;
  }
}

/**
 * Takes a meter out of the file.
 * @returns whether it stood there
 * @throws what writing throws
 */
export function removeFromHistory(dataDir: string, id: string): boolean {
  const stored = readHistory(dataDir);
  if (!Object.hasOwn(stored.meters, id)) return false;
  const meters = Object.fromEntries(Object.entries(stored.meters).filter(([key]) => key !== id));
  write(dataDir, { ...stored, meters });
  return true;
}

function write(dataDir: string, what: Stored | PublicationHistory): void {
  const file = join(dataDir, HISTORY_FILE);
  const temporary = `${file}.${process.pid}.tmp`;
  mkdirSync(dataDir, { recursive: true });
  writeFileSync(temporary, `${JSON.stringify(what)}\n`, { mode: 0o600, flush: true });
  renameSync(temporary, file);
}

const withFirst = (first: string, others: readonly string[]): string[] =>
  [first, ...others.filter((other) => other !== first)].slice(0, MAX_TOPICS);

/** No wildcards: what stands here is published to. */
function topicsIn(value: unknown): string[] {
  if (!Array.isArray(value)) return [];
  return value.filter((topic): topic is string => typeof topic === "string" && topic !== "" && isPlainTopic(topic));
}

/** Whether messages may be published there: no wildcards, no NUL. */
export function isPlainTopic(topic: string): boolean {
  return !/[+#\0]/.test(topic);
}
