import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  decimalFromFloat32,
  decimalFromNumber,
  decimalToJson,
  decimalToNumber,
  formatDecimal,
  parseDecimal,
} from "../../../src/codec/values/decimal.ts";
import { formatObis, ObisNames, parseObis } from "../../../src/codec/values/obis.ts";
import { unitCode, unitName } from "../../../src/codec/values/unit.ts";

const decimal = (coefficient: number | bigint, exponent: number) => ({ coefficient, exponent });

describe("decimals are exact", () => {
  test.each([
    [12937, 0, -3, "12.937"],
    [0, 0, -3, "0.000"],
    [5, 0, -3, "0.005"],
    [-5, 0, -3, "-0.005"],
    [-12937, -1, 0, "-1293.7"],
    [2304, -1, 0, "230.4"],
    [1000, -3, 0, "1.000"],
    [12, 2, 0, "1200"],
    [12, 3, -3, "12"],
    [0, 5, 0, "0"],
    [18446744073709551615n, 0, -3, "18446744073709551.615"],
    [-9223372036854775808n, 1, 0, "-92233720368547758080"],
  ])("%s × 10^%s, shifted by %s, is %s", (coefficient, exponent, shift, text) => {
    expect(formatDecimal(decimal(coefficient, exponent), shift)).toBe(text);
  });

  test("no digit is lost or added for any coefficient and exponent", () => {
    fc.assert(
      fc.property(fc.bigInt(-(2n ** 63n), 2n ** 64n), fc.integer({ min: -30, max: 30 }), (coefficient, exponent) => {
        const back = parseDecimal(formatDecimal(decimal(coefficient, exponent)));
        const shift = exponent - back.exponent;
        // The same number: coefficient × 10^exponent on both sides.
        expect(BigInt(back.coefficient)).toBe(coefficient * 10n ** BigInt(Math.max(0, shift)));
      }),
      { seed: 1 },
    );
  });

  test("conversion to a number gives the nearest double", () => {
    expect(decimalToNumber(decimal(2304, -1))).toBe(230.4);
    expect(decimalToNumber(decimal(2337, -1))).toBe(233.7);
    expect(decimalToNumber(decimal(3, 2))).toBe(300);
    fc.assert(
      fc.property(
        fc.integer({ min: -(2 ** 31), max: 2 ** 32 }),
        fc.integer({ min: -40, max: 40 }),
        (coefficient, exponent) => {
          expect(decimalToNumber(decimal(coefficient, exponent))).toBe(Number(`${coefficient}e${exponent}`));
        },
      ),
      { seed: 2 },
    );
  });

  test("JSON keeps all digits, also beyond the precision of a double", () => {
    expect(decimalToJson(decimal(18446744073709551615n, -3))).toBe("18446744073709551.615");
    expect(decimalToJson(decimal(1000, -3))).toBe("1");
    expect(decimalToJson(decimal(2300, -1))).toBe("230");
    expect(decimalToJson(decimal(100, 0))).toBe("100");
    expect(decimalToJson(decimal(0, -2))).toBe("0");
  });

  test("floats become the shortest decimal that converts back to the same float", () => {
    expect(decimalFromFloat32(Math.fround(230.4))).toEqual(decimal(2304, -1));
    expect(decimalFromFloat32(Math.fround(22661795))).toEqual(decimal(22661796, 0));
    expect(decimalFromFloat32(0)).toEqual(decimal(0, 0));
    expect(decimalFromFloat32(Math.fround(1e-7))).toEqual(decimal(1, -7));
    expect(decimalFromNumber(230.4)).toEqual(decimal(2304, -1));
    expect(decimalFromNumber(1e21)).toEqual(decimal(1, 21));
    for (const nothing of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      expect(decimalFromFloat32(nothing)).toBeNull();
      expect(decimalFromNumber(nothing)).toBeNull();
    }
    fc.assert(
      fc.property(fc.float({ noNaN: true, noDefaultInfinity: true }), (value) => {
        const exact = decimalFromFloat32(value);
        expect(Math.fround(Number(formatDecimal(exact as NonNullable<typeof exact>)))).toBe(value || 0);
      }),
      { seed: 3 },
    );
  });
});

describe("OBIS codes", () => {
  test("as text and back", () => {
    const bytes = Uint8Array.of(0xaa, 1, 0, 1, 8, 0, 255);
    expect(formatObis(bytes, 1)).toBe("1-0:1.8.0*255");
    expect(parseObis("1-0:1.8.0*255")).toEqual(bytes.subarray(1));
    expect(parseObis("1.8.0")).toEqual(bytes.subarray(1));
    expect(parseObis("0-1:96.1.0*1")).toEqual(Uint8Array.of(0, 1, 96, 1, 0, 1));
    for (const wrong of ["", "1.8", "1-0:1.8.256", "1-0-1.8.0", "a.b.c"])
      expect(() => parseObis(wrong)).toThrow(RangeError);
  });

  test("cached names match their bytes, however many codes there are", () => {
    const names = new ObisNames();
    for (let round = 0; round < 2; round++) {
      for (let i = 0; i < 3000; i++) {
        const bytes = Uint8Array.of(1, i >> 8, i & 255, (i * 7) & 255, i % 5, 255);
        expect(names.format(bytes, 0)).toBe(formatObis(bytes));
      }
    }
  });
});

test("units have their usual names", () => {
  const names = [27, 28, 29, 30, 31, 32, 33, 35, 44, 56, 7, 8, 255, 0].map(unitName);
  expect(names).toEqual(["W", "VA", "var", "Wh", "VAh", "varh", "A", "V", "Hz", "%", "s", "°", null, null]);
  expect(unitCode("Wh")).toBe(30);
  expect(unitCode(null)).toBe(255);
  expect(() => unitCode("kWh")).toThrow(RangeError);
});
