/** `kaifa2mqtt compare FILE`: compares a CSV of the grid operator's portal with the ledger, quarter by quarter. */
import { readFile, stat } from "node:fs/promises";
import { resolve } from "node:path";
import { formatLocal, type ZoneOffset, zoneOffset } from "../ledger/local-time.ts";
import { type ComparedQuarter, type Comparison, compare } from "../portal/comparison.ts";
import { PortalError } from "../portal/portal-error.ts";
import { type PortalFile, readPortalFile } from "../portal/portal-file.ts";
import { type CommandContext, UsageError } from "./command.ts";
import { openLedger } from "./ledger-access.ts";

/** Two years of quarters take about 5 MB. */
const LARGEST_BYTES = 64 * 1024 * 1024;
const DAY_MS = 86_400_000;
const QUARTER_MS = 900_000;
/** The portals' time zone, used if neither the configuration nor the system sets one (containers). */
const PORTAL_ZONE = "Europe/Vienna";

/** Exit code 1 if a quarter differs by more than the tolerance, or nothing can be compared. */
export async function command(context: CommandContext): Promise<number> {
  const { args, cwd, options, stdout, stderr } = context;
  const tolerance = toleranceOf(options.tolerance);
  const name = args[0] ?? "";
  const ledger = await openLedger(context);
  if (typeof ledger === "string") {
    stderr.write(`error: ${ledger}\n`);
    return 1;
  }
  const zoneName = ledger.config.time_zone ?? systemZone();
  const zone = zoneOffset(zoneName);
  let file: PortalFile;
  try {
    const path = resolve(cwd, name);
    if ((await stat(path)).size > LARGEST_BYTES) throw new PortalError("the file is larger than 64 MB");
    file = readPortalFile(await readFile(path), zone);
  } catch (error) {
    const { syscall, code } = error as NodeJS.ErrnoException;
    if (!(error instanceof PortalError) && syscall === undefined) throw error;
    stderr.write(`error: ${name}: ${error instanceof PortalError ? error.message : `cannot be read (${code})`}\n`);
    return 1;
  }
  const starts = file.readings.flatMap(({ quarters }) => [quarters[0]?.start ?? 0, quarters.at(-1)?.start ?? 0]);
  const span = { from: Math.min(...starts) - 31 * DAY_MS, to: Math.max(...starts) + DAY_MS };
  const result = compare(file, await ledger.reader.intervals(ledger.meter, span), tolerance);
  stdout.write(
    options.json === true ? jsonReport(file, result, zone) : textReport(name, file, result, zone, zoneName, tolerance),
  );
  if (result.compared === 0) stderr.write("error: the ledger has no quarter of this file\n");
  return result.differing > 0 || result.compared === 0 ? 1 : 0;
}

function toleranceOf(value: unknown): number {
  if (value === undefined) return 1;
  const tolerance = Number(value);
  if (Number.isFinite(tolerance) && tolerance >= 0 && String(value).trim() !== "") return tolerance;
  throw new UsageError(`--tolerance: found '${String(value)}'; allowed: a number of Wh such as 1`);
}

function systemZone(): string {
  const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
  return /^(?:Etc\/)?(?:UTC|GMT)$/.test(timeZone) ? PORTAL_ZONE : timeZone;
}

function jsonReport(file: PortalFile, { reading, quarters, ...totals }: Comparison, zone: ZoneOffset): string {
  const report = {
    file: {
      encoding: file.encoding,
      separator: file.separator,
      decimal: file.decimal,
      columns: file.headings,
      zone: reading.zone,
      times_name: reading.names,
    },
    quarters: quarters.map(({ start, register, portal, ledger, difference, mark }) => ({
      start: time(start, zone),
      end: time(start + QUARTER_MS, zone),
      register,
      portal_wh: portal,
      ledger_wh: ledger,
      difference_wh: difference,
      mark,
    })),
    compared: totals.compared,
    differing: totals.differing,
    gaps: gapsOf(quarters).length,
    sum: { portal_wh: totals.portal, ledger_wh: totals.ledger, difference_wh: round(totals.ledger - totals.portal) },
  };
  return `${JSON.stringify(report)}\n`;
}

function textReport(
  name: string,
  file: PortalFile,
  result: Comparison,
  zone: ZoneOffset,
  zoneName: string,
  tolerance: number,
): string {
  const { reading, quarters, compared, differing, portal, ledger } = result;
  const separator = file.separator === "\t" ? "tab" : file.separator;
  const columns = Object.entries(file.headings).map(([register, heading]) => `${register} from '${heading}'`);
  const where = reading.zone === "local time" ? `local time (${zoneName})` : reading.zone;
  const lines = [
    `${name}: ${file.encoding}, separator ${separator}, decimal sign ${file.decimal}, ${columns.join(", ")}`,
    `times: ${where}, the ${reading.names} of each quarter`,
  ];
  const differs = quarters.filter(({ difference }) => difference !== null && Math.abs(difference) > tolerance);
  if (differs.length > 0)
    lines.push("", "start                      register          portal Wh     ours Wh  difference Wh");
  for (const { start, register, portal: theirs, ledger: ours, difference } of differs) {
    const cells = [theirs, ours].map((value) => String(value).padStart(11));
    const sign = (difference ?? 0) > 0 ? "+" : "";
    lines.push(
      `${time(start, zone)}  ${register.padEnd(14)}  ${cells.join(" ")}  ${`${sign}${difference}`.padStart(13)}`,
    );
  }
  const gaps = gapsOf(quarters);
  if (gaps.length > 0) lines.push("");
  for (const { from, to, mark, register, portal: theirs } of gaps) {
    lines.push(
      `${WORDS[mark]}: ${time(from, zone)} to ${time(to, zone)}, ${register}${mark === "not-in-file" ? "" : `, portal ${theirs} Wh`}`,
    );
  }
  lines.push(
    "",
    `${compared} quarters compared, ${differing} differ by more than ${tolerance} Wh`,
    `sum: portal ${portal} Wh, ours ${ledger} Wh, difference ${round(ledger - portal)} Wh`,
    "",
  );
  return lines.join("\n");
}

const WORDS = {
  gap: "gap in the ledger",
  reset: "register was reset",
  missing: "not in the ledger",
  "not-in-file": "not in the file",
} as const;

interface Gap {
  readonly from: number;
  to: number;
  readonly mark: keyof typeof WORDS;
  readonly register: string;
  portal: number;
}

/** Joins neighbouring quarters that could not be compared. */
function gapsOf(quarters: readonly ComparedQuarter[]): Gap[] {
  const gaps: Gap[] = [];
  for (const { start, register, mark, portal } of quarters) {
    if (mark === "") continue;
    let open = gaps.findLast((gap) => gap.register === register);
    if (open === undefined || open.mark !== mark || open.to !== start) {
      open = { from: start, to: start, mark, register, portal: 0 };
      gaps.push(open);
    }
    open.to = start + QUARTER_MS;
    open.portal = round(open.portal + (portal ?? 0));
  }
  return gaps;
}

function time(at: number, zone: ZoneOffset): string {
  return formatLocal({ at, offset: zone(at) });
}

function round(wattHours: number): number {
  return Math.round(wattHours * 1000) / 1000;
}
