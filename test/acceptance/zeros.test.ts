import { describe, expect, test } from "vitest";
import { createAcceptance } from "../../src/acceptance/acceptance.ts";
import type { Telegram } from "../../src/codec/telegram.ts";
import { netzNoe, numberIn } from "../helpers/telegrams.ts";

const REGISTER = 5_686_931;

/** A P1 telegram: proven by its CRC, without invocation counter and system title. */
function p1(seconds: number, imported: number, exported = imported === 0 ? 0 : 1_234_000): Telegram {
  const telegram = netzNoe({ counter: 0, proof: "crc", import: imported, export: exported, ahead: seconds * 1000 });
  return { ...telegram, transport: "p1", security: "none", systemTitle: null, invocationCounter: null };
}

/** Feeds import registers at this period. Returns the published ones and the other verdicts. */
function play(periodS: number, imports: readonly number[]): { energies: number[]; others: string[] } {
  const acceptance = createAcceptance();
  const energies: number[] = [];
  const others: string[] = [];
  imports.forEach((imported, index) => {
    const at = index * periodS * 1000;
    const { due } = acceptance;
    const expired = due !== null && due <= at ? acceptance.expire(due) : [];
    for (const verdict of [...expired, ...acceptance.judge(p1(index * periodS, imported), at)]) {
      if (verdict.type === "accepted") energies.push(numberIn(verdict.telegram, "1.8.0") ?? Number.NaN);
      else others.push(verdict.type === "rejected" ? verdict.check : verdict.type);
    }
  });
  return { energies, others };
}

const before = Array.from({ length: 5 }, () => REGISTER);
const zeros = (count: number): number[] => Array.from({ length: count }, () => 0);

describe("all registers at 0 with an unchanged meter number", () => {
  test.each([1, 2, 5, 10, 60, 300, 900, 3600])(
    "two telegrams, one every %i s: neither 0 nor a jump is published",
    (periodS) => {
      const { energies, others } = play(periodS, [...before, ...zeros(2), ...before]);
      expect(new Set(energies)).toEqual(new Set([REGISTER]));
      expect(energies).toHaveLength(10);
      expect(others.filter((check) => check === "energy-zero")).toHaveLength(2);
    },
  );

  test("the powers of these telegrams are published in the meantime", () => {
    expect(play(1, [...before, 0]).others).toEqual(["provisional"]);
  });

  test("for nine minutes at one telegram a second: still refused", () => {
    const { energies } = play(1, [...before, ...zeros(540), REGISTER + 10]);
    expect(new Set(energies)).toEqual(new Set([REGISTER, REGISTER + 10]));
  });

  test("for more than ten minutes: accepted, the meter has lost its registers", () => {
    expect(play(1, [...before, ...zeros(660)]).energies).toContain(0);
  });

  test("at one telegram every 15 minutes nine are too few, ten are enough", () => {
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

  test("is accepted after a minute", () => {
    expect(play(1, [...lost, ...back(75)]).energies.at(-1)).toBe(REGISTER);
  });
});

describe("first contact with every register at 0", () => {
  /** As `play`, but unproven, as sent over M-Bus. */
  const unproven = (periodS: number, count: number, then: readonly number[] = []): number[] => {
    const acceptance = createAcceptance();
    return [...zeros(count), ...then].flatMap((imported, index) => {
      const at = index * periodS * 1000;
      const { due } = acceptance;
      const expired = due !== null && due <= at ? acceptance.expire(due) : [];
      const telegram = netzNoe({ counter: index, import: imported, export: 0, ahead: index * (periodS - 5) * 1000 });
      return [...expired, ...acceptance.judge(telegram, at)].flatMap((verdict) =>
        verdict.type === "accepted" ? [numberIn(verdict.telegram, "1.8.0") ?? Number.NaN] : [],
      );
    });
  };

  test.each([1, 2, 5, 10, 60, 300, 900, 3600])(
    "a telegram every %i s: ten minutes and ten telegrams are required, proven or not",
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

  test("the powers are published in the meantime", () => {
    expect(new Set(play(5, zeros(20)).others)).toContain("provisional");
  });

  test("a meter that was starting up: its registers are not a rise from 0", () => {
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

  test("a list without energies came first: the energies are still unknown", () => {
    const acceptance = createAcceptance();
    const powersOnly = { ...p1(0, 1), registers: p1(0, 1).registers.filter(({ obis }) => !/\.8\.\d+\*/.test(obis)) };
    expect(acceptance.judge(powersOnly, 0).map(({ type }) => type)).toEqual(["accepted"]);
    expect(acceptance.judge(p1(5, 0), 5_000).map(({ type }) => type)).toEqual(["provisional"]);
  });

  test("a capture of a new meter is accepted at its end", () => {
    const acceptance = createAcceptance({ timing: "meter" });
    acceptance.judge(p1(0, 0), 0);
    expect(acceptance.expire(Number.POSITIVE_INFINITY).map(({ type }) => type)).toEqual(["accepted"]);
  });
});
