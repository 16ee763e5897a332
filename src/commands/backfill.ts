/** `kaifa2mqtt backfill`: lists hours in the ledger that Home Assistant's energy statistics lack; `--apply` writes them. */
import { join } from "node:path";
import { accessOf } from "../backfill/access.ts";
import { type MissingHour, reasonText, runBackfill } from "../backfill/backfill.ts";
import { HOUR_MS } from "../backfill/plan.ts";
import { WrittenHours } from "../backfill/written-hours.ts";
import { ledgerFolder } from "../ledger/ledger-files.ts";
import { LedgerReader } from "../ledger/ledger-reader.ts";
import { formatLocal, type ZoneOffset, zoneOffset } from "../ledger/local-time.ts";
import { undoText } from "./backfill-undo.ts";
import type { CommandContext } from "./command.ts";
import { parseLimit, type TimeLimit } from "./ledger-access.ts";
import { readSettings } from "./settings.ts";

/** Exit code 1 if hours remain that cannot be filled, or Home Assistant cannot be reached. */
export async function command(context: CommandContext): Promise<number> {
  const { options, env, stdout, stderr, signal } = context;
  const limits = { from: parseLimit(options.from, "--from"), to: parseLimit(options.to, "--to") };
  // Needs neither port nor broker.
  const { config } = await readSettings(context, [
    { path: ["meters", 0, "port"], value: "file:ledger", flag: "ledger" },
  ]);
  const fail = (message: string): number => {
    stderr.write(`error: ${message}\n`);
    return 1;
  };
  const reader = new LedgerReader(config.data_dir);
  const known = await reader.meters();
  const meters = typeof options.meter === "string" ? known.filter((meter) => meter === options.meter) : known;
  if (meters.length === 0) {
    return fail(
      known.length === 0
        ? `there is no ledger in ${config.data_dir} yet: it begins with the bridge's first telegrams (or is data_dir another folder?)`
        : `there is no ledger of a meter '${String(options.meter)}'; there are ${known.join(", ")}`,
    );
  }
  const zone = zoneOffset(config.time_zone);
  if (options.undo === true) {
    for (const meter of meters) {
      const rows = await new WrittenHours(join(ledgerFolder(config.data_dir), meter)).read();
      const within = rows.filter(({ start }) => isIn(limits, zone, start));
      stdout.write(
        options.json === true ? `${JSON.stringify({ meter, written: within })}\n` : undoText(meter, within, zone),
      );
    }
    return 0;
  }
  const access = accessOf(config.homeassistant, env.SUPERVISOR_TOKEN);
  if (typeof access === "string") return fail(access);
  context.hide(access.token);
  const apply = options.apply === true;
  const { HomeAssistant } = await import("../backfill/home-assistant.ts");
  try {
    const homeAssistant = await HomeAssistant.connect(access, signal);
    try {
      const found: (MissingHour & { meter: string })[] = [];
      const entities: string[] = [];
      for (const meter of meters) {
        const result = await runBackfill({
          homeAssistant,
          reader,
          dataDir: config.data_dir,
          meter,
          apply,
          now: Date.now(),
          isAfterFrom: (start) => limits.from?.reached({ at: start, offset: zone(start) }) ?? true,
          isBeforeTo: (start) => !(limits.to?.reached({ at: start, offset: zone(start) }) ?? false),
        });
        found.push(...result.hours.map((hour) => ({ ...hour, meter })));
        entities.push(...result.entities);
      }
      const report = options.json === true ? jsonReport : textReport;
      stdout.write(report(found, entities, apply, zone));
      if (entities.length === 0) {
        return fail(
          `Home Assistant has no energy statistics of ${meters.join(", ")} (entities of its MQTT integration)`,
        );
      }
      return found.some(({ row }) => row === null) ? 1 : 0;
    } finally {
      homeAssistant.close();
    }
  } catch (error) {
    if (!(error instanceof Error) || (error.name !== "HomeAssistantError" && error.name !== "Error")) throw error;
    return fail(error.message);
  }
}

type Limits = Readonly<Record<"from" | "to", TimeLimit | undefined>>;

function isIn({ from, to }: Limits, zone: ZoneOffset, at: number): boolean {
  const instant = { at, offset: zone(at) };
  return (from?.reached(instant) ?? true) && !(to?.reached(instant) ?? false);
}

type Found = readonly (MissingHour & { readonly meter: string })[];

function jsonReport(hours: Found, entities: readonly string[], apply: boolean, zone: ZoneOffset): string {
  const report = {
    applied: apply,
    entities,
    hours: hours.map(({ meter, entity, key, unit, start, row, change, reason }) => ({
      entity,
      meter,
      key,
      start: time(start, zone),
      end: time(start + HOUR_MS, zone),
      // List only hours without a row.
      present: null,
      state: row?.state ?? null,
      sum: row?.sum ?? null,
      change,
      unit,
      reason,
      why: reason === null ? WHY : reasonText(reason),
    })),
    written: apply ? fillable(hours) : 0,
    to_write: apply ? 0 : fillable(hours),
    left: hours.length - fillable(hours),
  };
  return `${JSON.stringify(report)}\n`;
}

const WHY = "no row; the ledger has all four quarters, and the rows around the hole agree with it";

function textReport(hours: Found, entities: readonly string[], apply: boolean, zone: ZoneOffset): string {
  const lines: string[] = [];
  const width = Math.max(6, ...hours.map(({ entity }) => entity.length));
  if (hours.length > 0) {
    const verb = apply ? "written" : "would be written";
    lines.push(`${"entity".padEnd(width)}  ${"hour".padEnd(25)}  there   ${verb} (state, sum)         why`);
  }
  for (const { entity, start, row, change, unit, reason } of hours) {
    const values = row === null ? "nothing" : `${row.state} ${row.sum} ${unit} (+${change})`;
    const why = reason === null ? "missing" : reasonText(reason);
    lines.push(`${entity.padEnd(width)}  ${time(start, zone)}  no row  ${values.padEnd(36)}  ${why}`);
  }
  if (lines.length > 0) lines.push("");
  const [write, left] = [fillable(hours), hours.length - fillable(hours)];
  if (hours.length === 0) lines.push(`nothing is missing in ${entities.length} statistics`);
  else if (apply) lines.push(`${count(write)} written, ${left} left as they are`);
  else
    lines.push(
      `${count(write)} can be filled, ${left} cannot${write === 0 ? "" : "; nothing is written without --apply"}`,
    );
  return `${lines.join("\n")}\n`;
}

function fillable(hours: Found): number {
  return hours.filter(({ row }) => row !== null).length;
}

function count(hours: number): string {
  return `${hours} ${hours === 1 ? "hour" : "hours"}`;
}

function time(at: number, zone: ZoneOffset): string {
  return formatLocal({ at, offset: zone(at) });
}
