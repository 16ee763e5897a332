/** `outputs.homewizard` as python-homewizard-energy reads it, and as zeroconf finds it. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { freePort } from "../helpers/free-port.ts";
import { OutputBridge } from "../helpers/output-bridge.ts";
import { type BuiltProgram, buildProgram } from "../helpers/program.ts";
import { PythonClient, pythonWithClients } from "../helpers/python-clients.ts";

interface Answer {
  readonly serial: string;
  readonly product_type: string;
  readonly api_version: string;
  readonly identify: boolean;
  readonly data: Record<string, unknown>;
}

let program: BuiltProgram;
let bridge: OutputBridge | null = null;
let client: PythonClient | null = null;

beforeAll(async () => {
  program = await buildProgram();
  await pythonWithClients();
}, 300_000);
afterAll(() => program?.remove());
afterEach(async () => {
  client?.stop();
  await bridge?.close();
  bridge = null;
});

describe("the HomeWizard output", () => {
  it("is read by python-homewizard-energy, which is told when the reading is too old", async () => {
    const host = `127.0.0.1:${await freePort()}`;
    bridge = await OutputBridge.start(program, `  homewizard: { listen: "${host}" }`);
    client = await PythonClient.start("homewizard.py", host);
    const answer = await client.json<Answer>();
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
    // The limit is three periods, 15 s at least.
    const status = async () => (await fetch(`http://${host}/api/v1/data`)).status;
    await expect.poll(status, { timeout: 25_000, interval: 250 }).toBe(503);
    client.goOn();
    expect(await client.json<string>()).toContain("503");
  });

  it("is found by zeroconf where it is announced", async () => {
    const port = await freePort();
    bridge = await OutputBridge.start(program, `  homewizard: { listen: "0.0.0.0:${port}", mdns: true }`);
    client = await PythonClient.start("mdns.py", "_hwenergy._tcp.local.");
    expect(await client.json()).toEqual({
      name: expect.stringMatching(/^p1meter-[0-9a-f]{6}\._hwenergy\._tcp\.local\.$/),
      port,
      txt: {
        api_enabled: "1",
        path: "/api/v1",
        serial: expect.stringMatching(/^[0-9a-f]{12}$/),
        product_name: "P1 meter",
        product_type: "HWE-P1",
      },
    });
  });
});
