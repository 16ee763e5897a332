/**
 * Fills holes by itself while the bridge runs (`homeassistant.backfill`). Twenty minutes past each hour Home Assistant's statistics
 * are compared with the ledger: by then the recorder has compiled the hour in which Home Assistant, the broker or the network
 * came back, and the ledger has the quarter after it. Nothing here is ever fatal to the bridge.
 */
import type { LedgerReader } from "../ledger/ledger-reader.ts";
import type { ComponentLog } from "../log/component-log.ts";
import { type MissingHour, type RunResult, reasonText } from "./backfill.ts";
import type { Access } from "./connect.ts";
import { HOUR_MS } from "./plan.ts";

const PAST_HOUR_MS = 20 * 60_000;
/** How far back it looks by itself: a long holiday. */
const SPAN_MS = 35 * 24 * HOUR_MS;
const STOP_MS = 1_500;
/** Holes that were already logged as left. */
const MOST_LOGGED = 200;

export interface AutomaticBackfillOptions {
  /** A sentence where something is missing. */
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
  #cancel: () => void = () => undefined;
  #running: Promise<void> = Promise.resolve();
  #fault = "";

  constructor(options: AutomaticBackfillOptions) {
    this.#options = options;
  }

  start(): void {
    const { access, log } = this.#options;
    if (typeof access === "string") log.error(`holes in the energy statistics are not filled: ${access}`);
    else this.#wait();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#cancel();
    // A Home Assistant that has stopped answering delays no stop.
    await Promise.race([this.#running, new Promise((resolve) => setTimeout(resolve, STOP_MS).unref())]);
  }

  #wait(): void {
    const { wall = Date.now, after = afterMs } = this.#options;
    const now = wall();
    const next = Math.floor((now - PAST_HOUR_MS) / HOUR_MS + 1) * HOUR_MS + PAST_HOUR_MS;
    this.#cancel = after(next - now, () => {
      this.#running = this.#check(wall()).finally(() => {
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
      // A stop does not wait for an answer.
      const close = (): void => homeAssistant.close();
      this.#stopping.signal.addEventListener("abort", close, { once: true });
      try {
        for (const meter of meters()) {
          this.#report(
            await runBackfill({ homeAssistant, reader, dataDir, meter, apply: true, now, since: now - SPAN_MS }),
          );
        }
      } finally {
        this.#stopping.signal.removeEventListener("abort", close);
        close();
      }
      if (this.#fault !== "") log.info("Home Assistant's energy statistics can be compared again");
      this.#fault = "";
    } catch (error) {
      if (this.#stopping.signal.aborted) return;
      // Home Assistant may be away for days: that is logged once.
      const message = error instanceof Error ? error.message : String(error);
      if (message !== this.#fault) log.warn(`holes in the energy statistics are not filled: ${message}`);
      this.#fault = message;
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
      } else if (!this.#logged.has(span)) {
        if (this.#logged.size >= MOST_LOGGED) this.#logged.clear();
        this.#logged.add(span);
        log.warn(`${span}; these hours are left: ${reasonText(first.reason)}`);
      }
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
