/**
 * Extracts hex bytes from log lines that users paste: ESPHome (`[D][uart_debug:114]: <<< 7E:A0:27`), amsreader
 * (`(V) 7E A0 27`), Tasmota (`{"SerialReceived":"7EA027…"}`), candump, Wireshark and tshark dumps, socat -x, and any other
 * line with a run of hex bytes. The formats were observed in public reports; none of them is specified.
 */

/** `2026-11-22 12:00:05.123`, `2026/11/22 …`, `22.11.2026 …`, `12:00:05.123`, also in brackets; epoch time in parentheses. */
const TIMES =
  /(?<![0-9A-Fa-f:])\[?(?:\d{4}[-/.]\d\d[-/.]\d\d|\d\d\.\d\d\.\d{4})?[T ,]*[0-2]\d:[0-5]\d:[0-5]\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?(?=[\]\s)])\]?|\(\d{9,}\.\d+\)/g;
/** Prefix of `can0  123   [8]  7E A0` and `can0 123#7EA0`: the CAN ID and the byte count are not data. */
const CAN = /\b(?:v|sl)?can\d+\s+[0-9A-Fa-f]{3,8}(?:\s+\[\d+\]|#)\s*/;
/** Marks bytes sent to the meter: ESPHome's `>>>`. */
const SENT = />>>/;
/** At least four bytes with separators, or eight digits without separators. */
const RUN =
  /(?<![0-9A-Za-z])(?:(?:0x)?[0-9a-f]{2}(?:(?:, ?|[ :;-]{1,2})(?:0x)?[0-9a-f]{2}){3,}|(?:[0-9a-f]{2}){4,})(?![0-9a-z])/gi;
/** Any number of bytes, for lines whose prefix marks the rest as data. */
const FEW = /^(?:(?:0x)?[0-9a-f]{2}[ :,;-]{0,2})+$/i;
const MARK = /(?:<<<|\(V\)|can\d+\s+[0-9A-Fa-f]{3,8}(?:\s+\[\d+\]|#))\s*(.*?)\s*$/;
/** Wireshark and tshark: a four-digit offset, up to 16 bytes, then the text column. */
const PACKET_DUMP = /^\s*[0-9a-f]{4}\s{2,3}((?:[0-9a-f]{2}\s{1,2}){1,16})/i;
/** A line of a P1 telegram, which is not a log. */
const P1 = /^\s*(?:\/[A-Za-z]{3}\S|\d{1,3}-\d{1,3}:\d{1,3}\.\d|![0-9A-Fa-f]{0,4}\s*$)/;

/** Whether a line belongs to a P1 telegram, whose text is the meter's data itself. */
export function isP1Line(line: string): boolean {
  return P1.test(line);
}

/** The hex digits of the bytes in a log line, two per byte; empty if there are none. */
export function digitsInLogLine(line: string): string {
  if (SENT.test(line)) return "";
  const dump = PACKET_DUMP.exec(line)?.[1];
  if (dump !== undefined) return digits(dump);
  const marked = MARK.exec(line)?.[1];
  if (marked !== undefined && FEW.test(marked)) return digits(marked);
  const rest = line.replace(TIMES, " ").replace(CAN, " ");
  const runs = [...rest.matchAll(RUN)].map(([run]) => run);
  // One message per line: use the longest run, because a device address or number before it is shorter.
  return digits(runs.reduce((longest, run) => (run.length > longest.length ? run : longest), ""));
}

function digits(text: string): string {
  return text.replace(/0x|[^0-9a-f]/gi, "");
}
