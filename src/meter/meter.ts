/**
 * The pipeline of one meter: bytes → decoder → acceptance → reading, plus availability, counters and diagnosis.
 *
 *     connection ─ bytes ─> decoder ─ telegrams ─> acceptance ─ verdicts ─> reading ─> sinks
 *         └──────────────────── observations ─────────> observer ─> diagnosis ────────> sinks
 */
import type { Verdict } from "../acceptance/verdict.ts";
import type { DecoderEvent } from "../codec/decoder-event.ts";
import type { Telegram } from "../codec/telegram.ts";
import { type Clock, systemClock } from "../process/clock.ts";
import { waitAtMost } from "../process/time-limit.ts";
import type { LineSettings, SourceError } from "../sources/source.ts";
import { Connection } from "./connection.ts";
import { DiagnosisReporter } from "./diagnosis-reporter.ts";
import { DroppedTelegramLog } from "./dropped-telegram-log.ts";
import type { MeterStatus, Reading } from "./events.ts";
import type { MeterParts } from "./meter-parts.ts";
import { MeterStatistics } from "./meter-statistics.ts";
import { Period } from "./period.ts";
import { Presence } from "./presence.ts";
import { Timers } from "./timers.ts";

/** Watchdog interval: how often diagnosis, parity and connection are checked. */
const TICK_MS = 5_000;
/** The same while telegrams come and none is dropped. Whatever ends that is noticed when it happens. */
const TICK_IF_WELL_MS = 30_000;
/** Shutdown timeout: `stop` does not wait longer for a device that fails to close. */
const STOP_MS = 1_000;

/** One configured meter. Call `start` once; `stop` may be called repeatedly. */
export class Meter {
  readonly #parts: MeterParts;
  readonly #clock: Clock;
  readonly #timers: Timers<"tick" | "due" | "stale">;
  readonly #connection: Connection;
  readonly #period = new Period();
  readonly #statistics = new MeterStatistics();
  readonly #drops: DroppedTelegramLog;
  readonly #presence: Presence;
  readonly #diagnosis: DiagnosisReporter;
  /** When the last telegram was accepted, on the monotonic and on the wall clock. */
  #acceptedAt: number | null = null;
  #acceptedWall: number | null = null;
  #running: Promise<void> | null = null;
  #stopped = false;

  constructor(parts: MeterParts) {
    const { source, line, observer, emit, log, clock = systemClock } = parts;
    this.#parts = parts;
    this.#clock = clock;
    this.#timers = new Timers(clock);
    this.#drops = new DroppedTelegramLog(log);
    this.#presence = new Presence(emit);
    this.#diagnosis = new DiagnosisReporter(observer, log, clock.now(), this.#period.limitMs, (diagnosis) =>
      emit({ type: "diagnosis", label: source.label, meter: this.#presence.info, diagnosis }),
    );
    this.#connection = new Connection(source, line, clock, log, {
      opened: (at, settings) => this.#opened(at, settings),
      bytes: (chunk, at) => this.#received(chunk, at),
      silence: (at) => this.#silence(at),
      closed: (at, error) => this.#closed(at, error),
      failed: () => this.#tick(),
      periodMs: () => this.#period.ms,
    });
  }

  start(): void {
    if (this.#running !== null || this.#stopped) return;
    this.#running = this.#run();
    this.#tick();
  }

  /** Resolves when the source has ended and every telegram is accepted or rejected, or after `stop`. */
  get done(): Promise<void> {
    return this.#running ?? Promise.resolve();
  }

  /** Closes the source; resolves within a second. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#connection.stop();
    this.#timers.close();
    if (this.#running !== null) await waitAtMost(STOP_MS, this.#running, this.#clock);
  }

  /** Reopens the source without a delay. A source that has ended stays closed. */
  restart(): void {
    if (this.#stopped || this.#running === null) return;
    this.#parts.log.info(`restarting: ${this.#parts.source.label} is being reopened`);
    this.#connection.interrupt();
  }

  status(): MeterStatus {
    return {
      index: this.#parts.index,
      label: this.#parts.source.label,
      info: this.#presence.info,
      online: this.#presence.online,
      connected: this.#connection.isOpen,
      lastTelegramAt: this.#acceptedWall,
      periodMs: this.#period.ms,
      limitMs: this.#period.limitMs,
      counters: this.#statistics.counters,
      diagnosis: this.#diagnosis.current,
    };
  }

  async #run(): Promise<void> {
    await this.#connection.run();
    if (this.#stopped) return;
    this.#decide(this.#parts.acceptance.expire(Number.POSITIVE_INFINITY));
    this.#parts.observer.closed("ended");
    this.#parts.log.info(`${this.#parts.source.label} has come to its end`);
    this.#updateDiagnosis();
  }

  #opened(at: number, line: LineSettings | null): void {
    this.#statistics.connected();
    this.#period.opened(at);
    this.#parts.observer.opened(at, line);
    this.#updateDiagnosis();
  }

  #received(chunk: Uint8Array, at: number): number {
    const { decoder, observer } = this.#parts;
    this.#statistics.received(chunk.length);
    observer.bytes(chunk, at);
    this.#decode(() => decoder.feed(chunk), at);
    return decoder.wanted;
  }

  #silence(at: number): void {
    this.#decode(() => this.#parts.decoder.silence(), at);
    this.#updateDiagnosis();
  }

  #closed(at: number, error: SourceError | null): void {
    const { decoder, observer } = this.#parts;
    this.#decode(() => decoder.end(), at);
    decoder.reset();
    if (error !== null) observer.closed(error.code);
  }

  /**
   * The only entry from sockets and timers into the codec, and from there to acceptance and sinks. An exception there is
   * a bug in this program: it costs the current telegram, never the connection.
   */
  #decode(read: () => readonly DecoderEvent[], at: number): void {
    let events: readonly DecoderEvent[] = [];
    try {
      events = read();
    } catch (error) {
      this.#parts.decoder.reset();
      this.#drop("malformed", this.#drops.unexpected(error), at);
    }
    for (const event of events) this.#attempt(() => this.#handle(event, at), at);
  }

  #attempt(step: () => void, at: number): void {
    try {
      step();
    } catch (error) {
      this.#drop("malformed", this.#drops.unexpected(error), at);
    }
  }

  #handle(event: DecoderEvent, at: number): void {
    const { acceptance, observer } = this.#parts;
    observer.decoded(event, at);
    switch (event.type) {
      case "telegram":
        this.#connection.lineProven();
        this.#statistics.decoded();
        this.#decide(acceptance.judge(event.telegram, at));
        break;
      case "fault":
        if (provesLine(event.code)) this.#connection.lineProven();
        acceptance.disturbed(at);
        this.#drop(event.code, event.cause === undefined ? event.message : this.#drops.unexpected(event.cause), at);
        this.#updateDiagnosis();
        break;
      case "skipped":
        acceptance.disturbed(at);
        this.#statistics.skipped(event.length);
        break;
    }
  }

  #drop(code: string, reason: string, at: number): void {
    this.#statistics.rejected(code);
    if (this.#drops.isEmpty) this.#timers.schedule("tick", TICK_MS, this.#tick);
    this.#drops.dropped(code, reason, at);
  }

  #decide(verdicts: readonly Verdict[]): void {
    const { acceptance, observer, log } = this.#parts;
    for (const verdict of verdicts) {
      if (verdict.type === "rejected") {
        observer.rejected(verdict.check, verdict.reason, verdict.at);
        this.#drop("implausible", `${verdict.check}: ${verdict.reason}`, verdict.at);
        continue;
      }
      if (verdict.type === "accepted") this.#statistics.accepted();
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
    this.#updateDiagnosis();
  }

  #publish(telegram: Telegram, complete: boolean, at: number): void {
    const { observer, toReading, log } = this.#parts;
    const wall = Math.round(this.#clock.wall() - (this.#clock.now() - at));
    const reading = toReading(telegram, complete, wall);
    if (at !== this.#acceptedAt) this.#period.arrived(at);
    this.#acceptedAt = at;
    this.#acceptedWall = wall;
    observer.accepted(at);
    if (reading === null) {
      log.debug(
        "a telegram that is published under no meter: it does not say whose it is, or there are too many meters",
      );
      return;
    }
    log.debug(() => describe(reading));
    this.#presence.publish(reading);
    this.#timers.schedule("stale", this.#period.limitMs, this.#stale);
  }

  /** No telegram was accepted for three periods. A property: a closure made in `#publish` would keep the reading alive. */
  readonly #stale = (): void => {
    this.#tick();
    this.#presence.offline();
  };

  #updateDiagnosis(): void {
    this.#diagnosis.update(this.#clock.now(), this.#period.limitMs);
  }

  readonly #tick = (): void => {
    const at = this.#clock.now();
    this.#drops.summarise(at);
    this.#updateDiagnosis();
    this.#connection.check(at, this.#period.limitMs);
    const isWell = this.#diagnosis.current.code === "ok" && this.#drops.isEmpty;
    this.#timers.schedule("tick", isWell ? TICK_IF_WELL_MS : TICK_MS, this.#tick);
  };
}

/** Faults found only inside frames that passed their checks, so baud rate and parity are right. */
function provesLine(code: string): boolean {
  return code !== "framing" && code !== "checksum" && code !== "segmentation";
}

function describe({ complete, meter, values }: Reading): string {
  const texts = values.map(({ topic, text, unit }) => `${topic}=${text}${unit ?? ""}`);
  return `${complete ? "accepted" : "first contact"}: ${meter.id} ${texts.join(" ")}`;
}
