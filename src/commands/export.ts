/** `kaifa2mqtt export`: the ledger as CSV, or as NDJSON with `--json`; works while the bridge runs. */
import { once } from "node:events";
import { formatDecimal } from "../codec/values/decimal.ts";
import { type Interval, STEPS, type Step, stepsOf } from "../ledger/intervals.ts";
import { formatLocal } from "../ledger/local-time.ts";
import type { CommandContext } from "./command.ts";
import { openLedger, parseLimit } from "./ledger-access.ts";

const DAY_MS = 86_400_000;
/** Rows per write. */
const BATCH = 500;

/** Exit code 1 if there is no ledger to read. */
export async function command(context: CommandContext): Promise<number> {
  const { options, stdout, stderr } = context;
  const from = parseLimit(options.from, "--from");
  const to = parseLimit(options.to, "--to");
  const step = STEPS.find((name) => name === options.step) ?? "quarter";
  const ledger = await openLedger(context);
  if (typeof ledger === "string") {
    stderr.write(`error: ${ledger}\n`);
    return 1;
  }
  const span = {
    from: from === undefined ? undefined : from.near - DAY_MS,
    to: to === undefined ? undefined : to.near + DAY_MS,
  };
  const points = await ledger.reader.points(ledger.meter, span);
  const rows = stepsOf(points, step satisfies Step, { from: from?.reached, to: to?.reached });
  const format = options.json === true ? toJson : toCsv;
  let text = options.json === true ? "" : "start,end,energy_import_kwh,energy_export_kwh,mark\n";
  for (const [index, row] of rows.entries()) {
    text += format(row);
    if (index % BATCH !== BATCH - 1) continue;
    if (!stdout.write(text)) await once(stdout, "drain");
    text = "";
  }
  stdout.write(text);
  return 0;
}

function toCsv({ start, end, energy, mark }: Interval): string {
  const kilowattHours = (key: string): string => {
    const wattHours = energy[key];
    return wattHours === undefined ? "" : formatDecimal({ coefficient: wattHours, exponent: -3 });
  };
  return `${formatLocal(start)},${formatLocal(end)},${kilowattHours("energy_import")},${kilowattHours("energy_export")},${mark}\n`;
}

function toJson({ start, end, energy, mark }: Interval): string {
  const row = {
    start: formatLocal(start),
    end: formatLocal(end),
    energy_import_wh: energy.energy_import ?? null,
    energy_export_wh: energy.energy_export ?? null,
    mark,
  };
  return `${JSON.stringify(row)}\n`;
}
