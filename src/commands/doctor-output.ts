/** Formats the result of `doctor`: lines for people, or an object for programs. */

import { quantityOf, shiftOf } from "../catalogue/quantities.ts";
import type { Register } from "../codec/telegram.ts";
import { formatDecimal } from "../codec/values/decimal.ts";
import { formatLine, formatSystemTitle } from "../diagnosis/diagnosis.ts";
import type { Diagnosis } from "../diagnosis/diagnosis-code.ts";
import { sourceKind } from "../diagnosis/observer.ts";
import type { SerialDevice } from "../sources/serial-devices.ts";
import { type BrokerReport, brokerLines, isBrokerWell } from "./doctor-broker.ts";
import type { Hearing } from "./doctor-listen.ts";

/** Devices listed before "and n more". */
const MAX_DEVICES = 4;
/** Values of a reading to show, in this order. */
const SHOWN = ["1.8.0", "2.8.0", "1.7.0", "2.7.0", "32.7.0", "52.7.0", "72.7.0"];

/** The result of `doctor`. */
export interface Finding {
  readonly diagnosis: Diagnosis;
  readonly port: string | null;
  readonly hearings: readonly Hearing[];
  readonly devices: readonly SerialDevice[];
  /** Other programs that have the port open. */
  readonly users: readonly string[];
  readonly broker: BrokerReport | null;
}

/** Whether neither the line nor the broker has a problem. */
export const isWell = ({ diagnosis, broker }: Finding): boolean => diagnosis.code === "ok" && isBrokerWell(broker);

/** The report, a line each. */
export function forPeople({ diagnosis, port, hearings, devices, users, broker }: Finding): string[] {
  const lines: string[] = [];
  if (port !== null) lines.push(`port     ${port}`);
  const last = hearings.at(-1);
  if (last?.telegram || hearings.some(({ listenedMs }) => listenedMs > 300)) lines.push(`heard    ${heard(hearings)}`);
  lines.push(`means    ${diagnosis.text.en}`);
  if (diagnosis.cure.en !== "") lines.push(`do       ${diagnosis.cure.en}`);
  // Two readers each get only part of the bytes, even if one holds a lock.
  if (users.length > 0 && diagnosis.code !== "ok")
    lines.push(`open in  ${users.slice(0, 3).join(", ")}, too: only one can read`);
  if (last?.telegram) lines.push(`reading  ${readingText(last)}`);
  lines.push(...brokerLines(broker));
  // For a network port the local devices are irrelevant.
  if (port === null || sourceKind(port) === "serial") lines.push(...deviceLines(devices));
  const template = templateOf(diagnosis, hearings);
  if (template !== "")
    lines.push("", "For the configuration, to be completed (docs/lists.md); its comments are guesses:", "", template);
  return lines;
}

/** The template of an unknown list, if that is the diagnosis. */
function templateOf(diagnosis: Diagnosis, hearings: readonly Hearing[]): string {
  return diagnosis.code === "unsupported" ? (hearings.at(-1)?.template ?? "") : "";
}

function heard(hearings: readonly Hearing[]): string {
  const seconds = Math.round(hearings.reduce((sum, { listenedMs }) => sum + listenedMs, 0) / 1000);
  const last = hearings.at(-1);
  const at = hearings.flatMap(({ line }) => (line === null ? [] : [formatLine(line)]));
  if (last?.telegram) {
    const title = last.telegram.systemTitle === null ? "" : ` of ${formatSystemTitle(last.telegram.systemTitle)}`;
    const where = last.line === null ? "" : ` at ${formatLine(last.line)}`;
    return `a telegram${title} (${last.telegram.transport}, ${last.telegram.security}) after ${seconds} s${where}`;
  }
  const bytes = hearings.reduce((sum, hearing) => sum + hearing.bytes, 0);
  const tried = at.length === 0 ? "" : `, tried ${at.join(", ")}`;
  if (bytes === 0) return `nothing in ${seconds} s${tried}`;
  const loudest = [...hearings].sort((a, b) => b.bytes - a.bytes)[0];
  const faults = Object.entries(last?.faults ?? {}).map(([code, count]) => `${count} × ${code}`);
  const tail = Buffer.from(loudest?.tail ?? [])
    .toString("hex")
    .replace(/..(?=.)/g, "$& ");
  return `${bytes} bytes in ${seconds} s${tried}; ${faults.length > 0 ? faults.join(", ") : `ends ${tail}`}`;
}

function readingText({ telegram }: Hearing): string {
  const values = SHOWN.flatMap((code) => {
    const register = telegram?.registers.find(({ obis }) => quantityOf(obis)?.code === code);
    return register === undefined ? [] : [valueText(code, register)];
  });
  const time = telegram?.meterTime === null ? "" : `${telegram?.meterTime}: `;
  return `${time}${values.length > 0 ? values.join(", ") : `${telegram?.registers.length ?? 0} registers`}`;
}

/** `import 12.937 kWh`; in the telegram's unit if it differs from the quantity's. */
function valueText(code: string, { obis, value, unit }: Register): string {
  const quantity = quantityOf(obis);
  const phase = { "32.7.0": "L1", "52.7.0": "L2", "72.7.0": "L3" }[code];
  const name = phase ?? { "1.8.0": "import", "2.8.0": "export", "1.7.0": "drawing", "2.7.0": "feeding" }[code];
  if (typeof value === "string") return `${name} ${value}`;
  const shift = quantity === null ? null : shiftOf(quantity, unit);
  const [digits, shown] = shift === null ? [formatDecimal(value), unit] : [formatDecimal(value, shift), quantity?.unit];
  return `${name} ${digits}${shown ? ` ${shown}` : ""}`;
}

function deviceLines(devices: readonly SerialDevice[]): string[] {
  if (devices.length === 0) return ["devices  none"];
  const lines = devices.slice(0, MAX_DEVICES).map(({ path, byId, chip, likely }) => {
    const about = [chip, likely ? "looks like an M-Bus adapter" : null].filter((part) => part !== null).join(", ");
    return `devices  ${byId === null ? path : `${byId} -> ${path}`}${about === "" ? "" : ` (${about})`}`;
  });
  if (devices.length > MAX_DEVICES) lines.push(`devices  and ${devices.length - MAX_DEVICES} more`);
  return lines;
}

/** The `--json` output; contains no secrets. */
export function forPrograms(finding: Finding): object {
  const { diagnosis, port, hearings, devices, users, broker } = finding;
  const telegram = hearings.at(-1)?.telegram ?? null;
  return {
    ok: isWell(finding),
    code: diagnosis.code,
    text: diagnosis.text.en,
    cure: diagnosis.cure.en,
    port,
    heard: hearings.map(({ line, listenedMs, bytes, faults, systemTitle }) => ({
      line: line === null ? null : formatLine(line),
      seconds: Math.round(listenedMs / 100) / 10,
      bytes,
      faults,
      systemTitle,
    })),
    template: templateOf(diagnosis, hearings) || null,
    reading:
      telegram === null
        ? null
        : {
            transport: telegram.transport,
            systemTitle: telegram.systemTitle,
            security: telegram.security,
            meterTime: telegram.meterTime,
            meterId: telegram.meterId,
            values: telegram.registers.map(({ obis, value, unit }) => ({
              obis,
              value: typeof value === "string" ? value : Number(formatDecimal(value)),
              unit,
            })),
          },
    broker: broker === null ? null : broker.findings,
    openIn: users,
    devices,
  };
}
