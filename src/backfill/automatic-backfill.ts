/**
 * Fills holes while the bridge runs (`homeassistant.backfill`). Compares Home Assistant's statistics with the ledger
 *
 * - shortly after startup and whenever Home Assistant, the broker or the network comes back, to fill completed holes,
 * - two minutes past the next full hour, when the recorder has compiled the row after the hole,
 * - twenty minutes past every hour, in case an outage went unnoticed or a meter's clock is slow.
 *
 * No failure here stops the bridge.
 */
import type { LedgerReader } from "../ledger/ledger-reader.ts";
import type { ComponentLog } from "../log/component-log.ts";
import { type MissingHour, type RunResult, reasonText } from "./backfill.ts";
import { type BackfillStatus, StatusOfBackfill } from "./backfill-status.ts";
import type { Access } from "./connect.ts";
import { HOUR_MS } from "./plan.ts";
import { isPending } from "./reasons.ts";

/** Delay after a start or return: by then Home Assistant's recorder runs and the meter is identified. */
const AFTER_RETURN_MS = 15_000;
/** The recorder compiles an hour ten seconds after it ends; the ledger gets its boundary with the next telegram. */
const COMPILED_MS = 2 * 60_000;
const REGULAR_MS = 20 * 60_000;
/** How far back to search for holes: a long holiday. */
const SPAN_MS = 35 * 24 * HOUR_MS;
const STOP_MS = 1_500;
/** Maximum number of unfilled holes remembered as logged. */
const MOST_LOGGED = 200;

export interface AutomaticBackfillOptions {
  /** A sentence if something is missing. */
  readonly access: Access | string;
  readonly reader: Pick<LedgerReader, "points">;
  readonly dataDir: string;
  /** The meters that have been identified. */
  readonly meters: () => readonly string[];
  readonly log: ComponentLog;
  /** Milliseconds since 1970, and a timer; for tests. */
  readonly wall?: () => number;
  readonly after?: (ms: number, act: () => void) => () => void;
}

export class AutomaticBackfill {
  readonly name = "backfill";
  readonly #options: AutomaticBackfillOptions;
  readonly #stopping = new AbortController();
  readonly #logged = new Set<string>();
  readonly #status = new StatusOfBackfill();
  /** Times of the comparisons scheduled by a return; at most two. */
  #due: readonly number[] = [];
  #cancel: () => void = () => undefined;
  #running: Promise<void> | null = null;
  #fault = "";

  constructor(options: AutomaticBackfillOptions) {
    this.#options = options;
  }

  start(): void {
    const { access, log } = this.#options;
    if (typeof access === "string") {
      log.error(`holes in the energy statistics are not filled: ${access}`);
      this.#status.fail(access);
    } else this.returned();
  }

  /** Home Assistant, the broker or the network between is back. May be called at any time, and as often as you like. */
  returned(): void {
    if (typeof this.#options.access === "string" || this.#stopping.signal.aborted) return;
    const now = this.#now();
    this.#due = [now + AFTER_RETURN_MS, (Math.floor(now / HOUR_MS) + 1) * HOUR_MS + COMPILED_MS];
    if (this.#running === null) this.#wait();
  }

  /** What was missed, filled and left so far. */
  status(): BackfillStatus {
    return this.#status.status();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#cancel();
    // A Home Assistant that has stopped answering does not delay the stop.
    await Promise.race([this.#running, new Promise((resolve) => setTimeout(resolve, STOP_MS).unref())]);
  }

  #now(): number {
    return (this.#options.wall ?? Date.now)();
  }

  #wait(): void {
    const { after = afterMs } = this.#options;
    const now = this.#now();
    const regular = Math.floor((now - REGULAR_MS) / HOUR_MS + 1) * HOUR_MS + REGULAR_MS;
    const next = Math.min(regular, ...this.#due);
    this.#cancel();
    this.#cancel = after(Math.max(0, next - now), () => {
      this.#due = this.#due.filter((at) => at > next);
      this.#running = this.#check(this.#now()).finally(() => {
        this.#running = null;
        if (!this.#stopping.signal.aborted) this.#wait();
      });
    });
  }

  async #check(now: number): Promise<void> {
    const { access, reader, dataDir, meters, log } = this.#options;
    if (typeof access === "string" || meters().length === 0) return;
    try {
      const [{ HomeAssistant }, { runBackfill }] = await Promise.all([
        import("./home-assistant.ts"),
        import("./backfill.ts"),
      ]);
      const homeAssistant = await HomeAssistant.connect(access, this.#stopping.signal);
      // `stop` does not wait for a response.
      const close = (): void => homeAssistant.close();
      this.#stopping.signal.addEventListener("abort", close, { once: true });
      const hours: MissingHour[] = [];
      try {
        for (const meter of meters()) {
          const span = { now, since: now - SPAN_MS };
          const result = await runBackfill({ homeAssistant, reader, dataDir, meter, apply: true, ...span });
          hours.push(...result.hours);
          this.#report(result);
        }
      } finally {
        this.#stopping.signal.removeEventListener("abort", close);
        close();
      }
      if (this.#fault !== "") log.info("Home Assistant's energy statistics can be compared with the ledger again");
      this.#fault = "";
      this.#status.compared(now, hours);
    } catch (error) {
      if (this.#stopping.signal.aborted) return;
      // Home Assistant may be down for days: log that once.
      const message = error instanceof Error ? error.message : String(error);
      if (message !== this.#fault) log.warn(`holes in the energy statistics are not filled: ${message}`);
      this.#fault = message;
      this.#status.fail(message);
    }
  }

  #report({ hours }: RunResult): void {
    const { log } = this.#options;
    for (const run of runsOf(hours)) {
      const [first] = run;
      if (first === undefined) continue;
      const [from, to] = [first.start, (run.at(-1)?.start ?? first.start) + HOUR_MS].map((at) =>
        new Date(at).toISOString(),
      );
      const span = `${first.entity}: Home Assistant missed ${from?.slice(0, 16)}Z to ${to?.slice(0, 16)}Z`;
      if (first.reason === null) {
        log.info(`${span}; these hours were filled from the ledger`);
        continue;
      }
      // Log each reason once.
      const line = `${span}; these hours cannot be filled: ${reasonText(first.reason)}`;
      if (this.#logged.has(line)) continue;
      if (this.#logged.size >= MOST_LOGGED) this.#logged.clear();
      this.#logged.add(line);
      // Pending holes are not worth a warning.
      if (isPending(first.reason)) log.info(line);
      else log.warn(line);
    }
  }
}

/** Neighbouring hours of one entity with the same reason. */
function runsOf(hours: readonly MissingHour[]): MissingHour[][] {
  const runs: MissingHour[][] = [];
  for (const hour of hours) {
    const last = runs.at(-1)?.at(-1);
    const joins = last?.entity === hour.entity && last.reason === hour.reason && last.start + HOUR_MS === hour.start;
    if (joins) runs.at(-1)?.push(hour);
    else runs.push([hour]);
  }
  return runs;
}

function afterMs(ms: number, act: () => void): () => void {
  const timer = setTimeout(act, ms);
  return () => clearTimeout(timer);
}
