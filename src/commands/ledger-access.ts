/** Shared by `export` and `compare`: opens the ledger in `data_dir`, selects the meter, parses times. */
import type { Config } from "../config/options.ts";
import { LedgerReader } from "../ledger/ledger-reader.ts";
import { type LocalInstant, localText } from "../ledger/local-time.ts";
import { type CommandContext, UsageError } from "./command.ts";
import { readSettings } from "./settings.ts";

export interface LedgerAccess {
  readonly reader: LedgerReader;
  readonly meter: string;
  readonly config: Config;
}

/**
 * Opens the ledger of `--meter`, or of the only meter that has one. Works while the bridge is running.
 * @returns a sentence if there is nothing to read
 * @throws UsageError if several meters have a ledger and none is named; ConfigError
 */
export async function openLedger(context: CommandContext): Promise<LedgerAccess | string> {
  // Only data_dir and time_zone are used: no port need be configured.
  const port = { path: ["meters", 0, "port"], value: "file:ledger", flag: "ledger" };
  const { config } = await readSettings(context, [port]);
  const reader = new LedgerReader(config.data_dir);
  const meters = await reader.meters();
  const asked = context.options.meter;
  if (typeof asked === "string") {
    if (meters.includes(asked)) return { reader, meter: asked, config };
    return `there is no ledger of a meter '${asked}' in ${config.data_dir}; ${listed(meters)}`;
  }
  const [only, ...others] = meters;
  if (only === undefined) {
    return `there is no ledger in ${config.data_dir} yet: it begins with the bridge's first telegrams (or is data_dir another folder?)`;
  }
  if (others.length > 0) throw new UsageError(`choose one with --meter; ${listed(meters)}`);
  return { reader, meter: only, config };
}

function listed(meters: readonly string[]): string {
  return meters.length === 0 ? "there is none at all" : `there are ${meters.join(", ")}`;
}

const TIME = /^(\d{4}-\d{2})(?:(-\d{2})(?:[T ](\d{2}:\d{2})(:\d{2})?(?:\.\d+)?(Z|[+-]\d{2}:\d{2})?)?)?$/;

/** A start or end time as typed by the user. */
export interface TimeLimit {
  /** Whether an instant is at or after it, compared in the instant's local time unless the limit has an offset. */
  readonly reached: (instant: LocalInstant) => boolean;
  /** Milliseconds since 1970, accurate to a day. */
  readonly near: number;
}

/**
 * Reads `2026-03`, `2026-03-01`, `2026-03-01T10:00` or with an offset. A date means its midnight.
 * @throws UsageError for anything else
 */
export function parseLimit(value: unknown, flag: string): TimeLimit | undefined {
  if (value === undefined) return undefined;
  const match = TIME.exec(String(value));
  const [, month = "", day = "-01", time = "00:00", seconds = ":00", offset] = match ?? [];
  const local = `${month}${day}T${time}${seconds}`;
  const near = Date.parse(`${local}${offset ?? "Z"}`);
  const exists = !Number.isNaN(near) && new Date(Date.parse(`${local}Z`)).toISOString().startsWith(local);
  if (match === null || !exists) {
    throw new UsageError(
      `${flag}: found '${String(value)}'; allowed: a date or time such as 2026-03-01 or 2026-03-01T10:00`,
    );
  }
  return { near, reached: offset === undefined ? (instant) => localText(instant) >= local : ({ at }) => at >= near };
}
