/** Combines the results of listening at several line settings into one diagnosis. */
import { formatLine } from "../diagnosis/diagnosis.ts";
import type { Diagnosis } from "../diagnosis/diagnosis-code.ts";
import type { LineSettings } from "../sources/source.ts";
import type { Hearing } from "./doctor-listen.ts";

/** Without a telegram, the first of these that occurred at any setting is the diagnosis. */
const PRECEDENCE = ["wrong-parity", "checksum", "no-content", "noise", "silence", "starting"];

/**
 * @param hearings at least one, in the order in which the settings were tried
 * @param isConfigured whether the bridge would run with `configured`, so that any other setting is a fault
 * @param configured the settings of the configuration, or those that the bridge tries by default
 * @throws Error without a hearing
 */
export function conclude(
  hearings: readonly Hearing[],
  isConfigured: boolean,
  configured: readonly LineSettings[],
): Diagnosis {
  const last = hearings.at(-1);
  if (last === undefined) throw new Error("nothing was tried");
  const rank = ({ diagnosis }: Hearing) => PRECEDENCE.indexOf(diagnosis.code);
  if (last.telegram === null && rank(last) >= 0) {
    return [...hearings].sort((a, b) => rank(a) - rank(b))[0]?.diagnosis ?? last.diagnosis;
  }
  if (last.line === null || last.telegram === null) return last.diagnosis;
  const right = formatLine(last.line);
  if (configured.some((line) => formatLine(line) === right)) return last.diagnosis;
  const { baudRate, parity } = last.line;
  const isBaudRate = configured[0]?.baudRate !== baudRate;
  const isOptional = !isBaudRate && parity !== "odd";
  const cure = {
    en: `Set ${isBaudRate ? `baud_rate: ${baudRate} and ` : ""}parity: ${parity}${isOptional ? ", or leave parity out" : ""}.`,
    de: `${isBaudRate ? `baud_rate: ${baudRate} und ` : ""}parity: ${parity} setzen${isOptional ? " oder parity weglassen" : ""}.`,
  };
  if (!isConfigured) return { ...last.diagnosis, cure };
  const wrong = configured.map(formatLine);
  const text = {
    en: `Telegrams arrive at ${right}, but the configuration says ${wrong.join(" or ")}: the ${isBaudRate ? "baud rate" : "parity"} is wrong.`,
    de: `Telegramme kommen mit ${right}, die Konfiguration sagt aber ${wrong.join(" oder ")}: die ${isBaudRate ? "Baudrate" : "Parität"} stimmt nicht.`,
  };
  return { code: isBaudRate ? "noise" : "wrong-parity", text, cure };
}
