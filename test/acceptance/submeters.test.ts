import { describe, expect, test } from "vitest";
import { createAcceptance } from "../../src/acceptance/acceptance.ts";
import type { Register, Telegram } from "../../src/codec/telegram.ts";
import { netzNoe, numberIn } from "../helpers/telegrams.ts";

const GAS = "0-1:24.2.1*255";
const UNITS = ["m3", "GJ", null] as const;

interface Reading {
  /** Thousandths of the unit. */
  readonly value: number;
  readonly number?: string;
}

function telegram(seconds: number, { value, number = "G0001" }: Reading, unit: string | null, proven = true): Telegram {
  const { registers, ...electricity } = netzNoe({
    counter: 0,
    proof: proven ? "crc" : "sum",
    import: 5_686_931 + Math.floor(seconds / 5),
    ahead: seconds * 1000,
  });
  const submeter: Register[] = [
    { obis: "0-1:96.1.0*255", value: number, unit: null, scaler: null },
    { obis: GAS, value: { coefficient: value, exponent: -3 }, unit, scaler: null },
  ];
  const p1 = { transport: "p1", security: "none", systemTitle: null, invocationCounter: null } as const;
  return { ...electricity, ...p1, registers: [...registers, ...submeter] };
}

/** Feeds sub-meter readings at this period. Returns the published values (`null`: withheld) and how often electricity was. */
function play(
  periodS: number,
  readings: readonly Reading[],
  { unit = "m3" as string | null, proven = true, acceptance = createAcceptance(), from = 0 } = {},
) {
  const published: (number | null)[] = [];
  let electricity = 0;
  readings.forEach((reading, index) => {
    const seconds = (from + index) * periodS;
    const { due } = acceptance;
    const expired = due !== null && due <= seconds * 1000 ? acceptance.expire(due) : [];
    for (const verdict of [...expired, ...acceptance.judge(telegram(seconds, reading, unit, proven), seconds * 1000)]) {
      if (verdict.type !== "accepted") continue;
      if (numberIn(verdict.telegram, "1.8.0") !== null) electricity++;
      published.push(verdict.telegram.registers.some(({ obis }) => obis === GAS) ? gasIn(verdict.telegram) : null);
    }
  });
  return { published, electricity, acceptance };
}

function gasIn({ registers }: Telegram): number {
  const value = registers.find(({ obis }) => obis === GAS)?.value;
  return value === undefined || typeof value === "string" ? Number.NaN : Number(value.coefficient);
}

const READ = 5_686_931;
const times = (count: number, value: number, number = "G0001"): Reading[] =>
  Array.from({ length: count }, () => ({ value, number }));
const values = (published: readonly (number | null)[]): number[] => [
  ...new Set(published.flatMap((value) => value ?? [])),
];

describe.each(UNITS)("a sub-meter that counts in %s", (unit) => {
  test.each([1, 5, 10, 60, 300, 900, 3600])(
    "unreachable, so that its register reads 0, with a telegram every %i s: neither 0 nor the return is published as a step",
    (periodS) => {
      const zeros = Math.max(20, Math.ceil(7_200 / periodS));
      const { published, electricity } = play(
        periodS,
        [...times(5, READ), ...times(zeros, 0), ...times(5, READ + 12)],
        {
          unit,
        },
      );
      expect(values(published)).toEqual([READ, READ + 12]);
      expect(published.slice(5, 5 + zeros)).toEqual(Array.from({ length: zeros }, () => null));
      expect(electricity).toBe(10 + zeros);
    },
  );

  test("0 at first contact is not published, and the value that follows is not a rise", () => {
    const { published } = play(1, [...times(1_200, 0), ...times(5, READ)], { unit });
    expect(values(published)).toEqual([READ]);
  });

  test("replaced by another one: published after ten telegrams and ten minutes", () => {
    const { published } = play(1, [...times(5, READ), ...times(590, 12, "G0002")], { unit });
    expect(values(published)).toEqual([READ]);
    expect(values(play(1, [...times(5, READ), ...times(620, 12, "G0002")], { unit }).published)).toEqual([READ, 12]);
    expect(values(play(3_600, [...times(5, READ), ...times(9, 12, "G0002")], { unit }).published)).toEqual([READ]);
    expect(values(play(3_600, [...times(5, READ), ...times(10, 12, "G0002")], { unit }).published)).toEqual([READ, 12]);
  });

  test("reset with the same number: published once it counts again", () => {
    const { published } = play(1, [...times(5, READ), ...times(900, 0), ...times(620, 7)], { unit });
    expect(values(published)).toEqual([READ, 7]);
  });
});

describe("a sub-meter", () => {
  test("that is really new is published as 0 after a day", () => {
    expect(values(play(900, times(96, 0)).published)).toEqual([]);
    expect(values(play(900, times(98, 0)).published)).toEqual([0]);
  });

  test("is published from the first telegram proven by a CRC, otherwise from the second that agrees", () => {
    expect(play(5, times(2, READ)).published).toEqual([READ, READ]);
    expect(play(5, times(4, READ), { proven: false }).published).toEqual([null, READ, READ, READ]);
  });

  test("with one wrong digit in one telegram: the wrong value is withheld, whether too high or too low", () => {
    for (const wrong of [READ + 80_000_000, READ - 5_000_000]) {
      const { published } = play(5, [...times(5, READ), ...times(1, wrong), ...times(3, READ)]);
      expect(published).toEqual([READ, READ, READ, READ, READ, null, READ, READ, READ]);
    }
  });

  test("that has not been read (its time is invalid) is withheld", () => {
    const original = telegram(0, { value: READ }, "m3");
    const text = { obis: GAS, value: "(632525252525W)(00000.000*m3)", unit: null, scaler: null };
    const registers = original.registers.map((register) => (register.obis === GAS ? text : register));
    const [verdict] = createAcceptance().judge({ ...original, registers }, 0);
    expect(verdict).toMatchObject({ type: "accepted", withheld: [GAS] });
    expect(verdict?.telegram.registers.some(({ obis }) => obis === GAS)).toBe(false);
  });

  test("that is read once an hour may rise by an hour's consumption", () => {
    const { published } = play(10, [...times(10, READ), ...times(10, READ + 4_000)]);
    expect(published).not.toContain(null);
  });

  test("that was unreachable for two days catches up at once", () => {
    const { published } = play(3_600, [...times(5, READ), ...times(48, READ), ...times(2, READ + 60_000)]);
    expect(published).not.toContain(null);
    const withZeros = play(3_600, [...times(5, READ), ...times(48, 0), ...times(2, READ + 60_000)]);
    expect(values(withZeros.published)).toEqual([READ, READ + 60_000]);
  });

  test("whose number changes does not turn the electricity meter into another one", () => {
    const { electricity } = play(5, [...times(5, READ), ...times(3, 0, ""), ...times(5, READ)]);
    expect(electricity).toBe(13);
  });

  test("is remembered over a restart: 0 is not a first contact then", () => {
    const { acceptance } = play(5, times(5, READ));
    const restarted = createAcceptance({}, JSON.parse(JSON.stringify(acceptance.memory())));
    const { published } = play(5, [...times(200, 0), ...times(3, READ)], { acceptance: restarted, from: 10 });
    expect(values(published)).toEqual([READ]);
  });
});
