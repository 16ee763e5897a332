/** `outputs.p1` read by a client of P1 meters: dsmr-parser (used by Home Assistant's `dsmr`) over TCP and on a PTY. */
import { describe, expect, it } from "vitest";
import { freePort } from "../helpers/free-port.ts";
import { outputTests } from "../helpers/output-tests.ts";
import { PtyPair } from "../helpers/pty.ts";
import type { PythonClient } from "../helpers/python-clients.ts";

type Telegram = Record<string, { value: string; unit: string | null } | undefined>;

const { bridge, client, run } = outputTests();

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

  it("reads average and peak from the ledger like from Belgian meters, equal to those of HomeWizard clients", async () => {
    const [port, homewizard] = [await freePort(), `127.0.0.1:${await freePort()}`];
    let time = Date.parse("2026-11-22T12:13:00+01:00");
    const outputs = `  p1: { listen: "127.0.0.1:${port}" }\n  homewizard: { listen: "${homewizard}" }`;
    const meter = await bridge(outputs, "time_zone: Europe/Vienna", time);
    time += 5_000;
    // Accelerated, until a full quarter hour and part of the next have passed.
    while (time < Date.parse("2026-11-22T12:33:00+01:00")) {
      time += 5_000;
      meter.send(time);
      await new Promise((done) => setTimeout(done, 25));
    }
    const exported = async () => (await run(meter, "export", "--json")).stdout.split("\n").filter(Boolean);
    await expect.poll(async () => (await exported()).length, { timeout: 10_000 }).toBeGreaterThanOrEqual(2);
    const quarters = (await exported()).map((line) => JSON.parse(line) as { energy_import_wh: number; mark: string });
    const whole = quarters.filter(({ mark }) => mark === "").map(({ energy_import_wh: energy }) => energy);
    expect(whole).toHaveLength(1);
    const one = await reader(`socket://127.0.0.1:${port}`, 1, "5B");
    meter.send(time + 5_000);
    const { BELGIUM_CURRENT_AVERAGE_DEMAND: average, BELGIUM_MAXIMUM_DEMAND_MONTH: peak } = await one.json<Telegram>();
    expect([Number(peak?.value), peak?.unit]).toEqual([((whole[0] ?? 0) * 4) / 1000, "kW"]);
    // The ledger reports once a minute by the wall clock, so this is the average at the boundary.
    expect([Number(average?.value), average?.unit]).toEqual([0, "kW"]);
    const data = (await (await fetch(`http://${homewizard}/api/v1/data`)).json()) as Record<string, number>;
    expect(data.montly_power_peak_w).toBe(Number(peak?.value) * 1000);
    expect(data.montly_power_peak_timestamp).toBe(261122123000);
    expect(data.active_power_average_w).toBe(0);
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
