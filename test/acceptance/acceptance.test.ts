import { describe, expect, test } from "vitest";
import { createAcceptance } from "../../src/acceptance/acceptance.ts";
import { HOLD_MS } from "../../src/acceptance/held-telegrams.ts";
import type { Acceptance, AcceptanceOptions } from "../../src/acceptance/verdict.ts";
import type { Proof, Telegram } from "../../src/codec/telegram.ts";
import {
  clockBytes,
  netzNoe,
  numberIn,
  PERIOD_MS,
  START,
  type TelegramValues,
  withRegister,
} from "../helpers/telegrams.ts";

const DAY_MS = 86_400_000;

/** Feeds telegrams at their own pace and lets time pass without any; verdicts are returned as short texts. */
class Line {
  readonly acceptance: Acceptance;
  readonly published: Telegram[] = [];
  readonly notices: string[] = [];
  now = 0;

  constructor(options: AcceptanceOptions = {}, memory?: unknown) {
    this.acceptance = createAcceptance(options, memory);
  }

  /** Telegram number n arrives at n × 5 s unless `at` is given. Verdicts: `accepted 1`, `rejected 2 voltage`. */
  receive(telegram: Telegram, at = ((telegram.invocationCounter ?? 0) - 1_000) * PERIOD_MS): string[] {
    const verdicts = this.wait(at);
    this.now = at;
    return [...verdicts, ...this.#texts(this.acceptance.judge(telegram, at))];
  }

  /** Lets time pass up to `at`. */
  wait(at: number): string[] {
    const { due } = this.acceptance;
    this.now = at;
    return due !== null && due <= at ? this.#texts(this.acceptance.expire(due)) : [];
  }

  end(): string[] {
    return this.#texts(this.acceptance.expire(Number.POSITIVE_INFINITY));
  }

  #texts(verdicts: ReturnType<Acceptance["judge"]>): string[] {
    return verdicts.map((verdict) => {
      const number = (verdict.telegram.invocationCounter ?? 0) - 1_000;
      if (verdict.type === "rejected") return `rejected ${number} ${verdict.check}`;
      if (verdict.type === "provisional") return `provisional ${number}`;
      this.published.push(verdict.telegram);
      if (verdict.notice !== undefined) this.notices.push(verdict.notice);
      return `accepted ${number}${verdict.withheld === undefined ? "" : ` without ${verdict.withheld}`}`;
    });
  }
}

/** A line that has accepted telegrams 0, 1 and 2. */
function knownMeter(options: AcceptanceOptions = {}, proof: Proof = "sum"): Line {
  const line = new Line(options);
  for (const counter of [0, 1, 2]) line.receive(netzNoe({ counter, proof }));
  expect(line.published).toHaveLength(3);
  return line;
}

/** A telegram that contradicts the baseline is held; the next good one decides it. */
function verdictsOf(line: Line, telegram: Telegram, next: Partial<TelegramValues> = { counter: 4 }): string[] {
  return [...line.receive(telegram), ...line.receive(netzNoe(next))];
}

describe("a telegram of a known meter", () => {
  test("is accepted at once", () => {
    const line = knownMeter();
    expect(line.receive(netzNoe({ counter: 3 }))).toEqual(["accepted 3"]);
  });

  test("is accepted after several lost telegrams", () => {
    const line = knownMeter();
    expect(line.receive(netzNoe({ counter: 9 }))).toEqual(["accepted 9"]);
  });

  test("is accepted again when the line repeats it", () => {
    const line = knownMeter();
    expect(line.receive(netzNoe({ counter: 2 }), 10_100)).toEqual(["accepted 2"]);
    expect(line.receive(netzNoe({ counter: 3 }))).toEqual(["accepted 3"]);
  });

  test("is accepted when a backlog arrives at once after the process was paused", () => {
    const line = knownMeter();
    const at = 200_000;
    for (const counter of [3, 4, 5, 6, 7, 8])
      expect(line.receive(netzNoe({ counter }), at)).toEqual([`accepted ${counter}`]);
    expect(line.receive(netzNoe({ counter: 9 }), 205_000)).toEqual(["accepted 9"]);
  });

  test("is accepted at every power up to the limit", () => {
    const line = knownMeter();
    const amperes = [100, 100, 100] as const;
    const load = { power: 69_000, amperes };
    expect(line.receive(netzNoe({ ...load, counter: 3, import: 1_000_098 }))).toEqual(["accepted 3"]);
    expect(line.receive(netzNoe({ ...load, counter: 4, import: 1_000_194 }))).toEqual(["accepted 4"]);
  });
});

describe("the checks reject damage that the M-Bus checksum missed", () => {
  test.each<[string, string, Telegram]>([
    ["an energy that fell", "energy-fall", netzNoe({ counter: 3, import: 999_000 })],
    ["an energy that fell a little", "energy-fall", netzNoe({ counter: 3, import: 1_000_000 })],
    ["an energy that rose faster than the power allows", "energy-rise", netzNoe({ counter: 3, import: 1_000_515 })],
    ["an energy that the powers do not explain", "energy-burst", netzNoe({ counter: 3, import: 1_000_035 })],
    ["an export without export power", "energy-burst", netzNoe({ counter: 3, export: 5_001 })],
    ["an old invocation counter", "counter", { ...netzNoe({ counter: 3 }), invocationCounter: 1_001 }],
    ["another system title", "meter", netzNoe({ counter: 3, systemTitle: "4B464D6750000009" })],
    ["another meter number", "meter", netzNoe({ counter: 3, meterId: "182210000009" })],
    [
      "another scaler",
      "structure",
      withRegister(netzNoe({ counter: 3 }), "1.7.0", { scaler: -1, value: { coefficient: 720, exponent: -1 } }),
    ],
    ["another unit", "unit", withRegister(netzNoe({ counter: 3 }), "1.8.0", { unit: "W" })],
    ["another OBIS code", "structure", withRegister(netzNoe({ counter: 3 }), "1.8.0", { obis: "1-0:1.8.1*255" })],
    ["a voltage that no grid has", "voltage", netzNoe({ counter: 3, volts: [28.9, 231, 232] })],
    ["a power above the limit", "power", netzNoe({ counter: 3, power: 120_000, amperes: [200, 200, 200] })],
    ["a power beyond voltage times current", "power-current", netzNoe({ counter: 3, power: 1_744 })],
    ["import and export at the same time", "power-direction", netzNoe({ counter: 3, fed: 64 })],
    [
      "a header clock that differs from the body clock",
      "clock-copies",
      { ...netzNoe({ counter: 3 }), clocks: [clockBytes(new Date(START)), clockBytes(new Date(START + 1_000))] },
    ],
    ["a weekday that does not match the date", "weekday", otherWeekday(netzNoe({ counter: 3 }))],
    [
      "a power factor above 1",
      "range",
      withRegister(netzNoe({ counter: 3 }), "13.7.0", { value: { coefficient: 1_999, exponent: -3 } }),
    ],
    ["a negative power", "power", netzNoe({ counter: 3, power: -5 })],
    ["a current above the limit", "range", netzNoe({ counter: 3, amperes: [450, 1, 1] })],
    ["a frequency that no grid has", "range", withFrequency(netzNoe({ counter: 3 }), 5_128)],
    ["a negative register", "range", netzNoe({ counter: 3, export: -1 })],
    ["a clock that went back", "clock", netzNoe({ counter: 3, ahead: -3_600_000 })],
    ["a clock that jumped ahead", "clock", netzNoe({ counter: 3, ahead: 86_400_000 })],
  ])("%s", (_name, check, telegram) => {
    const number = (telegram.invocationCounter ?? 0) - 1_000;
    const verdicts = verdictsOf(knownMeter(), telegram).filter((text) => text !== `provisional ${number}`);
    expect(verdicts).toEqual([`rejected ${number} ${check}`, "accepted 4"]);
  });

  test("the configured limits apply", () => {
    const line = knownMeter({ minVoltage: 200, maxVoltage: 240, maxPower: 5_000 });
    expect(verdictsOf(line, netzNoe({ counter: 3, volts: [199, 231, 232] }))).toEqual([
      "rejected 3 voltage",
      "accepted 4",
    ]);
    expect(verdictsOf(line, netzNoe({ counter: 5, volts: [230, 241, 232] }), { counter: 6 })).toContain(
      "rejected 5 voltage",
    );
    const power = netzNoe({ counter: 7, power: 5_100, amperes: [9, 9, 9] });
    expect(verdictsOf(line, power, { counter: 8 })).toContain("rejected 7 power");
  });

  test("a meter number that does not match the system title is rejected at first contact, too", () => {
    const line = new Line();
    const stranger = netzNoe({ counter: 0, meterId: "181210000010" });
    expect(line.receive(stranger)).toEqual([]);
    expect(line.wait(HOLD_MS)).toEqual(["rejected 0 meter-number"]);
  });

  test("rejected telegrams do not affect the good ones, however many there are", () => {
    const line = knownMeter();
    const verdicts: string[] = [];
    for (let counter = 3; counter < 103; counter += 2) {
      verdicts.push(...line.receive(netzNoe({ counter, import: 2 ** 31 - counter * 1_000_000 })));
      verdicts.push(...line.receive(netzNoe({ counter: counter + 1 })));
    }
    expect(verdicts.filter((text) => text.startsWith("accepted"))).toHaveLength(50);
    expect(verdicts.filter((text) => text.startsWith("rejected"))).toHaveLength(50);
  });
});

/** Replaces the last register by a frequency. */
function withFrequency(telegram: Telegram, millihertz: number): Telegram {
  const frequency = {
    obis: "1-0:14.7.0*255",
    value: { coefficient: millihertz, exponent: -3 },
    unit: "Hz",
    scaler: -3,
  };
  return withRegister(telegram, "13.7.0", frequency);
}

/** Header and body clock are equal, but say Monday on a Sunday. */
function otherWeekday(telegram: Telegram): Telegram {
  const clocks = telegram.clocks?.map((clock) => `${clock.slice(0, 8)}01${clock.slice(10)}`) ?? [];
  return { ...telegram, clocks };
}

describe("unusual but true values are not lost", () => {
  test("a heater that ran between two samples: power at once, registers in order with the next telegram", () => {
    const line = knownMeter();
    expect(line.receive(netzNoe({ counter: 3, import: 1_000_020 }))).toEqual(["provisional 3"]);
    expect(line.receive(netzNoe({ counter: 4, import: 1_000_021 }))).toEqual(["accepted 3", "accepted 4"]);
  });

  test("energies that the powers never explain: after a few telegrams the powers are no longer compared", () => {
    const line = knownMeter();
    const verdicts: string[] = [];
    for (let counter = 3; counter < 12; counter++) {
      verdicts.push(...line.receive(netzNoe({ counter, import: 1_000_000 + 50 * counter })));
    }
    const accepted = verdicts.filter((text) => text.startsWith("accepted"));
    expect(accepted).toEqual([3, 4, 5, 6, 7, 8, 9, 10, 11].map((counter) => `accepted ${counter}`));
    expect(verdicts.some((text) => text.startsWith("rejected"))).toBe(false);
    expect(line.receive(netzNoe({ counter: 12, import: 1_000_600 }))).toEqual(["accepted 12"]);
  });

  test("two doubtful telegrams that contradict each other: the next telegram decides", () => {
    const line = knownMeter();
    expect(line.receive(netzNoe({ counter: 3, import: 1_000_020 }))).toEqual(["provisional 3"]);
    expect(line.receive(netzNoe({ counter: 4, import: 1_000_015 }))).toEqual(["provisional 4"]);
    const last = line.receive(netzNoe({ counter: 5, import: 1_000_022 }));
    expect(last).toEqual(["accepted 3", "rejected 4 energy-burst", "accepted 5"]);
  });

  test("two doubtful telegrams that contradict each other, then silence: only one is accepted", () => {
    const line = knownMeter();
    line.receive(netzNoe({ counter: 3, import: 1_000_020 }));
    line.receive(netzNoe({ counter: 4, import: 1_000_015 }));
    expect(line.wait(60_000)).toEqual(["accepted 3", "rejected 4 energy-burst"]);
  });

  test.each([3_600_000, -3_600_000, 120_000, -120_000])("a clock set by %i ms", (ahead) => {
    const line = knownMeter();
    expect(line.receive(netzNoe({ counter: 3, ahead }))).toEqual(["provisional 3"]);
    expect(line.receive(netzNoe({ counter: 4, ahead }))).toEqual(["accepted 3", "accepted 4"]);
    expect(line.receive(netzNoe({ counter: 5, ahead }))).toEqual(["accepted 5"]);
  });

  test.each([365 * DAY_MS, -365 * DAY_MS])(
    "a clock set by a year (%i ms) and back again: every telegram is published",
    (ahead) => {
      for (const proof of ["sum", "crc"] as const) {
        const line = knownMeter({}, proof);
        for (let counter = 3; counter < 30; counter++) {
          line.receive(netzNoe({ counter, proof, ahead: counter >= 10 && counter < 20 ? ahead : 0 }));
        }
        expect(line.published.map((telegram) => numberIn(telegram, "1.8.0"))).toEqual(
          Array.from({ length: 30 }, (_, counter) => 1_000_000 + counter),
        );
      }
    },
  );

  test("a clock set forward by a year does not make an impossible energy plausible", () => {
    const line = knownMeter();
    const ahead = 365 * DAY_MS;
    line.receive(netzNoe({ counter: 3, ahead, import: 9_000_000 }));
    for (let counter = 4; counter < 8; counter++) line.receive(netzNoe({ counter, ahead }));
    expect(line.published.map((telegram) => numberIn(telegram, "1.8.0"))).not.toContain(9_000_000);
    expect(line.published.at(-1)?.invocationCounter).toBe(1_007);
  });

  test("nor does a clock that was at its epoch while the registers were 0", () => {
    const line = knownMeter({}, "crc");
    const boot = -20 * 365 * DAY_MS;
    for (let counter = 3; counter < 140; counter++) {
      line.receive(netzNoe({ counter, proof: "crc", ahead: boot, import: 0, export: 0 }));
    }
    expect(numberIn(line.published.at(-1) as Telegram, "1.8.0")).toBe(0);
    line.receive(netzNoe({ counter: 140, proof: "crc" }));
    expect(numberIn(line.published.at(-1) as Telegram, "1.8.0")).toBe(0);
  });

  test("a clock that was set back is detected again when it is set forward", () => {
    const line = knownMeter();
    const texts = [3, 4].flatMap((counter) => line.receive(netzNoe({ counter, ahead: 365 * DAY_MS })));
    for (let counter = 5; counter < 9; counter++) line.receive(netzNoe({ counter }));
    expect(texts).toEqual(["provisional 3", "accepted 3", "accepted 4"]);
    expect(line.receive(netzNoe({ counter: 9, ahead: DAY_MS }))).toEqual(["provisional 9"]);
  });

  test("the first telegram after a pause: power at once, registers with the second", () => {
    const line = knownMeter();
    expect(line.receive(netzNoe({ counter: 100 }))).toEqual(["provisional 100"]);
    expect(line.receive(netzNoe({ counter: 101 }))).toEqual(["accepted 100", "accepted 101"]);
  });

  test("a meter that carries more than the limit is accepted after five telegrams and from then on", () => {
    const line = knownMeter({ maxPower: 10_000 });
    const overLimit = (counter: number): Telegram =>
      netzNoe({ counter, power: 60_000, amperes: [90, 90, 90], import: 1_000_000 + counter * 84 });
    const verdicts = [3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13].flatMap((counter) => line.receive(overLimit(counter)));
    expect(verdicts.at(-1)).toBe("accepted 13");
    expect(verdicts.filter((text) => text.startsWith("rejected")).length).toBeLessThan(5);
    expect(line.receive(overLimit(14))).toEqual(["accepted 14"]);
  });

  test("a phase with 60 V for hours is accepted after five telegrams, none of which is lost", () => {
    const line = knownMeter();
    const volts = [230, 231, 60] as const;
    const counters = [3, 4, 5, 6, 7];
    const verdicts = counters.flatMap((counter) => line.receive(netzNoe({ counter, volts })));
    expect(verdicts).toEqual(counters.map((counter) => `accepted ${counter}`));
    expect(line.notices.join()).toContain("72.7.0");
    expect(line.receive(netzNoe({ counter: 8, volts }))).toEqual(["accepted 8"]);
  });
});

describe("first contact", () => {
  test("with a meter that pushes every 5 s: power at once, registers with the second telegram", () => {
    const line = new Line();
    expect(line.receive(netzNoe({ counter: 0 }))).toEqual(["provisional 0"]);
    expect(line.receive(netzNoe({ counter: 1 }))).toEqual(["accepted 0", "accepted 1"]);
  });

  test("with a meter that pushes every 15 min: registers after a few seconds", () => {
    const line = new Line();
    expect(line.receive(netzNoe({ counter: 0 }))).toEqual(["provisional 0"]);
    expect(line.acceptance.due).toBe(HOLD_MS);
    expect(line.wait(HOLD_MS)).toEqual(["accepted 0"]);
    expect(line.acceptance.due).toBeNull();
  });

  test("with damaged telegrams after the first: waits for an intact one", () => {
    const line = new Line();
    line.receive(netzNoe({ counter: 0, import: 4_000_000 }));
    line.acceptance.disturbed(5_000);
    expect(line.receive(netzNoe({ counter: 2 }))).toEqual(["provisional 2"]);
    expect(line.receive(netzNoe({ counter: 3 }))).toEqual(["rejected 0 unconfirmed", "accepted 2", "accepted 3"]);
  });

  test("with only damaged telegrams after the first: waits for at most half a minute", () => {
    const line = new Line();
    line.receive(netzNoe({ counter: 0 }));
    for (let at = 5_000; at < 100_000; at += 5_000) line.acceptance.disturbed(at);
    expect(line.acceptance.due).toBe(5 * HOLD_MS);
    expect(line.wait(100_000)).toEqual(["accepted 0"]);
  });

  test("with a wrong value and silence: the first two that agree correct it", () => {
    const line = new Line();
    line.receive(netzNoe({ counter: 0, import: 4_000_000 }));
    line.wait(HOLD_MS);
    line.receive(netzNoe({ counter: 2 }));
    expect(line.receive(netzNoe({ counter: 3 }))).toEqual(["accepted 2", "accepted 3"]);
    expect(line.notices).toHaveLength(1);
  });

  test("with a wrong value: two later telegrams that agree outvote it", () => {
    const line = new Line();
    line.receive(netzNoe({ counter: 0, import: 4_000_000 }));
    line.receive(netzNoe({ counter: 1 }));
    expect(line.receive(netzNoe({ counter: 2 }))).toEqual(["rejected 0 unconfirmed", "accepted 1", "accepted 2"]);
  });

  test("with a wrong value in the second telegram: the first and the third agree", () => {
    const line = new Line();
    line.receive(netzNoe({ counter: 0 }));
    line.receive(netzNoe({ counter: 1, import: 4_000_000 }));
    expect(line.receive(netzNoe({ counter: 2 }))).toEqual(["accepted 0", "rejected 1 unconfirmed", "accepted 2"]);
  });

  test("with too low a value in the second telegram: the others are accepted", () => {
    const line = new Line();
    line.receive(netzNoe({ counter: 0 }));
    line.receive(netzNoe({ counter: 1, import: 475_713 }));
    expect(line.receive(netzNoe({ counter: 2 }))).toEqual(["accepted 0", "rejected 1 unconfirmed", "accepted 2"]);
  });

  test("with two telegrams that disagree, then silence: neither is published", () => {
    const line = new Line();
    line.receive(netzNoe({ counter: 0 }));
    line.receive(netzNoe({ counter: 1, import: 4_000_000 }));
    expect(line.end()).toEqual(["rejected 0 unconfirmed", "rejected 1 unconfirmed"]);
    expect(line.receive(netzNoe({ counter: 2 }))).toEqual(["accepted 2"]);
  });

  test.each(["crc", "tag"] as const)("with a telegram proven by its %s: everything at once", (proof) => {
    expect(new Line().receive(netzNoe({ counter: 0, proof }))).toEqual(["accepted 0"]);
  });

  test("with the same telegram repeatedly: accepted", () => {
    const line = new Line();
    line.receive(netzNoe({ counter: 0 }), 0);
    expect(line.receive(netzNoe({ counter: 0 }), 5_000)).toEqual(["accepted 0", "accepted 0"]);
    expect(line.receive(netzNoe({ counter: 0 }), 10_000)).toEqual(["accepted 0"]);
  });
});

describe("a real change wins, with a notice", () => {
  test("a register that was reset: after three telegrams, none of which is lost", () => {
    const line = knownMeter();
    line.receive(netzNoe({ counter: 3, import: 0 }));
    line.receive(netzNoe({ counter: 4, import: 1 }));
    expect(line.receive(netzNoe({ counter: 5, import: 2 }))).toEqual(["accepted 3", "accepted 4", "accepted 5"]);
    expect(line.notices).toHaveLength(1);
    expect(line.notices[0]).toContain("1.8.0");
    expect(line.receive(netzNoe({ counter: 6, import: 3 }))).toEqual(["accepted 6"]);
  });

  test("another meter: after four telegrams", () => {
    const line = knownMeter();
    const other = (counter: number): Telegram => ({
      ...netzNoe({ counter, systemTitle: "4B464D6750000077", meterId: "181210000077", import: 7 + counter }),
      invocationCounter: 5 + counter,
    });
    const verdicts = [3, 4, 5, 6].flatMap((counter) => line.receive(other(counter), counter * PERIOD_MS));
    expect(verdicts.filter((text) => text.startsWith("accepted"))).toHaveLength(4);
    expect(line.notices).toEqual([expect.stringContaining("another meter")]);
  });

  test("another meter does not win with three telegrams, nor another list with four", () => {
    const otherMeter = (counter: number): Telegram =>
      netzNoe({ counter, systemTitle: "4B464D6750000077", import: 7 + counter });
    const otherList = (counter: number): Telegram =>
      withRegister(netzNoe({ counter }), "1.7.0", { scaler: -1, value: { coefficient: 7200, exponent: -1 } });
    for (const [change, times] of [
      [otherMeter, 3],
      [otherList, 4],
    ] as const) {
      const line = knownMeter();
      for (let counter = 3; counter < 3 + times; counter++) line.receive(change(counter));
      const after = 3 + times;
      expect(line.receive(netzNoe({ counter: after })).at(-1)).toBe(`accepted ${after}`);
      expect(line.published).toHaveLength(4);
    }
  });

  test("a check that fails four times in a row is not waived", () => {
    const line = knownMeter();
    for (const counter of [3, 4, 5, 6]) line.receive(netzNoe({ counter, volts: [230, 231, 60] }));
    expect(line.receive(netzNoe({ counter: 7 })).at(-1)).toBe("accepted 7");
    expect(line.published).toHaveLength(4);
  });

  test("two meters that alternate on one line are not mixed up", () => {
    const line = knownMeter();
    for (let counter = 3; counter < 30; counter++) {
      line.receive(netzNoe({ counter }));
      line.receive({ ...netzNoe({ counter, systemTitle: "4B464D6750000077", import: 7 }), invocationCounter: counter });
    }
    expect(new Set(line.published.map(({ systemTitle }) => systemTitle))).toEqual(new Set(["4B464D6550000009"]));
    expect(line.published).toHaveLength(30);
  });

  test("a slow meter: the contradiction is reported after a few seconds, and the third telegram wins", () => {
    const line = new Line();
    const at = (counter: number): number => counter * 900_000;
    const slow = (counter: number, energy: number): string[] =>
      line.receive(netzNoe({ counter, import: energy, ahead: counter * 895_000 }), at(counter));
    for (const counter of [0, 1, 2]) {
      slow(counter, 1_000_000 + counter * 150);
      line.wait(at(counter) + HOLD_MS);
    }
    slow(3, 0);
    expect(line.wait(at(3) + HOLD_MS)).toEqual(["rejected 3 energy-fall"]);
    expect(slow(4, 150)).toEqual([]);
    line.wait(at(4) + HOLD_MS);
    expect(slow(5, 300)).toEqual(["accepted 5"]);
  });

  test("a proven telegram with a register that fell: power at once, registers after 10 s", () => {
    const line = new Line();
    line.receive(netzNoe({ counter: 0, proof: "tag" }));
    expect(line.receive(netzNoe({ counter: 1, proof: "tag", import: 0 }))).toEqual(["provisional 1"]);
    expect(line.receive(netzNoe({ counter: 2, proof: "tag", import: 1 }))).toEqual(["provisional 2"]);
    const verdicts = line.receive(netzNoe({ counter: 3, proof: "tag", import: 2 }));
    expect(verdicts).toEqual(["accepted 1", "accepted 2", "accepted 3"]);
  });

  test("a proven telegram is not checked for anything that its integrity proves", () => {
    const line = new Line();
    line.receive(netzNoe({ counter: 0, proof: "crc" }));
    const implausible = netzNoe({
      counter: 1,
      proof: "crc",
      import: 9_000_000,
      power: 500_000,
      fed: 3,
      volts: [12, 0, 700],
    });
    expect(line.receive(implausible)).toEqual(["accepted 1"]);
  });

  test("an authenticated telegram that is replayed is rejected", () => {
    const line = new Line();
    for (const counter of [0, 1, 2]) line.receive(netzNoe({ counter, proof: "tag" }));
    expect(line.receive(netzNoe({ counter: 1, proof: "tag" }), 12_000)).toEqual(["rejected 1 counter"]);
    expect(line.receive(netzNoe({ counter: 3, proof: "tag" }))).toEqual(["accepted 3"]);
  });
});

describe("a published value that was slightly too high", () => {
  test("is never followed by a fall: the register is withheld until the meter has caught up", () => {
    const line = knownMeter();
    const load = { power: 10_000, amperes: [15, 15, 15] as const };
    const energy = (counter: number): number => 1_000_002 + 14 * (counter - 2);
    line.receive(netzNoe({ ...load, counter: 3, import: energy(3) + 16 }));
    line.receive(netzNoe({ ...load, counter: 4, import: energy(4) }));
    line.receive(netzNoe({ ...load, counter: 5, import: energy(5) }));
    line.receive(netzNoe({ ...load, counter: 6, import: energy(6) }));
    const published = line.published.flatMap((telegram) => numberIn(telegram, "1.8.0") ?? []);
    expect(published.toSorted((a, b) => a - b)).toEqual(published);
    expect(line.published.map(({ invocationCounter }) => invocationCounter)).toEqual([
      1000, 1001, 1002, 1003, 1004, 1005, 1006,
    ]);
    expect(published.at(-1)).toBe(energy(6));
  });

  test("is corrected by the first two telegrams that agree, if the meter does not count", () => {
    const line = knownMeter();
    line.receive(netzNoe({ counter: 3, import: 1_000_004 }));
    const unchanged = (counter: number): string[] => line.receive(netzNoe({ counter, import: 1_000_002, power: 10 }));
    expect(unchanged(4)).toEqual([]);
    expect(unchanged(5)).toEqual(["accepted 4 without 1-0:1.8.0*255", "accepted 5 without 1-0:1.8.0*255"]);
    expect(line.receive(netzNoe({ counter: 6, import: 1_000_004 }))).toEqual(["accepted 6"]);
  });
});

describe("lists of a meter", () => {
  const secondList = (counter: number): Telegram => {
    const telegram = netzNoe({ counter });
    return { ...telegram, registers: telegram.registers.slice(2, 6) };
  };

  test("a second list of the same meter is accepted and remembered", () => {
    const line = knownMeter();
    expect(line.receive(secondList(3))).toEqual([]);
    expect(line.receive(netzNoe({ counter: 4 }))).toEqual(["accepted 3", "accepted 4"]);
    expect(line.receive(secondList(5))).toEqual(["accepted 5"]);
    expect(line.receive(netzNoe({ counter: 6 }))).toEqual(["accepted 6"]);
  });
});

describe("state that survives a restart", () => {
  const wall = START + 20_000;
  function restart(line: Line, awayMs: number): Line {
    const memory = JSON.parse(JSON.stringify(line.acceptance.memory()));
    return new Line({ wall: () => wall + awayMs }, memory);
  }

  test("lets the first telegram be accepted at once", () => {
    const line = restart(knownMeter({ wall: () => wall }), 10_000);
    expect(line.receive(netzNoe({ counter: 5 }), 300)).toEqual(["accepted 5"]);
  });

  test("rejects a wrong first value", () => {
    const line = restart(knownMeter({ wall: () => wall }), 10_000);
    expect(line.receive(netzNoe({ counter: 5, import: 4_000_000 }), 300)).toEqual([]);
    expect(line.receive(netzNoe({ counter: 6 }), 5_300)).toEqual(["rejected 5 energy-rise", "accepted 6"]);
  });

  test("rejects a replayed telegram", () => {
    const line = restart(knownMeter({ wall: () => wall }), 10_000);
    expect(line.receive(netzNoe({ counter: 1 }), 300)).toEqual(["rejected 1 counter"]);
  });

  test("requires a second telegram after a long pause, whatever the wall clock does", () => {
    for (const away of [10_000, -86_400_000, 900_000, 315_360_000_000]) {
      const line = restart(knownMeter({ wall: () => wall }), away);
      expect(line.receive(netzNoe({ counter: 200 }), 300)).toEqual(["provisional 200"]);
      expect(line.receive(netzNoe({ counter: 201 }), 5_300)).toEqual(["accepted 200", "accepted 201"]);
    }
  });

  test("applies only to the meter that it was stored for", () => {
    const line = restart(knownMeter({ wall: () => wall }), 10_000);
    expect(line.receive(netzNoe({ counter: 0, systemTitle: "4B464D6750000077", import: 4 }), 300)).toEqual([
      "provisional 0",
    ]);
  });

  test.each([null, 7, "text", [], { "4B464D6550000009": { registers: 3 } }, { "4B464D6550000009": null }])(
    "is ignored if it is not ours: %j",
    (memory) => {
      const line = new Line({}, memory);
      expect(line.receive(netzNoe({ counter: 0 }))).toEqual(["provisional 0"]);
    },
  );

  test("has a bounded size", () => {
    const line = knownMeter();
    const size = JSON.stringify(line.acceptance.memory()).length;
    for (let counter = 3; counter < 400; counter++) {
      const telegram = withRegister(netzNoe({ counter }), "13.7.0", {
        obis: `1-0:99.${counter % 100}.${counter % 7}*255`,
      });
      line.receive(telegram);
      line.receive(
        withRegister(netzNoe({ counter, meterId: `x${counter}` }), "1.8.0", { obis: `1-0:1.8.${counter % 90}*255` }),
      );
    }
    expect(JSON.stringify(line.acceptance.memory()).length).toBeLessThan(size + 20_000);
  });
});

describe("a capture (decode --accept)", () => {
  test("is judged by the meter's clock", () => {
    const line = new Line({ timing: "meter" });
    const verdicts = [0, 1, 2, 3, 700, 701].flatMap((counter) => line.receive(netzNoe({ counter }), 0));
    verdicts.push(...line.end());
    expect(verdicts.filter((text) => text.startsWith("accepted"))).toEqual(
      [0, 1, 2, 3, 700, 701].map((n) => `accepted ${n}`),
    );
    expect(line.receive(netzNoe({ counter: 702, import: 4_000_000 }), 0)).toEqual([]);
    expect(line.end()).toEqual(["rejected 702 energy-rise"]);
  });

  test("with a single telegram: accepts it at the end", () => {
    const line = new Line({ timing: "meter" });
    line.receive(netzNoe({ counter: 0 }), 0);
    expect(line.end()).toEqual(["accepted 0"]);
  });

  test("with several meters: judges each separately", () => {
    const line = new Line({ timing: "meter" });
    line.receive(netzNoe({ counter: 0 }), 0);
    line.receive(netzNoe({ counter: 0, systemTitle: "4B464D6750000077", import: 5 }), 0);
    expect(line.end()).toEqual(["accepted 0", "accepted 0"]);
  });
});
