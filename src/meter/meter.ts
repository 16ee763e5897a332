/**
 * The life of one meter: source → decoder → acceptance → reading, with retry, silence, staleness and counters.
 *
 *     session ─ open ─ read ─ feed ─ judge ─ emit ─┐        the source ends     → done (a capture was played)
 *        ↑              └──────── pause ←──────────┘        it breaks off       → retry after a pause that grows
 *        └──────────────── retry ←──────────────────        other line settings → at once
 *
 * Retry stands here and nowhere else (but for the broker: MQTT.js reconnects by itself, see mqtt-sink.ts).
 */

import type { Verdict } from "../acceptance/verdict.ts";
import type { DecoderEvent } from "../codec/decoder-event.ts";
import type { Telegram } from "../codec/telegram.ts";
import { diagnose, formatLine } from "../diagnosis/diagnosis.ts";
import type { Diagnosis } from "../diagnosis/diagnosis-code.ts";
import { logDiagnosis } from "../diagnosis/diagnosis-log.ts";
import { type Clock, systemClock } from "../process/clock.ts";
import { type LineSettings, SourceError } from "../sources/source.ts";
import type { MeterStatus, Reading } from "./events.ts";
import { LinePacer } from "./line-pacer.ts";
import type { MeterParts } from "./meter-parts.ts";
import { MeterTally } from "./meter-tally.ts";
import { ParitySearch } from "./parity-search.ts";
import { Period } from "./period.ts";
import { Presence } from "./presence.ts";
import { Timers } from "./timers.ts";

/** Nothing within a telegram pauses longer: two frames are about 160 ms apart (docs/meters.md). Then what was begun is forgotten. */
const SILENCE_MS = 1_000;
/** Diagnosis, parity search and dead connections are looked at this often. */
const TICK_MS = 5_000;
/** The pause before the next attempt: an eighth of the outage so far, within these limits. */
const RETRY_SHARE = 8;
const RETRY_LEAST_MS = 1_000;
const RETRY_MOST_MS = 30_000;
/** On the network, where nothing says that the server is back, no longer than this share of a known period. */
const RETRY_PERIODS = 0.5;
/** A server that holds the connection and sends nothing for so long (or two offline limits) is asked anew. */
const IDLE_CONNECTION_MS = 180_000;
/** `stop` waits no longer for a device that does not let itself be closed. */
const STOP_MS = 1_000;

/** How a session with the source came to its end. */
type Outcome = "ended" | "again" | SourceError;

/** One configured meter. `start` once, `stop` as often as you like. */
export class Meter {
  readonly #parts: MeterParts;
  readonly #clock: Clock;
  readonly #search: ParitySearch;
  readonly #period = new Period();
  readonly #tally: MeterTally;
  #running: Promise<void> | null = null;
  #stopped = false;
  #session: AbortController | null = null;
  #connected = false;
  readonly #presence: Presence;
  #heardAt = 0;
  #acceptedAt: number | null = null;
  #acceptedWall: number | null = null;
  #failingSince: number | null = null;
  #lastBug: string | null = null;
  #diagnosis: Diagnosis;
  #pacer: LinePacer | null = null;
  /** Ends a sleep before its time. */
  #wake: (() => void) | null = null;
  readonly #timers: Timers<"silence" | "tick" | "due" | "stale" | "sleep">;

  constructor(parts: MeterParts) {
    this.#parts = parts;
    this.#clock = parts.clock ?? systemClock;
    this.#presence = new Presence(parts.emit);
    this.#timers = new Timers(this.#clock);
    this.#search = new ParitySearch(parts.line, parts.source.hasLine);
    this.#tally = new MeterTally(parts.log);
    this.#diagnosis = diagnose(parts.observer.observe(this.#clock.now(), this.#period.limitMs));
  }

  start(): void {
    if (this.#running !== null || this.#stopped) return;
    this.#running = this.#live();
    this.#tick();
  }

  /** Resolves when the source has come to its end and everything in it is decided, or after `stop`. */
  get done(): Promise<void> {
    return this.#running ?? Promise.resolve();
  }

  /** Closes the source; ends within a second. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#interrupt();
    this.#timers.close();
    if (this.#running === null) return;
    let cancel = (): void => undefined;
    const tooLong = new Promise<void>((resolve) => {
      cancel = this.#clock.after(STOP_MS, resolve);
    });
    await Promise.race([this.#running, tooLong]);
    cancel();
  }

  /** Closes the source and opens it again, without a pause. What has come to its end stays there. */
  restart(): void {
    if (this.#stopped || this.#running === null) return;
    this.#parts.log.info(`restarting: ${this.#parts.source.label} is opened anew`);
    this.#interrupt();
  }

  status(): MeterStatus {
    return {
      index: this.#parts.index,
      label: this.#parts.source.label,
      info: this.#presence.info,
      online: this.#presence.online,
      connected: this.#connected,
      lastTelegramAt: this.#acceptedWall,
      periodMs: this.#period.ms,
      limitMs: this.#period.limitMs,
      counters: this.#tally.counters,
      diagnosis: this.#diagnosis,
    };
  }

  async #live(): Promise<void> {
    while (!this.#stopped) {
      const outcome = await this.#listen();
      this.#connected = false;
      if (this.#stopped) return;
      if (outcome === "ended") {
        this.#decide(this.#parts.acceptance.expire(Number.POSITIVE_INFINITY));
        this.#parts.observer.closed("ended");
        this.#parts.log.info(`${this.#parts.source.label} has come to its end`);
        this.#look();
        return;
      }
      if (outcome instanceof SourceError) await this.#pauseBeforeRetry();
    }
  }

  /** One opening of the source, up to its end. */
  async #listen(): Promise<Outcome> {
    const { source, decoder, observer, log } = this.#parts;
    const session = new AbortController();
    this.#session = session;
    const line = this.#search.line;
    this.#pacer = source.hasLine ? new LinePacer(line) : null;
    decoder.reset();
    const bytes = source.open(session.signal, line)[Symbol.asyncIterator]();
    try {
      for (;;) {
        const next = await bytes.next();
        if (next.done) break;
        if (next.value.length === 0) this.#opened(source.hasLine ? line : null);
        else {
          const pause = this.#take(next.value);
          if (pause > 0) await this.#sleep(pause);
          if (session.signal.aborted) break;
          this.#timers.schedule("silence", SILENCE_MS, () => this.#silence());
        }
      }
      // Not when we stop: what is under way then is nobody's fault.
      if (!this.#stopped) this.#decode(() => decoder.end(), this.#clock.now());
      return session.signal.aborted ? "again" : "ended";
    } catch (error) {
      this.#decode(() => decoder.end(), this.#clock.now());
      if (error instanceof SourceError) {
        observer.closed(error.code);
        log.debug(`${error.code}: ${error.message}`);
        return error;
      }
      // A fault of ours: told once, with its stack; the meter begins afresh.
      const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
      if (stack !== this.#lastBug) log.error(stack);
      this.#lastBug = stack;
      return new SourceError("lost", "an unexpected error, see the log", { cause: error });
    } finally {
      this.#timers.cancel("silence");
      session.abort();
      await bytes.return?.();
    }
  }

  #opened(line: LineSettings | null): void {
    const at = this.#clock.now();
    const { source, observer, log } = this.#parts;
    this.#connected = true;
    this.#heardAt = at;
    this.#tally.connected();
    this.#period.opened(at);
    this.#search.opened(at);
    observer.opened(at, line);
    const what = `listening at ${source.label}${line === null ? "" : ` (${formatLine(line)})`}`;
    if (this.#tally.counters.connections === 1) log.info(what);
    else log.debug(what);
    this.#look();
  }

  /** @returns how long the line may be left alone, milliseconds */
  #take(chunk: Uint8Array): number {
    const { decoder, observer } = this.#parts;
    const at = this.#clock.now();
    this.#timers.cancel("silence");
    this.#heardAt = at;
    if (this.#failingSince !== null) {
      const seconds = Math.round((at - this.#failingSince) / 1000);
      this.#parts.log.info(`${this.#parts.source.label} works again after ${seconds} s`);
      this.#failingSince = null;
    }
    this.#tally.heard(chunk.length);
    observer.bytes(chunk, at);
    this.#search.heard(at);
    this.#decode(() => decoder.feed(chunk), at);
    return this.#pacer?.pause(chunk.length, at, decoder.wanted) ?? 0;
  }

  #silence(): void {
    this.#pacer?.silence();
    this.#decode(() => this.#parts.decoder.silence(), this.#clock.now());
    this.#search.silence();
    this.#look();
  }

  /**
   * Every way from a socket or timer into the codec, and on to acceptance and sinks. Whatever throws there is a defect of
   * ours: it costs the telegram at hand, never the session.
   */
  #decode(read: () => readonly DecoderEvent[], at: number): void {
    let events: readonly DecoderEvent[] = [];
    try {
      events = read();
    } catch (error) {
      this.#parts.decoder.reset();
      this.#tally.unexpected(error, at);
    }
    for (const event of events) this.#attempt(() => this.#handle(event, at), at);
  }

  #attempt(step: () => void, at: number): void {
    try {
      step();
    } catch (error) {
      this.#tally.unexpected(error, at);
    }
  }

  #handle(event: DecoderEvent, at: number): void {
    const { acceptance, observer } = this.#parts;
    observer.decoded(event, at);
    switch (event.type) {
      case "telegram":
        this.#search.good();
        this.#tally.decoded();
        this.#decide(acceptance.judge(event.telegram, at));
        break;
      case "fault":
        if (provesLine(event.code)) this.#search.good();
        acceptance.disturbed(at);
        if (event.cause === undefined) this.#tally.fault(event.code, event.message, at);
        else this.#tally.unexpected(event.cause, at);
        this.#look();
        break;
      case "skipped":
        acceptance.disturbed(at);
        this.#tally.skipped(event.length);
        break;
    }
  }

  #decide(verdicts: readonly Verdict[]): void {
    const { acceptance, observer, log } = this.#parts;
    for (const verdict of verdicts) {
      if (verdict.type === "rejected") {
        observer.rejected(verdict.check, verdict.reason, verdict.at);
        this.#tally.fault("implausible", `${verdict.check}: ${verdict.reason}`, verdict.at);
        continue;
      }
      if (verdict.type === "accepted") this.#tally.accepted(verdict.at);
      if (verdict.type === "accepted" && verdict.notice !== undefined) log.warn(verdict.notice);
      this.#publish(verdict.telegram, verdict.type === "accepted", verdict.at);
    }
    const due = acceptance.due;
    if (due === null) this.#timers.cancel("due");
    else {
      const wait = Math.max(0, due - this.#clock.now());
      this.#timers.schedule("due", wait, () => {
        const at = this.#clock.now();
        this.#attempt(() => this.#decide(acceptance.expire(at)), at);
      });
    }
    this.#look();
  }

  #publish(telegram: Telegram, complete: boolean, at: number): void {
    const { observer, toReading, log } = this.#parts;
    const receivedAt = Math.round(this.#clock.wall() - (this.#clock.now() - at));
    const reading = toReading(telegram, complete, receivedAt);
    if (at !== this.#acceptedAt) this.#period.arrived(at);
    this.#acceptedAt = at;
    this.#acceptedWall = receivedAt;
    observer.accepted(at);
    if (reading === null) log.debug("a telegram that does not say whose it is: nothing to publish it under");
    else {
      log.debug(() => describe(reading));
      this.#presence.reads(reading);
    }
    this.#timers.schedule("stale", this.#period.limitMs, () => this.#stale());
  }

  /** No accepted telegram for three periods. */
  #stale(): void {
    this.#look();
    this.#presence.gone();
  }

  /** Says how the meter is, if that has changed. */
  #look(): void {
    const { observer, source, emit, log } = this.#parts;
    const before = this.#diagnosis;
    const now = diagnose(observer.observe(this.#clock.now(), this.#period.limitMs));
    if (now.text.en === before.text.en) return;
    this.#diagnosis = now;
    emit({ type: "diagnosis", label: source.label, meter: this.#presence.info, diagnosis: now });
    logDiagnosis(log, now, before);
  }

  #tick(): void {
    this.#timers.schedule("tick", TICK_MS, () => this.#tick());
    const at = this.#clock.now();
    this.#tally.sumUp(at);
    this.#look();
    if (!this.#connected) return;
    if (this.#search.turn(at)) {
      this.#parts.log.debug(`no telegram so far: trying ${formatLine(this.#search.line)}`);
      this.#interrupt();
    } else if (!this.#parts.source.hasLine) {
      const limit = Math.max(IDLE_CONNECTION_MS, 2 * this.#period.limitMs);
      if (at - this.#heardAt >= limit) {
        this.#parts.log.debug("nothing comes over this connection: trying another");
        this.#interrupt();
      }
    }
  }

  async #pauseBeforeRetry(): Promise<void> {
    const at = this.#clock.now();
    this.#failingSince ??= at;
    this.#look();
    const share = (at - this.#failingSince) / RETRY_SHARE;
    const period = this.#parts.source.hasLine ? null : this.#period.ms;
    const most = period === null ? RETRY_MOST_MS : Math.min(RETRY_MOST_MS, period * RETRY_PERIODS);
    const pause = this.#sleep(Math.max(Math.min(share, most), RETRY_LEAST_MS));
    const watch = new AbortController();
    void this.#parts.source.changed?.(watch.signal).then(() => {
      if (!watch.signal.aborted) this.#wake?.();
    });
    await pause;
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

  /** Ends the session with the source, or the pause before the next. */
  #interrupt(): void {
    this.#session?.abort();
    this.#wake?.();
  }
}

/** Faults that are met only behind frames whose checks are all right: baud rate and parity then are right as well. */
function provesLine(code: string): boolean {
  return code !== "framing" && code !== "checksum" && code !== "segmentation";
}

function describe({ complete, meter, values }: Reading): string {
  const texts = values.map(({ topic, text, unit }) => `${topic}=${text}${unit ?? ""}`);
  return `${complete ? "accepted" : "first contact"}: ${meter.id} ${texts.join(" ")}`;
}
