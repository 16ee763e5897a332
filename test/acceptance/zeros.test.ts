import { describe, expect, test } from "vitest";
import { createAcceptance } from "../../src/acceptance/acceptance.ts";
import type { Telegram } from "../../src/codec/telegram.ts";
import { netzNoe, numberIn } from "../helpers/telegrams.ts";

const REGISTER = 5_686_931;

/** A telegram as P1 sends it: proven by its CRC, without a counter and without a title. */
function p1(seconds: number, drawn: number, fed = drawn === 0 ? 0 : 1_234_000): Telegram {
  const told = netzNoe({ counter: 0, proof: "crc", import: drawn, export: fed, ahead: seconds * 1000 });
  return { ...told, transport: "p1", security: "none", systemTitle: null, invocationCounter: null };
}

/** Judges import registers that come at this pace; the import registers that were published, and the other verdicts. */
function play(periodS: number, imports: readonly number[]): { energies: number[]; others: string[] } {
  const acceptance = createAcceptance();
  const energies: number[] = [];
  const others: string[] = [];
  imports.forEach((drawn, index) => {
    const at = index * periodS * 1000;
    const { due } = acceptance;
    const waited = due !== null && due <= at ? acceptance.expire(due) : [];
    for (const verdict of [...waited, ...acceptance.judge(p1(index * periodS, drawn), at)]) {
      if (verdict.type === "accepted") energies.push(numberIn(verdict.telegram, "1.8.0") ?? Number.NaN);
      else others.push(verdict.type === "rejected" ? verdict.check : verdict.type);
    }
  });
  return { energies, others };
}

const before = Array.from({ length: 5 }, () => REGISTER);
const zeros = (count: number): number[] => Array.from({ length: count }, () => 0);

describe("all registers at 0 under an unchanged number", () => {
  test.each([1, 2, 5, 10, 60, 300, 900, 3600])(
    "two telegrams, one each %i s: neither 0 nor a jump is published",
    (periodS) => {
      const { energies, others } = play(periodS, [...before, ...zeros(2), ...before]);
      expect(new Set(energies)).toEqual(new Set([REGISTER]));
      expect(energies).toHaveLength(10);
      expect(others.filter((why) => why === "energy-zero")).toHaveLength(2);
    },
  );

  test("the powers of these telegrams are published meanwhile", () => {
    expect(play(1, [...before, 0]).others).toEqual(["provisional"]);
  });

  test("for nine minutes, each second: still not believed", () => {
    const { energies } = play(1, [...before, ...zeros(540), REGISTER + 10]);
    expect(new Set(energies)).toEqual(new Set([REGISTER, REGISTER + 10]));
  });

  test("for more than ten minutes: the meter has lost its registers", () => {
    expect(play(1, [...before, ...zeros(660)]).energies).toContain(0);
  });

  test("nine telegrams in nine quarters of an hour are too few, ten are enough", () => {
    expect(play(900, [...before, ...zeros(9)]).energies).not.toContain(0);
    expect(play(900, [...before, ...zeros(10)]).energies).toContain(0);
  });
});

describe("a return from 0", () => {
  const lost = [...before, ...zeros(660)];
  const back = (count: number): number[] => Array.from({ length: count }, () => REGISTER);

  test("is not published after a few telegrams", () => {
    expect(play(1, [...lost, ...back(30)]).energies.at(-1)).toBe(0);
  });

  test("is believed after a minute", () => {
    expect(play(1, [...lost, ...back(75)]).energies.at(-1)).toBe(REGISTER);
  });
});

describe("first contact with every register at 0", () => {
  /** As `play`, unproven: as M-Bus sends it. */
  const unproven = (periodS: number, count: number, then: readonly number[] = []): number[] => {
    const acceptance = createAcceptance();
    return [...zeros(count), ...then].flatMap((drawn, index) => {
      const at = index * periodS * 1000;
      const { due } = acceptance;
      const waited = due !== null && due <= at ? acceptance.expire(due) : [];
      const telegram = netzNoe({ counter: index, import: drawn, export: 0, ahead: index * (periodS - 5) * 1000 });
      return [...waited, ...acceptance.judge(telegram, at)].flatMap((verdict) =>
        verdict.type === "accepted" ? [numberIn(verdict.telegram, "1.8.0") ?? Number.NaN] : [],
      );
    });
  };

  test.each([1, 2, 5, 10, 60, 300, 900, 3600])(
    "a telegram each %i s: ten minutes and ten telegrams are needed, with a check sum and without",
    (periodS) => {
      const enough = Math.max(10, Math.ceil(600 / periodS) + 1);
      for (const published of [
        (count: number) => play(periodS, zeros(count)).energies,
        (count: number) => unproven(periodS, count),
      ]) {
        expect(published(enough - 1)).toEqual([]);
        expect(new Set(published(enough))).toEqual(new Set([0]));
      }
    },
  );

  test("the powers are published meanwhile", () => {
    expect(new Set(play(5, zeros(20)).others)).toContain("provisional");
  });

  test("a meter that was starting up: its registers are no rise from 0", () => {
    for (const periodS of [1, 5, 60]) {
      expect(new Set(play(periodS, [...zeros(8), ...before]).energies)).toEqual(new Set([REGISTER]));
      expect(
        new Set(
          unproven(
            periodS,
            8,
            before.map((value, index) => value + index),
          ),
        ),
      ).not.toContain(0);
    }
  });

  test("a list without energies came first: nothing is known of them all the same", () => {
    const acceptance = createAcceptance();
    const powersOnly = { ...p1(0, 1), registers: p1(0, 1).registers.filter(({ obis }) => !/\.8\.\d+\*/.test(obis)) };
    expect(acceptance.judge(powersOnly, 0).map(({ type }) => type)).toEqual(["accepted"]);
    expect(acceptance.judge(p1(5, 0), 5_000).map(({ type }) => type)).toEqual(["provisional"]);
  });

  test("a capture of a new meter is decided at its end", () => {
    const acceptance = createAcceptance({ timing: "meter" });
    acceptance.judge(p1(0, 0), 0);
    expect(acceptance.expire(Number.POSITIVE_INFINITY).map(({ type }) => type)).toEqual(["accepted"]);
  });
});
