/** Meter events that are useful for automations, on `<base>/bridge/events/<meter>`, not retained. */
import type { MeterStatus } from "../../meter/events.ts";

/**
 * `meter_replaced`: a different meter is sending on this port. `telegrams_refused`: telegrams were dropped since the
 * last event.
 */
export const EVENT_TYPES = ["meter_replaced", "telegrams_refused"] as const;

/** Minimum interval per meter between events about refused telegrams; each event has the count since the last one. */
const REFUSED_PAUSE_MS = 60_000;

/** State of a configured meter at the last update. */
interface Known {
  id: string | null;
  rejected: number;
  rejectedBy: Readonly<Record<string, number>>;
  sentAt: number;
}

/** Derives events from meter states. */
export class MeterEvents {
  /** By position in the configuration. */
  readonly #known = new Map<number, Known>();

  /** @returns events as JSON by id of the meter */
  update(status: MeterStatus, now = performance.now()): { meter: string; payload: string }[] {
    const { index, info, counters } = status;
    if (info === null) return [];
    const known = this.#known.get(index);
    if (known === undefined) {
      this.#known.set(index, {
        id: info.id,
        rejected: counters.rejected,
        rejectedBy: counters.rejectedBy,
        sentAt: Number.NEGATIVE_INFINITY,
      });
      return [];
    }
    const events: { meter: string; payload: string }[] = [];
    if (known.id !== null && known.id !== info.id) {
      const payload = JSON.stringify({ event_type: "meter_replaced", before: known.id, now: info.id });
      // Home Assistant only knows the old meter so far; the new one isn't announced yet.
      events.push({ meter: known.id, payload }, { meter: info.id, payload });
    }
    known.id = info.id;
    if (counters.rejected > known.rejected && now - known.sentAt >= REFUSED_PAUSE_MS) {
      const payload = {
        event_type: "telegrams_refused",
        count: counters.rejected - known.rejected,
        by: increase(known.rejectedBy, counters.rejectedBy),
      };
      events.push({ meter: info.id, payload: JSON.stringify(payload) });
      known.rejected = counters.rejected;
      known.rejectedBy = counters.rejectedBy;
      known.sentAt = now;
    }
    return events;
  }
}

/** Number of refused telegrams by error code since then. */
function increase(
  before: Readonly<Record<string, number>>,
  after: Readonly<Record<string, number>>,
): Record<string, number> {
  const grown = Object.entries(after).map(([code, count]) => [code, count - (before[code] ?? 0)] as const);
  return Object.fromEntries(grown.filter(([, count]) => count > 0));
}
