import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { History } from "../../src/http/history.ts";

const START = Date.UTC(2026, 5, 1, 12);
describe("History", () => {
  it("averages the values in one slot of ten seconds", () => {
    const history = new History();
    history.addPower("m", START, 100);
    history.addPower("m", START + 5_000, 300);
    history.addPower("m", START + 10_000, 50);
    const series = history.power("m", START + 10_000, 30_000);
    expect(series.stepMs).toBe(10_000);
    expect(series.start).toBe(START - 20_000);
    expect(series.watts).toEqual([null, null, 200, 50]);
  });

  it("leaves gaps where there is no data", () => {
    const history = new History();
    history.addPower("m", START, 1);
    history.addPower("m", START + 40_000, 2);
    expect(history.power("m", START + 40_000, 40_000).watts).toEqual([1, null, null, null, 2]);
  });

  it("drops values older than a day, and keeps five-minute means for a month", () => {
    const history = new History();
    const day = 86_400_000;
    for (let at = START; at < START + 2 * day; at += 10_000) history.addPower("m", at, at < START + day ? 1 : 3);
    const now = START + 2 * day - 10_000;
    const fine = history.power("m", now, day);
    expect(fine.watts).toHaveLength(8_640);
    expect(new Set(fine.watts)).toEqual(new Set([3]));
    const coarse = history.power("m", now, 2 * day);
    expect(coarse.stepMs).toBe(300_000);
    expect(new Set(coarse.watts.slice(1))).toEqual(new Set([1, 3]));
  });

  it("survives a clock that is set back or jumps ahead", () => {
    const history = new History();
    history.addPower("m", START, 5);
    history.addPower("m", START - 30_000, 9);
    expect(history.power("m", START, 0).watts).toEqual([5]);
    history.addPower("m", START - 7_200_000, 7);
    expect(history.power("m", START - 7_200_000, 0).watts).toEqual([7]);
    history.addPower("m", START + 400 * 86_400_000, 8);
    expect(history.power("m", START + 400 * 86_400_000, 0).watts).toEqual([8]);
  });

  it("keeps a bounded number of meters", () => {
    const history = new History();
    for (let index = 0; index < 40; index++) history.addPower(`m${index}`, START, 1);
    expect(history.power("m15", START, 0).watts).toEqual([1]);
    expect(history.power("m16", START, 0).watts).toEqual([null]);
  });

  describe("in a file", () => {
    let folder: string;
    beforeEach(async () => {
      folder = await mkdtemp(join(tmpdir(), "kaifa2mqtt-history-"));
    });
    afterEach(() => rm(folder, { recursive: true }));

    it("is restored unchanged", async () => {
      const file = join(folder, "data", "history.gz");
      const history = new History();
      history.addPower("m", START, 1234.5);
      await history.save(file);
      expect((await readFile(file)).length).toBeLessThan(20_000);
      const again = new History();
      await again.load(file);
      expect(again.power("m", START, 20_000)).toEqual(history.power("m", START, 20_000));
      again.addPower("m", START + 10_000, 1);
      expect(again.power("m", START + 10_000, 10_000).watts).toEqual([1234.5, 1]);
    });

    it("a missing file is not a fault; a damaged one is reported and changes nothing", async () => {
      const history = new History();
      await history.load(join(folder, "none.gz"));
      const file = join(folder, "bad.gz");
      await writeFile(file, "rubbish");
      await expect(history.load(file)).rejects.toThrow();
      expect(history.power("m", START, 0).watts).toEqual([null]);
    });
  });
});
