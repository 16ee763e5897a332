import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { HomewizardOutput } from "../../../src/sinks/homewizard/homewizard-output.ts";
import { FakeClock } from "../../helpers/fake-clock.ts";
import { freePort } from "../../helpers/free-port.ts";
import { type Row, readingOf } from "../../helpers/readings.ts";
import { partsOf, THREE_PHASES, W, WH } from "../output/feeds.ts";

let clock: FakeClock;
let output: HomewizardOutput;
let url: string;

beforeEach(() => start());
afterEach(() => output.stop());

async function start(options: { phase_power?: "sent" | "computed" } = {}): Promise<void> {
  await output?.stop();
  clock = new FakeClock();
  const listen = `127.0.0.1:${await freePort()}`;
  url = `http://${listen}`;
  output = new HomewizardOutput({ listen, mdns: false, ...options }, partsOf(clock));
  await output.start();
}
const read = (rows: readonly Row[] = THREE_PHASES) => output.accept({ type: "reading", reading: readingOf(rows) });
const get = (path: string, init?: RequestInit) => fetch(`${url}${path}`, init);
const data = async () => (await (await get("/api/v1/data")).json()) as Record<string, number>;

describe("the HomeWizard output", () => {
  it("identifies itself with a stable serial number", async () => {
    read();
    expect(await (await get("/api")).json()).toEqual({
      product_name: "P1 meter",
      product_type: "HWE-P1",
      serial: expect.stringMatching(/^[0-9a-f][26ae][0-9a-f]{10}$/),
      firmware_version: "4.19",
      api_version: "v1",
    });
  });

  it("serves the values that the meter sends, and no keys for others", async () => {
    read();
    expect(await data()).toEqual({
      wifi_ssid: "",
      smr_version: 50,
      meter_model: "Kaifa MA309",
      unique_id: "313831323230303030303039",
      total_power_import_kwh: 12937.123,
      total_power_import_t1_kwh: 12937.123,
      total_power_export_kwh: 4567.89,
      total_power_export_t1_kwh: 4567.89,
      active_power_w: 2300,
      active_voltage_l1_v: 230.1,
      active_voltage_l2_v: 231.2,
      active_voltage_l3_v: 232.3,
      active_current_l1_a: 5,
      active_current_l2_a: 3,
      active_current_l3_a: 2.3,
      external: [],
    });
  });

  it("has negative power while the meter exports, and power per phase if it is sent or may be computed", async () => {
    read([W("1.7.0", 0), W("2.7.0", 1500), W("22.7.0", 1500)]);
    expect(await data()).toMatchObject({ active_power_w: -1500, active_power_l1_w: -1500 });
    await start({ phase_power: "computed" });
    read();
    const { active_power_l1_w: l1, active_power_l2_w: l2, active_power_l3_w: l3 } = await data();
    expect((l1 ?? 0) + (l2 ?? 0) + (l3 ?? 0)).toBeCloseTo(2300, 2);
  });

  it("adds up tariffs if the meter sends no total", async () => {
    read([WH("1.8.1", 1001), WH("1.8.2", 2002), ["0-0:96.14.0*255", "0002"]]);
    expect(await data()).toMatchObject({
      active_tariff: 2,
      total_power_import_kwh: 3.003,
      total_power_import_t1_kwh: 1.001,
      total_power_import_t2_kwh: 2.002,
    });
  });

  it("serves the P1 telegram as text", async () => {
    read();
    const answer = await get("/api/v1/telegram");
    expect(answer.headers.get("content-type")).toMatch(/^text\/plain/);
    expect(await answer.text()).toMatch(/^\/KFM5kaifa2mqtt\r\n.*![0-9A-F]{4}\r\n$/s);
  });

  it("answers 503 before the first reading and when it is too old, and works again afterwards", async () => {
    for (const path of ["/api", "/api/v1/data", "/api/v1/telegram"]) expect((await get(path)).status).toBe(503);
    read();
    expect((await get("/api/v1/data")).status).toBe(200);
    await clock.pass(15_001);
    expect((await get("/api/v1/data")).status).toBe(503);
    expect((await get("/api/v1/telegram")).status).toBe(503);
    expect((await get("/api")).status).toBe(200);
    read();
    expect((await get("/api/v1/data")).status).toBe(200);
  });

  it("is read-only, whatever the request", async () => {
    read();
    const before = await data();
    expect(await (await get("/api/v1/identify", { method: "PUT" })).json()).toEqual({ identify: "ok" });
    const system = { method: "PUT", body: '{"cloud_enabled":true}' };
    expect(await (await get("/api/v1/system", system)).json()).toEqual({ cloud_enabled: false });
    for (const method of ["POST", "PUT", "DELETE"]) expect((await get("/api/v1/data", { method })).status).toBe(404);
    expect(await data()).toEqual(before);
  });

  it("answers an unknown path with 404 and JSON, an oversized body with 413", async () => {
    expect(await (await get("/api/v2/data")).json()).toHaveProperty("error");
    expect((await get("/api/v1/system", { method: "PUT", body: "x".repeat(10_000) })).status).toBe(413);
  });

  it("counts client addresses", async () => {
    expect(output.status().clients).toBe(0);
    await get("/api");
    await get("/api");
    expect(output.status().clients).toBe(1);
    await clock.pass(61_000);
    expect(output.status().clients).toBe(0);
  });
});
