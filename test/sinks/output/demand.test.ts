import { describe, expect, it } from "vitest";
import type { LedgerState } from "../../../src/ledger/ledger-state.ts";
import { homewizardData } from "../../../src/sinks/homewizard/homewizard-data.ts";
import { demandOf } from "../../../src/sinks/output/demand.ts";
import { dsmrTelegram } from "../../../src/sinks/p1/dsmr-telegram.ts";
import { FakeClock } from "../../helpers/fake-clock.ts";
import { METER, NETZ_NOE } from "../../helpers/readings.ts";
import { feedOf } from "./feeds.ts";

const at = (time: string) => ({ at: Date.parse(time), offset: 120 });
/** The reading of NETZ_NOE is from 09:47:15. */
const STATE: LedgerState = {
  quarterStart: at("2021-09-27T09:45:00+02:00"),
  quarterImport: 123,
  quarterExport: 0,
  forecast: 2000,
  lastQuarter: null,
  peak: { start: at("2021-09-05T18:30:00+02:00"), power: 4328 },
  windows: {},
};

describe("demand from the ledger", () => {
  it("is the average of the current quarter and the peak of the month, in P1 and HomeWizard", () => {
    const feed = feedOf(NETZ_NOE);
    feed.takeLedger(METER.id, STATE);
    const text = Buffer.from(dsmrTelegram(feed) ?? []).toString("latin1");
    expect(text).toContain("\r\n1-0:1.4.0(00.492*kW)\r\n1-0:1.6.0(210905184500S)(04.328*kW)\r\n");
    expect(homewizardData(feed, "sent")).toMatchObject({
      active_power_average_w: 492,
      montly_power_peak_w: 4328,
      montly_power_peak_timestamp: 210905184500,
    });
  });

  it("is omitted if the ledger has no data, or only for another meter", () => {
    const feed = feedOf(NETZ_NOE);
    expect(demandOf(feed)).toEqual({ average: null, peak: null });
    feed.takeLedger("another", STATE);
    expect(demandOf(feed)).toEqual({ average: null, peak: null });
    feed.takeLedger(METER.id, { ...STATE, quarterImport: null, peak: null });
    expect(demandOf(feed)).toEqual({ average: null, peak: null });
    expect(Buffer.from(dsmrTelegram(feed) ?? []).toString("latin1")).not.toMatch(/1-0:1\.[46]\.0/);
    expect(Object.keys(homewizardData(feed, "sent")).filter((key) => /average|peak/.test(key))).toEqual([]);
  });

  it("is omitted if the report is about an earlier quarter or month", () => {
    const feed = feedOf(NETZ_NOE);
    feed.takeLedger(METER.id, { ...STATE, quarterStart: at("2021-09-27T09:30:00+02:00") });
    expect(demandOf(feed)).toEqual({ average: null, peak: { power: 4328, end: "2021-09-05T18:45:00+02:00" } });
    feed.takeLedger(METER.id, { ...STATE, quarterStart: at("2021-08-27T09:45:00+02:00") });
    expect(demandOf(feed)).toEqual({ average: null, peak: null });
  });

  it("is omitted after two and a half minutes without a report", async () => {
    const clock = new FakeClock();
    const feed = feedOf(NETZ_NOE, clock);
    feed.takeLedger(METER.id, STATE);
    await clock.pass(150_000);
    expect(demandOf(feed).average).toBe(492);
    await clock.pass(1);
    expect(demandOf(feed)).toEqual({ average: null, peak: null });
  });
});
