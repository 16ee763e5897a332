/** `outputs.p1` as the clients of P1 meters read it: dsmr-parser (what Home Assistant's `dsmr` uses) over TCP and on a PTY. */
import { describe, expect, it } from "vitest";
import { P1Output } from "../../src/sinks/p1/p1-output.ts";
import { FakeClock } from "../helpers/fake-clock.ts";
import { freePort } from "../helpers/free-port.ts";
import { outputTests } from "../helpers/output-tests.ts";
import { PtyPair } from "../helpers/pty.ts";
import type { PythonClient } from "../helpers/python-clients.ts";
import { METER, NETZ_NOE, readingOf } from "../helpers/readings.ts";
import { partsOf } from "../sinks/output/feeds.ts";

type Telegram = Record<string, { value: string; unit: string | null } | undefined>;

const { bridge, client } = outputTests();

async function reader(url: string, count: number, version = "5"): Promise<PythonClient> {
  const one = await client("dsmr.py", url, String(count), version);
  expect(await one.line()).toBe("connected");
  return one;
}

function expectTelegram(telegram: Telegram): void {
  expect(telegram.P1_MESSAGE_HEADER?.value).toBe("50");
  expect(Buffer.from(telegram.EQUIPMENT_IDENTIFIER?.value ?? "", "hex").toString()).toMatch(/^18\d{10}$/);
  const { ELECTRICITY_USED_TARIFF_1: tariff1, ELECTRICITY_IMPORTED_TOTAL: total } = telegram;
  expect(Number(tariff1?.value)).toBeGreaterThan(0);
  expect(tariff1?.unit).toBe("kWh");
  expect(total ?? tariff1).toEqual(tariff1);
  expect(telegram.ELECTRICITY_USED_TARIFF_2).toBeUndefined();
  expect(telegram.ELECTRICITY_ACTIVE_TARIFF?.value).toBe("0001");
  expect(telegram.CURRENT_ELECTRICITY_USAGE?.unit).toBe("kW");
  expect(Number(telegram.INSTANTANEOUS_VOLTAGE_L1?.value)).toBeGreaterThan(200);
  expect(Math.abs(Date.parse(telegram.P1_MESSAGE_TIMESTAMP?.value ?? "") - Date.now())).toBeLessThan(120_000);
}

describe("dsmr-parser", () => {
  it("reads each telegram over TCP, several clients at a time", async () => {
    const port = await freePort();
    const meter = await bridge(`  p1: { listen: "127.0.0.1:${port}" }`);
    const readers = await Promise.all([1, 2, 3].map(() => reader(`socket://127.0.0.1:${port}`, 2)));
    for (let telegram = 0; telegram < 2; telegram++) {
      meter.send();
      for (const one of readers) expectTelegram(await one.json<Telegram>());
    }
  });

  it("reads average and peak as Belgian meters send them", async () => {
    const port = await freePort();
    const output = new P1Output({ listen: `127.0.0.1:${port}` }, partsOf(new FakeClock()));
    await output.start();
    try {
      const one = await reader(`socket://127.0.0.1:${port}`, 1, "5B");
      await expect.poll(() => output.status().clients).toBe(1);
      // NETZ_NOE is of 09:47:15; the ledger has spoken after the reading before.
      output.accept({ type: "reading", reading: { ...readingOf(NETZ_NOE), complete: false } });
      const at = (time: string) => ({ at: Date.parse(time), offset: 120 });
      output.acceptLedger(METER, {
        quarterStart: at("2021-09-27T09:45:00+02:00"),
        quarterImport: 123,
        quarterExport: 0,
        forecast: null,
        lastQuarter: null,
        peak: { start: at("2021-09-05T18:30:00+02:00"), power: 4328 },
        windows: {},
      });
      output.accept({ type: "reading", reading: readingOf(NETZ_NOE) });
      const { BELGIUM_CURRENT_AVERAGE_DEMAND: average, BELGIUM_MAXIMUM_DEMAND_MONTH: peak } =
        await one.json<Telegram>();
      expect([Number(average?.value), average?.unit]).toEqual([0.492, "kW"]);
      expect([Number(peak?.value), peak?.unit]).toEqual([4.328, "kW"]);
    } finally {
      await output.stop();
    }
  });

  it("reads them on a serial port", async () => {
    const pty = await PtyPair.open();
    try {
      const meter = await bridge(`  p1: { port: "${pty.otherEnd}" }`);
      const one = await reader(pty.device, 2);
      for (let telegram = 0; telegram < 2; telegram++) {
        meter.send();
        expectTelegram(await one.json<Telegram>());
      }
    } finally {
      await pty.close();
    }
  });
});
