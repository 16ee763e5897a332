import { describe, expect, it } from "vitest";
import { crcP1 } from "../../../src/codec/link/p1-check.ts";
import { parseP1 } from "../../../src/codec/link/p1-content.ts";
import { encodeP1, scanP1Telegram } from "../../../src/codec/link/p1-telegram.ts";
import { formatDecimal } from "../../../src/codec/values/decimal.ts";
import { loadFixture, summarize } from "../../helpers/fixtures.ts";
import { randomBytes, seededRandom } from "../../helpers/random.ts";
import { decodePieces, splits } from "../../helpers/splits.ts";

const LINES = ["0-0:1.0.0(251125105643W)", "0-0:96.1.0(33303033)", "1-0:1.8.0(000336.420*kWh)", "1-0:1.7.0(00.132*kW)"];

/** Code and value of a single line. */
function read(line: string): unknown[] {
  const { registers } = parseP1(`/KFM5KAIFA-METER\r\n\r\n${line}\r\n`);
  return registers.map(({ obis, value, unit }) => [
    obis,
    typeof value === "string" ? value : formatDecimal(value),
    unit,
  ]);
}

it("the checksum is CRC-16/ARC", () => {
  expect(crcP1(Buffer.from("123456789"))).toBe(0xbb3d); // catalogue of parametrised CRC algorithms
});

describe("a P1 telegram", () => {
  it("gives the same however it is split", () => {
    const wire = encodeP1("/KFM5KAIFA-METER", LINES);
    const whole = summarize(decodePieces([wire], {}));
    expect(whole).toMatchObject([{ transport: "p1", meterId: "3003", meterTime: "2025-11-25T10:56:43+01:00" }]);
    for (const { how, pieces } of splits(wire)) expect(summarize(decodePieces(pieces, {})), how).toEqual(whole);
  });

  it("is complete at its last line end, not before", () => {
    const wire = encodeP1("/KFM5KAIFA-METER", LINES);
    for (let end = 1; end < wire.length; end++) {
      const scan = scanP1Telegram(wire, 0, end, false);
      if (scan.kind !== "more") throw new Error(`${scan.kind} after ${end} bytes`);
      expect(scan.bytes).toBeGreaterThan(end);
      expect(scan.bytes).toBeLessThanOrEqual(wire.length);
    }
    expect(scanP1Telegram(wire, 0, wire.length, false)).toMatchObject({ kind: "frame", length: wire.length });
  });

  it("passes its checksum even if a text file changed its line ends", () => {
    const text = Buffer.from(encodeP1("/KFM5KAIFA-METER", LINES)).toString("latin1").replaceAll("\r\n", "\n");
    expect(summarize(decodePieces([Buffer.from(text, "latin1")], {}))).toMatchObject([{ transport: "p1" }]);
  });

  it("is found after the ciphertext of another one", () => {
    const sealed = loadFixture("sagemcom-t210dr-no-key");
    const wire = Buffer.concat([sealed.wire, encodeP1("/KFM5KAIFA-METER", LINES)]);
    expect(summarize(decodePieces([wire], {}))).toMatchObject([{ error: "key-missing" }, { transport: "p1" }]);
  });

  it("is never detected in noise", () => {
    const noise = randomBytes(seededRandom(3), 400_000);
    for (let at = noise.indexOf(0x2f); at >= 0; at = noise.indexOf(0x2f, at + 1)) {
      expect(scanP1Telegram(noise, at, noise.length, true).kind).toBe("no");
    }
  });
});

describe("a line of a P1 telegram", () => {
  it.each([
    ["1-0:1.8.0(000336.420*kWh)", [["1-0:1.8.0*255", "336.420", "kWh"]]],
    ["1-0:1.8.0(009699947*Wh)", [["1-0:1.8.0*255", "9699947", "Wh"]]],
    ["1-0:1.8.0*255(00052185.7825309*kWh)", [["1-0:1.8.0*255", "52185.7825309", "kWh"]]],
    ["1-0:16.7.0(-00.132*kW)", [["1-0:16.7.0*255", "-0.132", "kW"]]],
    ["1-0:13.7.0(0.998)", [["1-0:13.7.0*255", "0.998", null]]],
    ["0-0:96.7.21(00013)", [["0-0:96.7.21*255", "13", null]]],
    ["0-0:96.14.0(0002)", [["0-0:96.14.0*255", "0002", null]]],
    ["0-0:96.1.1(4B384547303034303436333935353037)", [["0-0:96.1.1*255", "K8EG004046395507", null]]],
    ["0-0:96.1.0(96815390)", [["0-0:96.1.0*255", "96815390", null]]],
    ["0-0:96.13.0()", [["0-0:96.13.0*255", "", null]]],
    ["0-1:24.2.1(101209112500W)(12785.123*m3)", [["0-1:24.2.1*255", "12785.123", "m3"]]],
    ["0-0:1.0.0(210704163628S)", [["0-0:1.0.0*255", "2021-07-04T16:36:28+02:00", null]]],
    ["0-0:1.0.0(20240111 09:35:00)", [["0-0:1.0.0*255", "2024-01-11T09:35:00", null]]],
  ])("%s is %j", (line, expected) => {
    expect(read(line)).toEqual(expected);
  });

  it("has Central European time, or Lithuanian time if the header says so", () => {
    const time = (head: string): unknown => parseP1(`${head}\r\n\r\n0-0:1.0.0(230808113811S)\r\n`).meterTime;
    expect(time("/KFM5KAIFA-METER")).toBe("2023-08-08T11:38:11+02:00");
    expect(time("/ESO5\\253833635_A")).toBe("2023-08-08T11:38:11+03:00");
  });

  it.each(["632525252525W", "000101000000W", "230230113811S", "231301000000W", "230808243811S"])(
    "of a sub-meter with the time %s contains no reading, but is kept as text",
    (time) => {
      expect(read(`0-1:24.2.1(${time})(00000.000*m3)`)).toEqual([["0-1:24.2.1*255", `(${time})(00000.000*m3)`, null]]);
      const named = `0-2:24.3.0(${time})(00)(60)(1)(0-2:24.2.1)(m3)`;
      expect(read(`${named}\r\n(00000.000)`)).toEqual([
        ["0-2:24.3.0*255", `(${time})(00)(60)(1)(0-2:24.2.1)(m3)(00000.000)`, null],
      ]);
    },
  );

  it.each(["632525252525W", "230230113811S", "230808243811S"])("%s is not a valid meter time", (time) => {
    const { meterTime, clockStatus, registers } = parseP1(`/X\r\n\r\n0-0:1.0.0(${time})\r\n`);
    expect({ meterTime, clockStatus }).toEqual({ meterTime: null, clockStatus: null });
    expect(registers).toMatchObject([{ obis: "0-0:1.0.0*255", value: time }]);
  });

  it("keeps all digits, also more than a JavaScript number holds", () => {
    expect(read("1-0:1.8.0(123456789012345.123456*kWh)")).toEqual([["1-0:1.8.0*255", "123456789012345.123456", "kWh"]]);
  });

  it("with a malformed code is refused", () => {
    expect(() => read("1-0:4:24.7.0(0000.000*kVAr)")).toThrow(expect.objectContaining({ code: "malformed" }));
  });
});
