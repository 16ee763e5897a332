/**
 * The connection of one meter to its source: opens it, reads it, and opens it again when it breaks off.
 *
 *     open ─ read ─ bytes to the decoder ─┐     the source ends      → done (a capture was played)
 *      ↑       └──────── pause ←──────────┘     it breaks off        → retry after a delay that grows
 *      └─────────────── retry ←────────────     other line settings  → at once
 *
 * Retry stands here and nowhere else (except for the broker: MQTT.js reconnects by itself, see mqtt-sink.ts).
 */
import { formatLine } from "../diagnosis/diagnosis.ts";
import type { ComponentLog } from "../log/component-log.ts";
import type { Clock } from "../process/clock.ts";
import { type LineSettings, type Source, SourceError } from "../sources/source.ts";
import { LinePacer } from "./line-pacer.ts";
import { type LineChoice, ParitySearch } from "./parity-search.ts";
import { RetryDelay } from "./retry-delay.ts";
import { Timers } from "./timers.ts";

/** No pause within a telegram is longer: two frames are about 160 ms apart (docs/meters.md). After it, a partial telegram is dropped. */
const SILENCE_MS = 1_000;
/** Bytes after a pause this long begin a telegram. */
const TELEGRAM_GAP_MS = 500;
/** A server that holds the connection and sends nothing for this long (or two offline limits) is connected to again. */
const IDLE_CONNECTION_MS = 180_000;

/** Whoever uses the connection. Times are milliseconds, monotonic. */
export interface ConnectionHandler {
  /** The source is open, with these line settings if it has a line. */
  opened(at: number, line: LineSettings | null): void;
  /** Bytes have arrived. @returns how many more the decoder needs to complete what has begun (`Decoder.wanted`) */
  bytes(chunk: Uint8Array, at: number): number;
  /** Nothing has arrived for a second after the last byte. */
  silence(at: number): void;
  /** This opening of the source is over; with the error if it broke off. */
  closed(at: number, error: SourceError | null): void;
  /** The source has failed and will be opened again after a delay. */
  failed(at: number): void;
  /** The meter's period, milliseconds, if it is known. */
  periodMs(): number | null;
}

/** One opening of the source. */
interface Session {
  readonly abort: AbortController;
  readonly pacer: LinePacer | null;
  /** When the source was seen to be open; `null` until then. */
  openedAt: number | null;
  /** When the last bytes arrived, or when it was opened. */
  lastBytesAt: number;
}

/** `run` once, `stop` as often as you like. */
export class Connection {
  readonly #source: Source;
  readonly #clock: Clock;
  readonly #log: ComponentLog;
  readonly #handler: ConnectionHandler;
  readonly #parity: ParitySearch;
  readonly #retry = new RetryDelay();
  readonly #timers: Timers<"silence" | "sleep">;
  #session: Session | null = null;
  /** Ends a sleep early. */
  #wake: (() => void) | null = null;
  #openings = 0;
  /** When the last burst of bytes began: a telegram, as long as the line is healthy. */
  #sentAt = 0;
  #lastBug: string | null = null;
  #stopped = false;

  constructor(source: Source, line: LineChoice, clock: Clock, log: ComponentLog, handler: ConnectionHandler) {
    this.#source = source;
    this.#clock = clock;
    this.#log = log;
    this.#handler = handler;
    this.#parity = new ParitySearch(line, source.hasLine);
    this.#timers = new Timers(clock);
  }

  /** Whether the source is open. */
  get isOpen(): boolean {
    return this.#session !== null && this.#session.openedAt !== null;
  }

  /** Resolves when the source has come to its end, or after `stop`. */
  async run(): Promise<void> {
    while (!this.#stopped) {
      const outcome = await this.#listen();
      this.#session = null;
      if (outcome === "ended") return;
      if (outcome instanceof SourceError && !this.#stopped) await this.#waitBeforeRetry();
    }
  }

  stop(): void {
    this.#stopped = true;
    this.interrupt();
    this.#timers.close();
  }

  /** Ends this opening of the source, or the delay before the next one. */
  interrupt(): void {
    this.#session?.abort.abort();
    this.#wake?.();
  }

  /** A frame was received whose checks are all right, so baud rate and parity are right as well. */
  lineProven(): void {
    this.#parity.good();
  }

  /**
   * To be called every few seconds: tries the next parity, or another connection to a server that sends nothing.
   * @param limitMs after how long without a telegram the meter counts as silent
   */
  check(at: number, limitMs: number): void {
    const session = this.#session;
    if (session === null || session.openedAt === null) return;
    if (this.#parity.turn(at)) {
      this.#log.debug(`no telegram so far: trying ${formatLine(this.#parity.line)}`);
      this.interrupt();
    } else if (!this.#source.hasLine && at - session.lastBytesAt >= Math.max(IDLE_CONNECTION_MS, 2 * limitMs)) {
      this.#log.debug("nothing arrives over this connection: connecting again");
      this.interrupt();
    }
  }

  /** One opening of the source, up to its end. */
  async #listen(): Promise<"ended" | "again" | SourceError> {
    const { hasLine } = this.#source;
    const line = this.#parity.line;
    const session: Session = {
      abort: new AbortController(),
      pacer: hasLine ? new LinePacer(line) : null,
      openedAt: null,
      lastBytesAt: 0,
    };
    this.#session = session;
    const { signal } = session.abort;
    const bytes = this.#source.open(signal, line)[Symbol.asyncIterator]();
    try {
      for (;;) {
        const next = await bytes.next();
        if (next.done) break;
        if (next.value.length === 0) this.#opened(session, hasLine ? line : null);
        else {
          const pause = this.#received(session, next.value);
          if (pause > 0) await this.#sleep(pause);
          if (signal.aborted) break;
          this.#timers.schedule("silence", SILENCE_MS, () => this.#silence(session));
        }
      }
      // Not when we stop: a telegram that was under way then is nobody's fault.
      if (!this.#stopped) this.#handler.closed(this.#clock.now(), null);
      return signal.aborted ? "again" : "ended";
    } catch (error) {
      const known = error instanceof SourceError ? error : null;
      this.#handler.closed(this.#clock.now(), known);
      if (known === null) return this.#unexpected(error);
      this.#log.debug(`${known.code}: ${known.message}`);
      return known;
    } finally {
      this.#timers.cancel("silence");
      session.abort.abort();
      await bytes.return?.();
    }
  }

  #opened(session: Session, line: LineSettings | null): void {
    const at = this.#clock.now();
    session.openedAt = at;
    session.lastBytesAt = at;
    this.#parity.opened(at);
    const message = `listening at ${this.#source.label}${line === null ? "" : ` (${formatLine(line)})`}`;
    if (this.#openings++ === 0) this.#log.info(message);
    else this.#log.debug(message);
    this.#handler.opened(at, line);
  }

  /** @returns how long to wait before the next read, milliseconds */
  #received(session: Session, chunk: Uint8Array): number {
    const at = this.#clock.now();
    this.#timers.cancel("silence");
    if (at - session.lastBytesAt >= TELEGRAM_GAP_MS) this.#sentAt = at;
    session.lastBytesAt = at;
    const outage = this.#retry.recovered(at);
    if (outage !== null) this.#log.info(`${this.#source.label} works again after ${Math.round(outage / 1000)} s`);
    this.#parity.heard(at);
    const wanted = this.#handler.bytes(chunk, at);
    return session.pacer?.pause(chunk.length, at, wanted) ?? 0;
  }

  #silence(session: Session): void {
    session.pacer?.silence();
    this.#handler.silence(this.#clock.now());
    this.#parity.silence();
  }

  /** A defect of ours: logged once, with its stack; the source is opened again. */
  #unexpected(error: unknown): SourceError {
    const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
    if (stack !== this.#lastBug) this.#log.error(stack);
    this.#lastBug = stack;
    return new SourceError("lost", "an unexpected error, see the log", { cause: error });
  }

  async #waitBeforeRetry(): Promise<void> {
    const at = this.#clock.now();
    this.#retry.failed(at);
    this.#handler.failed(at);
    const periodMs = this.#source.hasLine ? null : this.#handler.periodMs();
    const schedule = periodMs === null ? null : { periodMs, sentAt: this.#sentAt };
    const delay = this.#sleep(this.#retry.delayMs(at, schedule));
    const watch = new AbortController();
    void this.#source.changed?.(watch.signal).then(() => {
      if (!watch.signal.aborted) this.#wake?.();
    });
    await delay;
    watch.abort();
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      if (this.#stopped) return resolve();
      const wake = (): void => {
        this.#wake = null;
        this.#timers.cancel("sleep");
        resolve();
      };
      this.#wake = wake;
      this.#timers.schedule("sleep", ms, wake);
    });
  }
}
