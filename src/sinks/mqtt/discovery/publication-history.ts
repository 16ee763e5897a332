/**
 * What this installation has published on brokers so far, stored in `data_dir/mqtt.json`: base topics, discovery
 * prefixes and meters. Retained messages may be forged, so only those under a topic that this file lists are ever
 * cleared.
 */

import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { METER_LIMITS } from "../../../catalogue/meter-limits.ts";
import type { ComponentLog } from "../../../log/component-log.ts";
import { type WarnOnce, warnOnce } from "../../../process/warn-once.ts";

/** Name of the file in `data_dir`. */
export const HISTORY_FILE = "mqtt.json";
/** How long a meter that is no longer configured keeps its entities, milliseconds. */
export const GRACE_MS = 30 * 24 * 3_600_000;
/** Base topics, and discovery prefixes: only the latest are kept. */
const MAX_TOPICS = 16;
/** Only the latest are kept. */
const MAX_METERS = METER_LIMITS.publicationHistory;
/** Several times what the most meters take; a larger file is not read. */
const MAX_FILE_BYTES = 256 * 1024;

interface KnownMeter {
  /** The port where it was read, `""` if unknown. */
  readonly port: string;
  /** When it was removed from the configuration, milliseconds since 1970. */
  readonly goneSince: number | null;
}

/** A configured meter that has identified itself. */
export interface PresentMeter {
  readonly id: string;
  readonly port: string;
}

export interface PublicationHistoryOptions {
  /** `data_dir`; `null`: nothing is stored, and a removed meter is cleared immediately. */
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
  readonly #warnOnce: WarnOnce;
  /** Base topics, the current one first. */
  readonly bases: string[];
  /** Discovery prefixes, the current one first. */
  readonly prefixes: readonly string[];
  readonly #meters: Map<string, KnownMeter>;
  /** There was no file yet: version 1.0.0 had none, or this is a new installation. */
  readonly isNew: boolean;
  #failed = false;

  constructor(options: PublicationHistoryOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.isNew = options.dataDir !== null && !existsSync(join(options.dataDir, HISTORY_FILE));
    this.#warnOnce = warnOnce(options.log);
    const before =
      options.dataDir === null ? NOTHING : readHistory(options.dataDir, (message) => options.log.warn(message));
    this.bases = this.#latest("base topics", [options.base, ...before.bases]);
    this.prefixes = this.#latest("discovery topics", [options.prefix, ...before.prefixes]);
    this.#meters = new Map(Object.entries(before.meters));
    if (before.bases[0] !== options.base || before.prefixes[0] !== options.prefix) this.#save();
  }

  /** Adds a base topic used by an earlier version, which kept no record of them. */
  addBase(base: string): void {
    if (!isPlainTopic(base) || this.bases.includes(base)) return;
    const before = this.bases.length;
    this.bases.splice(0, before, ...this.#latest("base topics", [...this.bases, base]));
    if (this.bases.length > before) this.#save();
  }

  /** Adds meters and their ports that an earlier run published but didn't record. */
  addMeters(meters: ReadonlyMap<string, string>): void {
    const unknown = [...meters].filter(([id]) => !this.#meters.has(id)).slice(0, MAX_METERS);
    for (const [id, port] of unknown) this.#meters.set(id, { port, goneSince: null });
    if (unknown.length > 0) this.#save();
  }

  /** Whether this installation has published a meter. */
  knows(id: string): boolean {
    return this.#meters.has(id);
  }

  /** Ids of all recorded meters that this installation has published. */
  get meters(): string[] {
    return [...this.#meters.keys()];
  }

  /** Updates the record with the configured meters, all of which have identified themselves. */
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
   * Whether to clear everything of a meter that is no longer configured: after the grace period, or immediately if
   * another id has replaced it on the same port.
   */
  isDue(id: string, present: readonly PresentMeter[]): boolean {
    if (this.#options.dataDir === null) return true;
    const known = this.#meters.get(id);
    if (known !== undefined && known.port !== "" && present.some(({ port }) => port === known.port)) return true;
    const now = this.#now();
    // Don't keep entities forever because the clock was once wrong.
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

  /** Forgets a meter after all its messages have been cleared. */
  forget(id: string): void {
    if (this.#meters.delete(id)) this.#save();
  }

  /** Without duplicates and what exceeds `MAX_TOPICS`. */
  #latest(what: string, topics: readonly string[]): string[] {
    const unique = [...new Set(topics)];
    const dropped = unique.slice(MAX_TOPICS);
    if (dropped.length > 0) {
      this.#warnOnce(
        what,
        `more than ${MAX_TOPICS} ${what} were in use so far: ${dropped.join(", ")} is forgotten. If the broker still retains messages of this bridge there, delete them yourself`,
      );
    }
    return unique.slice(0, MAX_TOPICS);
  }

  #save(): void {
    const { dataDir, log } = this.#options;
    if (dataDir === null) return;
    if (this.#meters.size > MAX_METERS) {
      this.#warnOnce(
        "meters",
        `${join(dataDir, HISTORY_FILE)} lists the latest ${MAX_METERS} meters: if one of the others is removed from the configuration, clean up after it with kaifa2mqtt forget ID`,
      );
    }
    try {
      write(dataDir, this);
      this.#failed = false;
    } catch (error) {
      if (!this.#failed) log.warn(`cannot write ${join(dataDir, HISTORY_FILE)}: ${String(error)}`);
      this.#failed = true;
    }
  }

  /** The file's contents. */
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

/**
 * Reads the history; a missing or damaged file counts as empty.
 * @param warn called with what is wrong with the file
 */
export function readHistory(dataDir: string, warn: (message: string) => void): Stored {
  const file = join(dataDir, HISTORY_FILE);
  try {
    const text = readFileSync(file, "utf8");
    if (text.length > MAX_FILE_BYTES) throw new Error(`it has more than ${MAX_FILE_BYTES} bytes`);
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
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") {
      const { message } = error as Error;
      warn(`${file} counts as empty, so messages of earlier base topics and meters stay on the broker: ${message}`);
    }
    return NOTHING;
  }
}

/**
 * Removes a meter from the file.
 * @returns whether it was listed
 * @throws errors from writing the file
 */
export function removeFromHistory(dataDir: string, id: string): boolean {
  const stored = readHistory(dataDir, () => undefined);
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

/** Filters out wildcards, because we publish to these topics. */
function topicsIn(value: unknown): string[] {
  if (!Array.isArray(value)) return [];
  return value.filter((topic): topic is string => typeof topic === "string" && topic !== "" && isPlainTopic(topic));
}

/** Whether messages may be published there: no wildcards, no NUL. */
export function isPlainTopic(topic: string): boolean {
  return !/[+#\0]/.test(topic);
}
