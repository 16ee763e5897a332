/**
 * Keeps one meter connected to its source: opens it, reads it, and reopens it when the connection is lost.
 *
 *     open ─ read ─ bytes to the decoder ─┐     end of source         → done (a capture was replayed)
 *      ↑       └──────── pause ←──────────┘     connection lost       → reopen, with back-off
 *      └─────────────── retry ←────────────     other line settings   → reopen at once
 *
 * This is the only retry loop, apart from the broker's: MQTT.js reconnects on its own (see sinks/mqtt/connection.ts).
 */
import { formatLine } from "../diagnosis/diagnosis.ts";
import type { ComponentLog } from "../log/component-log.ts";
import type { Clock } from "../process/clock.ts";
import { type LineSettings, type Source, SourceError } from "../sources/source.ts";
import { LinePacer } from "./line-pacer.ts";
import { type LineChoice, ParitySearch } from "./parity-search.ts";
import { RetryDelay } from "./retry-delay.ts";
import { Timers } from "./timers.ts";

/** Inter-frame timeout: the frames of one telegram are about 160 ms apart (docs/meters.md). After it, a partial telegram is dropped. */
const SILENCE_MS = 1_000;
/** Bytes after a gap this long start a new telegram. */
const TELEGRAM_GAP_MS = 500;
/** Idle timeout of a network connection; twice the offline limit if that is longer. The connection is then reopened. */
const IDLE_CONNECTION_MS = 180_000;

/** Callbacks of the connection. Times are monotonic milliseconds. */
export interface ConnectionHandler {
  /** The source is open. @param line the line settings in use; `null` if the source is not a serial line */
  opened(at: number, line: LineSettings | null): void;
  /** Bytes have arrived. @returns how many more the decoder needs to complete the current frame (`Decoder.wanted`) */
  bytes(chunk: Uint8Array, at: number): number;
  /** No byte had arrived for a second; told before the next bytes at the latest. */
  silence(at: number): void;
  /** The source was closed. @param error why the connection was lost; `null` at the end of the source */
  closed(at: number, error: SourceError | null): void;
  /** The source has failed and will be reopened after a delay. */
  failed(at: number): void;
  /** The meter's push period in milliseconds; `null` if unknown. */
  periodMs(): number | null;
}

/** State of one open/close cycle of the source. */
interface Session {
  readonly abort: AbortController;
  readonly pacer: LinePacer | null;
  /** When the source reported that it is open; `null` until then. */
  openedAt: number | null;
  /** When the last bytes arrived, or when it was opened. */
  lastBytesAt: number;
  /** Whether the silence since then has been reported. */
  isSilent: boolean;
  /**
   * Whether it is to be reported as soon as it has lasted long enough. Where nothing is incomplete and no line settings are
   * tried, the next bytes are early enough, and a timer a telegram is saved.
   */
  awaitsSilence: boolean;
  readonly silence: () => void;
}

/** Call `run` once; `stop` may be called repeatedly. */
export class Connection {
  readonly #source: Source;
  readonly #clock: Clock;
  readonly #log: ComponentLog;
  readonly #handler: ConnectionHandler;
  readonly #parity: ParitySearch;
  readonly #retry = new RetryDelay();
  readonly #timers: Timers<"silence" | "sleep">;
  #session: Session | null = null;
  /** Ends the current sleep early. */
  #wake: (() => void) | null = null;
  #openings = 0;
  /** When the last burst of bytes started; on a healthy line a burst is a telegram. */
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

  /** Resolves at the end of the source, or after `stop`. */
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

  /** Closes the source, or cuts the retry delay short; `run` then reopens it. */
  interrupt(): void {
    this.#session?.abort.abort();
    this.#wake?.();
  }

  /** A frame passed all its checks, so baud rate and parity are right. */
  lineProven(): void {
    this.#parity.validFrame();
  }

  /**
   * Watchdog, called every few seconds: tries the next parity, or reopens an idle network connection.
   * @param limitMs the meter counts as silent after this long without a telegram
   */
  check(at: number, limitMs: number): void {
    const session = this.#session;
    if (session === null || session.openedAt === null) return;
    if (this.#parity.tryNext(at)) {
      this.#log.debug(`no telegram so far: trying ${formatLine(this.#parity.line)}`);
      this.interrupt();
    } else if (!this.#source.hasLine && at - session.lastBytesAt >= Math.max(IDLE_CONNECTION_MS, 2 * limitMs)) {
      this.#log.debug("nothing arrives over this connection: connecting again");
      this.interrupt();
    }
  }

  /** Opens the source and reads it until it is closed. */
  async #listen(): Promise<"ended" | "again" | SourceError> {
    const { hasLine } = this.#source;
    const line = this.#parity.line;
    const session: Session = {
      abort: new AbortController(),
      pacer: hasLine ? new LinePacer(line) : null,
      openedAt: null,
      lastBytesAt: 0,
      isSilent: true,
      awaitsSilence: hasLine,
      silence: () => this.#silence(session),
    };
    this.#session = session;
    const { signal } = session.abort;
    try {
      if (this.#source.listen !== undefined)
        await this.#source.listen(signal, (chunk) => void this.#take(session, chunk, null));
      else await this.#pull(session, line);
      // Not after `stop`: a telegram cut off by our own shutdown is not a fault.
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
    }
  }

  async #pull(session: Session, line: LineSettings): Promise<void> {
    const { signal } = session.abort;
    for await (const chunk of this.#source.open(signal, line)) {
      const pause = this.#take(session, chunk, this.#source.hasLine ? line : null);
      if (pause > 0) {
        await this.#sleep(pause);
        this.#awaitSilence(session);
      }
      if (signal.aborted) break;
    }
  }

  /** @returns how long to wait before the next read, in milliseconds */
  #take(session: Session, chunk: Uint8Array, line: LineSettings | null): number {
    if (chunk.length === 0) {
      this.#opened(session, line);
      return 0;
    }
    const pause = this.#received(session, chunk);
    if (pause > 0) this.#timers.cancel("silence");
    else this.#awaitSilence(session);
    return pause;
  }

  #awaitSilence(session: Session): void {
    if (session.awaitsSilence) this.#timers.schedule("silence", SILENCE_MS, session.silence);
    else this.#timers.cancel("silence");
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

  /** @returns how long to wait before the next read, in milliseconds */
  #received(session: Session, chunk: Uint8Array): number {
    const at = this.#clock.now();
    if (!session.isSilent && at - session.lastBytesAt >= SILENCE_MS) this.#silence(session);
    if (at - session.lastBytesAt >= TELEGRAM_GAP_MS) this.#sentAt = at;
    session.lastBytesAt = at;
    session.isSilent = false;
    const outage = this.#retry.recovered(at);
    if (outage !== null) this.#log.info(`${this.#source.label} works again after ${Math.round(outage / 1000)} s`);
    this.#parity.bytesReceived(at);
    const wanted = this.#handler.bytes(chunk, at);
    session.awaitsSilence = this.#source.hasLine || wanted > 0;
    return session.pacer?.pause(chunk.length, at, wanted) ?? 0;
  }

  #silence(session: Session): void {
    session.isSilent = true;
    session.pacer?.silence();
    this.#handler.silence(this.#clock.now());
    this.#parity.silence();
  }

  /** A bug in this program: logged once, with its stack; the source is reopened. */
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
