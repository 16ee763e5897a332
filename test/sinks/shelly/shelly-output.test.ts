import { createSocket, Socket } from "node:dgram";
import { once } from "node:events";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { WebSocket } from "ws";
import { ShellyOutput } from "../../../src/sinks/shelly/shelly-output.ts";
import { FakeClock } from "../../helpers/fake-clock.ts";
import { freePort } from "../../helpers/free-port.ts";
import { type Row, readingOf } from "../../helpers/readings.ts";
import { A, partsOf, SILENT, THREE_PHASES, V, W, WH } from "../output/feeds.ts";

let clock: FakeClock;
let output: ShellyOutput;
let listen: string;
let udpPort: number;

beforeEach(() => start());
afterEach(() => output.stop());

async function start(options: { phase_power?: "sent" | "computed"; never_zero?: boolean } = {}): Promise<void> {
  await output?.stop();
  clock = new FakeClock();
  listen = `127.0.0.1:${await freePort()}`;
  udpPort = await freePort();
  output = new ShellyOutput({ listen, mdns: false, udp: [udpPort], never_zero: false, ...options }, partsOf(clock));
  await output.start();
}
type Answer = Record<string, unknown>;
const read = (rows: readonly Row[] = THREE_PHASES) => output.accept({ type: "reading", reading: readingOf(rows) });
const get = (path: string, init?: RequestInit) => fetch(`http://${listen}${path}`, init);
const call = async (method: string) => (await (await get(`/rpc/${method}?id=0`)).json()) as Answer;
const post = (body: string) => get("/rpc", { method: "POST", body });
async function connect(): Promise<WebSocket> {
  const client = new WebSocket(`ws://${listen}/rpc`);
  await once(client, "open");
  return client;
}
const frameOf = async (client: WebSocket) => JSON.parse(String((await once(client, "message"))[0])) as Answer;
const REQUEST = { id: 7, src: "battery", method: "EM.GetStatus", params: { id: 0 } };

describe("the Shelly output", () => {
  it("identifies itself with a stable id", async () => {
    read();
    const device = (await (await get("/shelly")).json()) as Answer;
    expect(device).toMatchObject({
      model: "SPEM-003CEBEU",
      gen: 2,
      app: "Pro3EM",
      auth_en: false,
      profile: "triphase",
    });
    expect(device.id).toMatch(/^shellypro3em-[0-9a-f]{12}$/);
    expect(device.mac).toBe(String(device.id).slice(-12).toUpperCase());
    expect(await call("Shelly.GetDeviceInfo")).toEqual(device);
  });

  it("serves power, voltage and current, with the total on the first phase if the meter sends no power per phase", async () => {
    read();
    expect(await call("EM.GetStatus")).toEqual({
      id: 0,
      ...{ a_act_power: 2300, a_voltage: 230.1, a_current: 5, a_aprt_power: 1150.5, a_pf: null, a_freq: null },
      ...{ b_act_power: 0, b_voltage: 231.2, b_current: 3, b_aprt_power: 693.6, b_pf: null, b_freq: null },
      ...{ c_act_power: 0, c_voltage: 232.3, c_current: 2.3, c_aprt_power: 534.29, c_pf: null, c_freq: null },
      ...{ n_current: null, total_current: 10.3, total_act_power: 2300, total_aprt_power: 2378.39 },
    });
    expect(await call("EM1.GetStatus")).toMatchObject({ id: 0, act_power: 2300, voltage: 230.1, current: null });
  });

  it("has negative power while the meter exports, and power per phase if it may be computed", async () => {
    read([W("1.7.0", 0), W("2.7.0", 1500), W("22.7.0", 1500), V(1, 2300)]);
    expect(await call("EM.GetStatus")).toMatchObject({ total_act_power: -1500, a_act_power: -1500, b_voltage: null });
    await start({ phase_power: "computed" });
    read();
    const { a_act_power: a, b_act_power: b, c_act_power: c } = (await call("EM.GetStatus")) as Record<string, number>;
    expect(b).toBeGreaterThan(0);
    expect((a ?? 0) + (b ?? 0) + (c ?? 0)).toBeCloseTo(2300, 2);
  });

  it("serves energy in Wh, adding up tariffs if the meter sends no total", async () => {
    read();
    expect(await call("EMData.GetStatus")).toMatchObject({ total_act: 12_937_123, total_act_ret: 4_567_890 });
    await start();
    read([W("1.7.0", 5), WH("1.8.1", 1001), WH("1.8.2", 2002)]);
    expect(await call("EMData.GetStatus")).toMatchObject({ total_act: 3003, total_act_ret: null });
  });

  it("gives a power factor of 0 for a phase without load", async () => {
    read([W("21.7.0", 460), W("41.7.0", 0), W("1.7.0", 460), V(1, 2300), A(1, 200), V(2, 2300), A(2, 0)]);
    expect(await call("EM.GetStatus")).toMatchObject({ a_pf: 1, b_act_power: 0, b_pf: 0, c_pf: null });
  });

  it("gives the energy of all phases on the first one, no value where the meter sends none", async () => {
    read();
    expect(await call("EMData.GetStatus")).toEqual({
      id: 0,
      ...{ a_total_act_energy: 12_937_123, b_total_act_energy: 0, c_total_act_energy: 0, total_act: 12_937_123 },
      ...{ a_total_act_ret_energy: 4_567_890, b_total_act_ret_energy: 0, c_total_act_ret_energy: 0 },
      total_act_ret: 4_567_890,
    });
    await start();
    read([W("1.7.0", 5), WH("1.8.0", 1001)]);
    expect(await call("EMData.GetStatus")).toMatchObject({
      a_total_act_ret_energy: null,
      b_total_act_ret_energy: null,
    });
  });

  it("writes measured whole numbers with a decimal point, ids without", async () => {
    read();
    const text = await (await get("/rpc/EM.GetStatus?id=0")).text();
    expect(text).toContain('"id":0,');
    expect(text).toContain('"total_act_power":2300.0');
    expect(text).toContain('"a_current":5.0');
  });

  it("reports a total of 0 W as 0.1 W only if configured", async () => {
    read([W("1.7.0", 0), W("2.7.0", 0)]);
    expect(await call("EM.GetStatus")).toHaveProperty("total_act_power", 0);
    await start({ never_zero: true });
    read([W("1.7.0", 0), W("2.7.0", 0)]);
    expect(await call("EM.GetStatus")).toHaveProperty("total_act_power", 0.1);
    expect(await call("EM1.GetStatus")).toHaveProperty("act_power", 0.1);
  });

  it("supports every method that it lists", async () => {
    read();
    const { methods } = (await call("Shelly.ListMethods")) as { methods: string[] };
    expect(methods).toHaveLength(10);
    for (const method of methods) expect((await get(`/rpc/${method}`)).status, method).toBe(200);
    expect(await call("Shelly.GetStatus")).toMatchObject({ "em:0": { total_act_power: 2300 }, sys: { uptime: 0 } });
  });

  it("answers EM1.GetStatus but does not list it: evcc would read one phase instead of three", async () => {
    read();
    expect((await call("Shelly.ListMethods")).methods).not.toContain("EM1.GetStatus");
    expect(await call("EM1.GetStatus")).toHaveProperty("act_power", 2300);
  });

  it("answers POST to a method's path, with the parameters in the body, as evcc asks", async () => {
    read();
    const ask = (method: string, body: string) => get(`/rpc/${method}`, { method: "POST", body });
    const evcc = JSON.stringify({ id: 0, src: "evcc", method: "EM.GetStatus" });
    expect(await (await ask("EM.GetStatus", evcc)).json()).toEqual(await call("EM.GetStatus"));
    expect(await (await ask("EMData.GetStatus", "")).json()).toHaveProperty("total_act", 12_937_123);
    expect(await (await ask("EM.GetStatus", '{"id":1}')).json()).toHaveProperty("code", -105);
    expect((await ask("Shelly.Reboot", "{}")).status).toBe(404);
    expect((await ask("EM.GetStatus", "{")).status).toBe(400);
  });

  it("answers POST with id, src and dst, unknown methods and components with the protocol's errors", async () => {
    read();
    const answer = (await (await post(JSON.stringify(REQUEST))).json()) as Answer;
    expect(answer).toMatchObject({ id: 7, dst: "battery", result: { total_act_power: 2300 } });
    expect(answer.src).toMatch(/^shellypro3em-/);
    const unknown = await (await post('{"id":1,"method":"Shelly.Reboot"}')).json();
    expect(unknown).toMatchObject({ id: 1, error: { code: 404, message: "No handler for Shelly.Reboot" } });
    expect((await get("/rpc/Shelly.Reboot")).status).toBe(404);
    expect(await call("EM.SetConfig")).toEqual({ code: 404, message: "No handler for EM.SetConfig" });
    expect(await (await get("/rpc/EM.GetStatus?id=1")).json()).toHaveProperty("code", -105);
  });

  it("answers 503 before the first reading and when it is too old, and works again afterwards", async () => {
    const paths = ["EM.GetStatus", "EM1.GetStatus", "EMData.GetStatus", "Shelly.GetStatus"].map((one) => `/rpc/${one}`);
    for (const path of ["/shelly", ...paths]) expect((await get(path)).status, path).toBe(503);
    read();
    await clock.pass(15_001);
    for (const path of paths) expect((await get(path)).status, path).toBe(503);
    expect(await (await post(JSON.stringify(REQUEST))).json()).toHaveProperty("error.code", 503);
    expect((await get("/shelly")).status).toBe(200);
    read();
    expect((await get("/rpc/EM.GetStatus")).status).toBe(200);
  });

  it("answers requests over UDP, and ignores anything else", async () => {
    read();
    const client = createSocket("udp4");
    client.send("nonsense", udpPort, "127.0.0.1");
    client.send(JSON.stringify(REQUEST), udpPort, "127.0.0.1");
    const [message] = await once(client, "message");
    expect(JSON.parse(String(message))).toMatchObject({ id: 7, dst: "battery", result: { total_act_power: 2300 } });
    await clock.pass(15_001);
    client.send(JSON.stringify(REQUEST), udpPort, "127.0.0.1");
    expect(JSON.parse(String((await once(client, "message"))[0]))).toHaveProperty("error.code", 503);
    client.close();
    expect(output.status().clients).toBe(1);
  });

  it("drops requests over UDP while too many answers are waiting, and says so once", async () => {
    read();
    onTestFinished(() => void vi.restoreAllMocks());
    const waiting = vi.spyOn(Socket.prototype, "getSendQueueCount").mockReturnValue(64);
    const warn = vi.spyOn(SILENT, "warn");
    const client = createSocket("udp4");
    onTestFinished(() => void client.close());
    const ask = () => client.send(JSON.stringify(REQUEST), udpPort, "127.0.0.1");
    ask();
    ask();
    await vi.waitFor(() => expect(waiting).toHaveBeenCalledTimes(2));
    expect(warn.mock.calls).toEqual([[expect.stringContaining("more than 64 UDP answers are waiting")]]);
    waiting.mockRestore();
    ask();
    expect(String((await once(client, "message"))[0])).toContain('"id":7');
  });

  it("pads short UDP answers to 250 characters, which slow firmware needs, but no others", async () => {
    const client = createSocket("udp4");
    const answerTo = async (method: string) => {
      client.send(JSON.stringify({ ...REQUEST, method }), udpPort, "127.0.0.1");
      return String((await once(client, "message"))[0]);
    };
    read();
    const short = await answerTo("EM1.GetStatus");
    expect(short).toHaveLength(250);
    expect(short.endsWith(" }")).toBe(true);
    expect(JSON.parse(short)).toMatchObject({ id: 7, result: { act_power: 2300 } });
    const long = await answerTo("EM.GetStatus");
    expect(long.length).toBeGreaterThan(250);
    expect(long).not.toContain(" ");
    client.close();
  });

  it("sends each reading to WebSocket clients, and answers their requests", async () => {
    read();
    const client = await connect();
    client.send(JSON.stringify(REQUEST));
    expect(await frameOf(client)).toMatchObject({ id: 7, dst: "battery", result: { total_act_power: 2300 } });
    read([W("1.7.0", 42), W("2.7.0", 0)]);
    expect(await frameOf(client)).toMatchObject({
      dst: "battery",
      method: "NotifyStatus",
      params: { ts: expect.any(Number), "em:0": { id: 0, total_act_power: 42 }, "emdata:0": { total_act: 12_937_123 } },
    });
    client.terminate();
  });

  it("disconnects WebSocket clients once the reading is too old, and answers new ones with an error until the next reading", async () => {
    read();
    const client = await connect();
    await clock.pass(10_000);
    read();
    await clock.pass(15_000);
    expect(client.readyState).toBe(client.OPEN);
    const closed = once(client, "close");
    await clock.pass(1);
    expect((await closed)[0]).toBe(1013);
    const next = await connect();
    next.send(JSON.stringify(REQUEST));
    expect(await frameOf(next)).toHaveProperty("error.code", 503);
    await clock.pass(60_000);
    expect(next.readyState).toBe(next.OPEN);
    next.terminate();
  });

  it("disconnects WebSocket clients that send invalid or oversized requests", async () => {
    for (const [text, code] of [
      ["nonsense", 1007],
      ["x".repeat(8_193), 1009],
    ] as const) {
      const client = await connect();
      client.send(text);
      expect((await once(client, "close"))[0]).toBe(code);
    }
  });

  it("refuses WebSockets from other sites, for foreign host names and on other paths", async () => {
    for (const [path, headers] of [
      ["/rpc", { origin: "http://evil.example" }],
      ["/rpc", { host: "evil.example" }],
      ["/other", {}],
    ] as const) {
      const client = new WebSocket(`ws://${listen}${path}`, { headers });
      expect(String((await once(client, "error"))[0])).toContain("403");
    }
  });

  it("answers malformed bodies with 400, unknown paths with 404, large bodies with 413", async () => {
    read();
    expect((await post("{")).status).toBe(400);
    expect((await get("/settings")).status).toBe(404);
    expect((await post("x".repeat(10_000))).status).toBe(413);
  });

  it("answers any JSON and any text", async () => {
    read();
    const texts = fc.oneof(
      fc.string(),
      fc.json(),
      fc.record({ id: fc.anything(), src: fc.anything(), method: fc.string(), params: fc.anything() }).map(safeText),
    );
    await fc.assert(
      fc.asyncProperty(texts, async (text) => {
        const answer = await post(text);
        expect([200, 400]).toContain(answer.status);
        expect(await answer.json()).toBeTypeOf("object");
      }),
      { numRuns: 100 },
    );
  });
});

function safeText(value: unknown): string {
  try {
    return JSON.stringify(value);
  } catch {
    return "{}";
  }
}
