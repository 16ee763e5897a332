/** `outputs.homewizard` read by python-homewizard-energy and found by zeroconf. */
import { describe, expect, it } from "vitest";
import { freePort } from "../helpers/free-port.ts";
import { outputTests } from "../helpers/output-tests.ts";

interface Answer {
  readonly serial: string;
  readonly product_type: string;
  readonly api_version: string;
  readonly identify: boolean;
  readonly data: Record<string, unknown>;
}

const { bridge, client } = outputTests();

describe("the HomeWizard output", () => {
  it("is read by python-homewizard-energy, and answers 503 once the reading is too old", async () => {
    const host = `127.0.0.1:${await freePort()}`;
    await bridge(`  homewizard: { listen: "${host}" }`);
    const reader = await client("homewizard.py", host);
    const answer = await reader.json<Answer>();
    expect(answer).toMatchObject({ product_type: "HWE-P1", api_version: "v1", identify: true });
    expect(answer.serial).toMatch(/^[0-9a-f]{12}$/);
    expect(answer.data).toMatchObject({
      smr_version: 50,
      unique_meter_id: expect.stringMatching(/^18\d{10}$/),
      total_energy_import_kwh: expect.any(Number),
      active_power_w: expect.any(Number),
      active_voltage_l1_v: expect.any(Number),
      active_current_l3_a: expect.any(Number),
    });
    // The limit is three periods, at least 15 s.
    const status = async () => (await fetch(`http://${host}/api/v1/data`)).status;
    await expect.poll(status, { timeout: 25_000, interval: 250 }).toBe(503);
    reader.goOn();
    expect(await reader.json<string>()).toContain("503");
  });

  it("is found by zeroconf if announced, and withdrawn when it stops", async () => {
    const port = await freePort();
    const meter = await bridge(`  homewizard: { listen: "0.0.0.0:${port}", mdns: true }`);
    const { serial } = (await (await fetch(`http://127.0.0.1:${port}/api`)).json()) as { serial: string };
    const name = `p1meter-${serial.slice(-6)}`;
    const reader = await client("mdns.py", name, "_hwenergy._tcp.local.");
    expect(await reader.json()).toEqual({
      name: `${name}._hwenergy._tcp.local.`,
      port,
      txt: { api_enabled: "1", path: "/api/v1", serial, product_name: "P1 meter", product_type: "HWE-P1" },
    });
    await meter.process.stop();
    expect(await reader.json()).toBe("removed");
  });
});
