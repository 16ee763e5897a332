import { describe, expect, it } from "vitest";
import { CaptureReader } from "../../src/sources/capture-stream.ts";
import { loadFixture } from "../helpers/fixtures.ts";

const { wire } = loadFixture("kaifa-netz-noe");
const digits = Buffer.from(wire).toString("hex");
const pairs = digits.match(/../g) ?? [];

/** Reads a capture in pieces of a given size. */
function readCapture(bytes: Uint8Array, size = bytes.length) {
  const reader = new CaptureReader();
  const parts: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += size) parts.push(reader.push(bytes.subarray(at, at + size)));
  parts.push(reader.end());
  return { bytes: Buffer.concat(parts), kind: reader.kind, problems: reader.takeProblems() };
}

const text = (content: string) => new Uint8Array(Buffer.from(content));

function dump(offsetDigits: number, colon: string, readable: (row: string[]) => string): string {
  const rows: string[] = [];
  for (let at = 0; at < pairs.length; at += 16) {
    const row = pairs.slice(at, at + 16);
    rows.push(`${at.toString(16).padStart(offsetDigits, "0")}${colon}${readable(row)}`);
  }
  return `${rows.join("\n")}\n`;
}

const FORMS: [string, string][] = [
  ["plain digits", digits],
  ["upper case in lines of odd length", (digits.toUpperCase().match(/.{1,37}/g) ?? []).join("\n")],
  ["blanks and Windows line ends", (pairs.join(" ").match(/.{1,48}/g) ?? []).join("\r\n")],
  ["comments", `# Kaifa MA309, Netz NÖ – köy\n${digits} # the end\n\n# 68 FA\n`],
  ["colons", pairs.join(":")],
  ["0x and commas, as in C", pairs.map((pair) => `0x${pair}`).join(", ")],
  ["a byte order mark", `\uFEFF${digits}`],
  [
    "times at the beginning of lines",
    `2026-11-22T12:00:05.123Z ${digits.slice(0, 200)}\n[12:00:06] ${digits.slice(200)}\n`,
  ],
  ["xxd", dump(8, ": ", (row) => `${(row.join("").match(/.{1,4}/g) ?? []).join(" ").padEnd(39)}  h..hS...g.KFMg#6`)],
  ["od -A x -t x1", dump(6, " ", (row) => row.join(" "))],
  ["od -t x1", `${dump(7, " ", (row) => row.join(" "))}`],
  [
    "hexdump -C",
    `${dump(8, "  ", (row) => `${row.slice(0, 8).join(" ")}  ${row.slice(8).join(" ")} |h..hS|`)}0000017c\n`,
  ],
];

describe("hex text", () => {
  it.each(FORMS)("as %s", (_, content) => {
    for (const size of [1, 7, 100_000]) {
      const read = readCapture(text(content), size);
      expect(read.kind).toBe("hex");
      expect(read.problems).toEqual([]);
      expect(read.bytes.toString("hex")).toBe(digits);
    }
  });

  it("three bytes with colons are not a time, unless the following bytes have none", () => {
    expect(readCapture(text("12:34:56 78:90\n")).bytes.toString("hex")).toBe("1234567890");
    expect(readCapture(text("12:34:56 78 90\n")).bytes.toString("hex")).toBe("7890");
    expect(readCapture(text("12:34:56\n")).bytes.toString("hex")).toBe("123456");
    expect(readCapture(text("99:34:56 78 90\n")).bytes.toString("hex")).toBe("9934567890");
  });

  it("a long one without line endings is read in pieces", () => {
    const long = digits.repeat(1_000);
    for (const size of [999, 65_536]) expect(readCapture(text(long), size).bytes.toString("hex")).toBe(long);
    const prefixed = pairs
      .map((pair) => `0x${pair}`)
      .join("")
      .repeat(300);
    expect(readCapture(text(prefixed), 1_001).bytes.toString("hex")).toBe(digits.repeat(300));
  });

  it("an invalid line is reported with its number, and the rest is read", () => {
    const lines = [...Array(40).fill(digits), "received: 68 FA", digits];
    const read = readCapture(text(lines.join("\n")), 1_000);
    expect(read.problems).toEqual([{ line: 41, offset: 40 * wire.length }]);
    expect(read.bytes.length).toBe(41 * wire.length);
  });
});

const WORDS = (() => {
  const rows: string[] = [];
  for (let at = 0; at < pairs.length; at += 16) {
    const words = (
      pairs
        .slice(at, at + 16)
        .join("")
        .match(/.{1,4}/g) ?? []
    ).map((word) => (word.length === 4 ? word.slice(2) + word.slice(0, 2) : `00${word}`));
    rows.push(`${at.toString(16).padStart(7, "0")} ${words.join(" ")}`);
  }
  return `${rows.join("\n")}\n${pairs.length.toString(16).padStart(7, "0")}\n`;
})();

it("the words of hexdump without -C are byte-swapped; the last may add a 00", () => {
  const read = readCapture(text(WORDS));
  expect(read.kind).toBe("hex");
  expect(read.bytes.toString("hex").slice(0, digits.length)).toBe(digits);
  expect(read.bytes.length - wire.length).toBeLessThan(2);
});

/** The telegram in lines of a given number of bytes, in the log's format. */
const logged = (bytes: number, line: (row: string[], index: number) => string): string =>
  Array.from({ length: Math.ceil(pairs.length / bytes) }, (_, index) =>
    line(pairs.slice(index * bytes, (index + 1) * bytes), index),
  ).join("\n");
const upper = (row: string[], separator: string) => row.join(separator).toUpperCase();

const LOGS: [string, string][] = [
  [
    "ESPHome's uart_debug",
    `[21:14:10][C][uart.arduino_esp8266:118]:   Baud Rate: 2400 baud\n[21:14:11][D][uart_debug:114]: >>> 10:40:F0:30:16\n${logged(150, (row) => `[21:14:11][D][uart_debug:114]: <<< ${upper(row, ":")}`)}\n`,
  ],
  [
    "ESPHome with milliseconds and a last line of one byte",
    logged(pairs.length - 1, (row) => `[21:14:11.123][D][uart_debug:158]: <<< ${upper(row, ":")}`),
  ],
  ["amsreader", logged(32, (row, index) => `${index === 0 ? "[  123456] (V) " : "(V) "}${upper(row, " ")}`)],
  ["Tasmota's SerialReceived", `13:03:11.222 MQT: tele/meter/RESULT = {"SerialReceived":"${digits.toUpperCase()}"}\n`],
  ["Tasmota's dump", logged(20, (row) => `13:03:11.222 : ${row.join(" ")}`)],
  ["candump", logged(8, (row) => ` (1637588400.123456)  can0  123   [${row.length}]  ${upper(row, " ")}`)],
  ["candump -L", logged(8, (row) => `(1637588400.123456) can0 123#${upper(row, "")}`)],
  [
    "Wireshark",
    logged(
      16,
      (row, index) => `${(index * 16).toString(16).padStart(4, "0")}   ${row.join(" ").padEnd(47)}   h..hS. ab 68 fa`,
    ),
  ],
  [
    "tshark -x",
    logged(16, (row, index) => `${(index * 16).toString(16).padStart(4, "0")}  ${row.join(" ").padEnd(47)}  h..hab.`),
  ],
  [
    "socat -x",
    logged(
      64,
      (row) => `> 2021/11/22 21:14:11.000123456  length=${row.length} from=0 to=${row.length - 1}\n ${row.join(" ")}`,
    ),
  ],
  ["a program's own log", `2021-11-22 21:14:11,123 - DEBUG - reader: received ${wire.length} bytes: ${digits}\n`],
  ["Python's list of bytes", `INFO:root:[${pairs.map((pair) => `0x${pair}`).join(", ")}]\n`],
];

describe("a log with bytes in its lines", () => {
  it.each(LOGS)("as %s", (_, content) => {
    for (const size of [1, 7, 100_000]) {
      const read = readCapture(text(content), size);
      expect(read.kind).not.toBe("binary");
      expect(read.problems).toEqual([]);
      expect(read.bytes.toString("hex")).toBe(digits);
    }
  });

  it("without bytes is not a log", () => {
    const content = "[21:14:11][I][app:102]: ESPHome version 2026.10.1 compiled on Nov 22 2026, 21:00:00\n";
    expect(readCapture(text(content)).kind).toBe("binary");
  });
});

describe("binary", () => {
  it.each([1, 16, 10_000])("is passed on unchanged, in pieces of %d", (size) => {
    const read = readCapture(wire, size);
    expect(read.kind).toBe("binary");
    expect(read.bytes).toEqual(Buffer.from(wire));
  });

  it.each([
    ["a P1 telegram", "/KFM5KAIFA-METER\r\n\r\n1-0:1.8.0(000123.456*kWh)\r\n!1A2B\r\n"],
    [
      "a P1 telegram that begins with the checksum of the last",
      `1A2B\r\n/KFM5KAIFA-METER\r\n1-0:1.8.0(000123.456*kWh)\r\n`,
    ],
    ["nothing", ""],
    ["blanks", "  \n"],
  ])("%s is no hex text", (_, content) => {
    const read = readCapture(text(content), 3);
    expect(read.kind).toBe("binary");
    expect(read.bytes.toString()).toBe(content);
  });

  it("is detected at the first non-text byte, so that a live stream is not delayed", () => {
    const reader = new CaptureReader();
    expect(reader.push(new Uint8Array([0x68, 0xfa, 0xfa, 0x68, 0x53, 0xff, 0x00])).length).toBe(7);
  });
});
