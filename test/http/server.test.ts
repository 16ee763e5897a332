import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createDecoder } from "../../src/codec/decoder.ts";
import { keyBytes } from "../../src/config/hex-key.ts";
import { diagnose } from "../../src/diagnosis/diagnosis.ts";
import { Observer } from "../../src/diagnosis/observer.ts";
import { ASSET_NAMES } from "../../src/http/assets.ts";
import type { BridgeView } from "../../src/http/bridge-view.ts";
import { HttpSink, type HttpSinkOptions } from "../../src/http/http-sink.ts";
import type { PageState, PowerSeries } from "../../src/http/page-model.ts";
import { LedgerReader } from "../../src/ledger/ledger-reader.ts";
import { LedgerStore } from "../../src/ledger/ledger-store.ts";
import type { Point } from "../../src/ledger/point.ts";
import { LogTail } from "../../src/log/log-tail.ts";
import type { MeterStatus } from "../../src/meter/events.ts";
import { loadFixture } from "../helpers/fixtures.ts";
import { freePort } from "../helpers/free-port.ts";
import { METER, readingOf } from "../helpers/readings.ts";

const KEY = "36C66639E48A8CA4D6BC8B282A793BBB";
const WRONG = "000102030405060708090A0B0C0D0E0F";
const SCRIPT = { "content-type": "application/json", "x-kaifa2mqtt": "1" };

let folder = "";
let sink: HttpSink | null = null;
let logged: string[] = [];
let healthy = true;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "kaifa-http-"));
  for (const name of ASSET_NAMES) {
    await writeFile(join(folder, name), `plain ${name}`);
    await writeFile(join(folder, `${name}.gz`), `gzip ${name}`);
    await writeFile(join(folder, `${name}.br`), `brotli ${name}`);
  }
  const policy = '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'" />';
  await writeFile(join(folder, "decode.html"), `<!doctype html>${policy}`);
  logged = [];
  healthy = true;
});
afterEach(async () => {
  await sink?.stop();
  sink = null;
  await rm(folder, { recursive: true });
});

function status(): MeterStatus {
  const observer = new Observer("/dev/ttyUSB0", "serial");
  observer.opened(0, null);
  observer.accepted(0);
  return {
    index: 0,
    label: "/dev/ttyUSB0",
    info: METER,
    online: true,
    connected: true,
    lastTelegramAt: 1_000,
    periodMs: 5_000,
    limitMs: 30_000,
    counters: {
      bytes: 564,
      telegrams: 2,
      accepted: 2,
      rejected: 3,
      rejectedBy: { checksum: 2, "key-wrong": 1 },
      skippedBytes: 7,
      connections: 1,
    },
    diagnosis: diagnose(observer.observe(1, 30_000)),
  };
}

const view: BridgeView = {
  version: "1.2.3",
  startedAt: Date.now(),
  meters: () => [status()],
  outputs: () => [
    { output: "p1", meter: "house", address: "127.0.0.1:2000", listening: true, clients: 2, ageMs: 1500, fresh: true },
  ],
  broker: () => ({ server: "mqtt://localhost:1883", connected: true, published: 42, error: null }),
  health: () => ({ healthy, reasons: healthy ? [] : ["the broker is away"] }),
};

const SILENT = { error: () => undefined, warn: () => undefined, info: () => undefined, debug: () => undefined };

/** @returns the address with a trailing slash */
async function start(
  options: Partial<HttpSinkOptions> = {},
  http: Partial<HttpSinkOptions["http"]> = {},
): Promise<string> {
  const port = await freePort();
  const note = (message: string | (() => string)) => {
    logged.push(typeof message === "string" ? message : message());
  };
  sink = new HttpSink({
    http: { enabled: true, host: "127.0.0.1", port, token: undefined, ...http },
    dataDir: folder,
    ledger: new LedgerReader(folder),
    supervised: false,
    view,
    keysOf: () => ({ key: Buffer.from(KEY, "hex") }),
    parseKey: keyBytes,
    assetsDir: folder,
    log: { warn: note, info: note, debug: note },
    ...options,
  });
  await sink.start();
  return `http://127.0.0.1:${http.port ?? port}/`;
}

function hear(name: string): void {
  const { wire, keys } = loadFixture(name);
  sink?.recorder.tap(0, createDecoder({ ...keys, keepBytes: true })).feed(wire);
}

const post = (url: string, body: object, headers: Record<string, string> = SCRIPT) =>
  fetch(url, { method: "POST", headers, body: JSON.stringify(body) });

describe("health and metrics", () => {
  it("/health shows good or bad by its status, /live only liveness", async () => {
    const url = await start();
    const good = await fetch(`${url}health`);
    expect(good.status).toBe(200);
    expect(await good.json()).toMatchObject({ healthy: true, reasons: [], version: "1.2.3" });
    healthy = false;
    const bad = await fetch(`${url}health`);
    expect(bad.status).toBe(503);
    expect(await bad.json()).toMatchObject({ healthy: false, reasons: ["the broker is away"] });
    expect((await fetch(`${url}live`)).status).toBe(200);
  });

  it("/metrics follows the conventions of Prometheus", async () => {
    const url = await start();
    sink?.accept({ type: "reading", reading: readingOf() });
    const answer = await fetch(`${url}metrics`);
    expect(answer.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
    const lines = (await answer.text()).split("\n");
    const own = 'meter="181220000009",port="/dev/ttyUSB0"';
    expect(lines).toEqual(
      expect.arrayContaining([
        'kaifa2mqtt_build_info{version="1.2.3"} 1',
        "kaifa2mqtt_healthy 1",
        `kaifa2mqtt_meter_received_bytes_total{${own}} 564`,
        `kaifa2mqtt_meter_telegrams_accepted_total{${own}} 2`,
        `kaifa2mqtt_meter_telegrams_rejected_total{${own},reason="checksum"} 2`,
        `kaifa2mqtt_meter_last_telegram_timestamp_seconds{${own}} 1`,
        `kaifa2mqtt_meter_status{${own},status="ok"} 1`,
        "kaifa2mqtt_mqtt_messages_published_total 42",
        'kaifa2mqtt_output_clients{output="p1",meter="house",address="127.0.0.1:2000"} 2',
        'kaifa2mqtt_output_age_seconds{output="p1",meter="house",address="127.0.0.1:2000"} 1.5',
        'kaifa2mqtt_energy_joules_total{meter="181220000009",direction="import",phase="",tariff=""} 46573200',
        'kaifa2mqtt_voltage_volts{meter="181220000009",direction="",phase="l1",tariff=""} 233.7',
      ]),
    );
    const names = lines.flatMap((line) => /^# TYPE (\S+) (\S+)/.exec(line)?.slice(1) ?? []);
    for (let i = 0; i < names.length; i += 2) {
      expect(names[i]).toMatch(/^(kaifa2mqtt|process)_[a-z0-9_]+$/);
      expect(names[i]?.endsWith("_total")).toBe(names[i + 1] === "counter");
    }
  });
});

describe("the page's data", () => {
  it("events deliver the state at once, and again on every change", async () => {
    const url = await start();
    const answer = await fetch(`${url}events`);
    expect(answer.headers.get("content-type")).toBe("text/event-stream");
    const reader = answer.body?.getReader();
    let text = "";
    const until = async (pattern: RegExp) => {
      while (!pattern.test(text)) text += Buffer.from((await reader?.read())?.value ?? []).toString();
    };
    await until(/event: state\ndata: \{"api":1,"version":"1\.2\.3".*"values":\[\]/);
    sink?.accept({ type: "reading", reading: readingOf() });
    await until(/"key":"energy_import","text":"12\.937"/);
    await reader?.cancel();
  });

  it("keeps values of earlier telegrams: some meters send their values in several lists", async () => {
    const url = await start();
    sink?.accept({ type: "reading", reading: readingOf() });
    sink?.accept({ type: "reading", reading: readingOf([["1-0:1.7.0*255", 321, 0, "W"]]) });
    const { meters } = (await (await fetch(`${url}api/state`)).json()) as PageState;
    const texts = Object.fromEntries(meters[0]?.values.map(({ key, text }) => [key, text]) ?? []);
    expect(texts).toMatchObject({ power_import: "321", energy_import: "12.937", voltage_l1: "233.7" });
    const later = { ...readingOf([["1-0:1.7.0*255", 1, 0, "W"]]), receivedAt: readingOf().receivedAt + 3 * 3_600_000 };
    sink?.accept({ type: "reading", reading: later });
    const again = (await (await fetch(`${url}api/state`)).json()) as PageState;
    expect(again.meters[0]?.values.map(({ key }) => key)).toEqual(["power_import"]);
  });

  it("serves a limited number of values per meter, and no long texts", async () => {
    const url = await start();
    const many = Array.from({ length: 500 }, (_, n): [string, number, number, string] => [
      `1-0:${n >> 8}.${n & 255}.9*255`,
      n,
      0,
      "W",
    ]);
    sink?.accept({ type: "reading", reading: readingOf(many) });
    const { meters } = (await (await fetch(`${url}api/state`)).json()) as PageState;
    expect(meters[0]?.values).toHaveLength(160);
    expect(meters[0]?.omittedValues).toBe(340);
  });

  it("names a meter as configured before its first telegram", async () => {
    const [known] = view.meters();
    const unknown = { ...view, meters: () => (known === undefined ? [] : [{ ...known, info: null }]) };
    const url = await start({ view: unknown, meters: [{ name: "House", id: "house" }] });
    const { meters } = (await (await fetch(`${url}api/state`)).json()) as PageState;
    expect(meters[0]).toMatchObject({ name: "House", id: "house" });
  });

  it("serves the decode page under its own policy, everything else under the default one", async () => {
    const url = await start();
    const policyAt = async (path: string) => (await fetch(url + path)).headers.get("content-security-policy");
    expect(await policyAt("decode")).toBe("default-src 'none'; frame-ancestors 'self'");
    expect(await policyAt("")).toMatch(/^default-src 'none'; script-src 'self';/);
  });

  it("writes a template for telegrams that match no list", async () => {
    const url = await start();
    const template = async () => (await fetch(`${url}api/template?meter=0`)).json();
    expect(await template()).toBe("");
    const unknown = "0F000000010C07EA0B1A040C000000FFC40002030A064E45575F30311208FC0600012345";
    const decoder = sink?.recorder.tap(0, createDecoder({ keepBytes: true }));
    decoder?.feed(Buffer.from(unknown, "hex"));
    decoder?.end();
    expect(await template()).toMatch(/^lists:\n {2}- name: my-list\n/);
  });

  it("uses encodings that the browser accepts, and sends nothing twice", async () => {
    const url = await start();
    const brotli = await fetch(`${url}page.js`, { headers: { "accept-encoding": "identity" } });
    expect(await brotli.text()).toBe("plain page.js");
    const etag = brotli.headers.get("etag") ?? "";
    expect((await fetch(`${url}page.js`, { headers: { "if-none-match": etag } })).status).toBe(304);
    const raw = await rawRequest(url, "GET /page.css HTTP/1.1\r\nAccept-Encoding: gzip, br\r\n");
    expect(raw).toMatch(/content-encoding: br/i);
    expect(raw).toMatch(/brotli page\.css$/);
  });

  it("annotates telegrams without the key, and offers captures", async () => {
    const url = await start();
    hear("kaifa-netz-noe");
    const [summary] = (await (await fetch(`${url}api/telegrams?meter=0`)).json()) as { id: number; outcome: string }[];
    expect(summary).toMatchObject({ outcome: "ok", bytes: 282, transport: "mbus" });
    const detail = await (await fetch(`${url}api/telegrams/${summary?.id}`)).text();
    expect(detail).toContain("1-0:1.8.0*255");
    expect(detail).not.toContain(KEY);
    const plain = await fetch(`${url}capture?meter=0`);
    expect(plain.headers.get("content-disposition")).toMatch(/^attachment; filename="kaifa2mqtt-\d+T\d+\.txt"$/);
    expect(await plain.text()).toContain("4B 46 4D 67 50 00 00 09");
    expect(await (await fetch(`${url}capture?meter=0&anonymous=1`)).text()).not.toContain("67 50 00 00 09");
    expect((await fetch(`${url}api/telegrams/999`)).status).toBe(404);
  });

  it("clients that never read do not block slots", async () => {
    const url = await start();
    const { port } = new URL(url);
    const idle = Array.from({ length: 40 }, () => connect(Number(port), "127.0.0.1"));
    for (const socket of idle) {
      socket.on("error", () => undefined);
      socket.write("GET /events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
      socket.pause();
    }
    const answer = await fetch(`${url}events`);
    expect(answer.status).toBe(200);
    const reader = answer.body?.getReader();
    expect(Buffer.from((await reader?.read())?.value ?? []).toString()).toMatch(/^event: state/);
    await reader?.cancel();
    for (const socket of idle) socket.destroy();
  });

  it("external texts cannot reorder or break displayed text", async () => {
    const [known] = view.meters();
    const evil = { ...view, meters: () => (known === undefined ? [] : [{ ...known, label: "tcp://a\u202Eb\u2028c" }]) };
    const url = await start({ view: evil });
    const text = await (await fetch(`${url}api/state`)).text();
    expect((JSON.parse(text) as PageState).meters[0]?.port).toBe("tcp://a\\u202eb\\u2028c");
  });

  it("shows the log and the effective configuration", async () => {
    const logTail = new LogTail();
    logTail.add({ at: 1, level: "warn", component: "mqtt", meter: null, message: "first" });
    logTail.add({ at: 2, level: "info", component: "meter", meter: "house", message: "second" });
    const settings = {
      file: "/config/kaifa2mqtt.yaml",
      values: [{ path: "meters[0].key", value: "***", origin: "x" }],
    };
    const url = await start({ logTail, settings });
    expect(await (await fetch(`${url}api/log?after=1`)).json()).toMatchObject([{ id: 2, message: "second" }]);
    expect(await (await fetch(`${url}api/settings`)).json()).toEqual(settings);
  });

  it("serves the data of the plots as CSV", async () => {
    const url = await start();
    const hour = Math.floor(Date.now() / 3_600_000) * 3_600_000;
    sink?.history.addPower(METER.id, hour - 3_600_000, 500);
    sink?.history.addPower(METER.id, hour - 1_000, 700);
    const kept = new LedgerStore({ dataDir: folder, meter: METER.id, log: SILENT });
    const point = (at: number, wh: number): Point => ({
      at,
      offset: 60,
      registers: { energy_import: wh, energy_export: 1_000 },
      mark: "ok",
    });
    kept.append([point(hour - 3_600_000, 10_000), point(hour, 10_500)], null);
    await kept.stop();
    const energy = await fetch(`${url}api/energy.csv?meter=0`);
    expect(energy.headers.get("content-disposition")).toMatch(/attachment; filename="kaifa2mqtt-energy-/);
    const start1 = new Date(hour - 3_600_000).toISOString().replace(".000", "");
    const end1 = new Date(hour).toISOString().replace(".000", "");
    expect(await energy.text()).toBe(`start,end,energy_import_kwh,energy_export_kwh\n${start1},${end1},0.500,0.000\n`);
    const power = await (await fetch(`${url}api/power.csv?meter=0&span=7200000`)).text();
    expect(power.split("\n")).toEqual(["start,power_net_w", `${start1},500`, expect.stringMatching(/,700$/), ""]);
  });

  it("answers for each of hundreds of meters, and refuses a number that no meter has", async () => {
    const meters = () => Array.from({ length: 300 }, (_, index) => ({ ...status(), index }));
    const url = await start({ view: { ...view, meters } });
    expect((await fetch(`${url}api/telegrams?meter=299`)).status).toBe(200);
    expect((await fetch(`${url}api/telegrams?meter=300`)).status).toBe(404);
    expect((await fetch(`${url}api/telegrams?meter=x`)).status).toBe(400);
  });

  it("keeps the power history over a restart", async () => {
    let url = await start();
    sink?.accept({ type: "reading", reading: { ...readingOf(), receivedAt: Date.now() - 20_000 } });
    const watts = async (): Promise<unknown[]> => {
      const series = (await (await fetch(`${url}api/power?meter=0&span=600000`)).json()) as PowerSeries;
      return series.watts.filter((value) => value !== null);
    };
    const before = await watts();
    expect(before).toHaveLength(1);
    await sink?.stop();
    url = await start();
    expect(await watts()).toEqual(before);
  });
});

describe("access control", () => {
  it("every answer has the security headers, and other sites cannot read it", async () => {
    const url = await start();
    for (const path of ["", "health", "nothing-here"]) {
      const { headers } = await fetch(url + path);
      expect(headers.get("content-security-policy")).toMatch(/default-src 'none'; script-src 'self'/);
      expect(headers.get("content-security-policy")).not.toContain("unsafe");
      expect(headers.get("x-content-type-options")).toBe("nosniff");
      expect(headers.get("access-control-allow-origin")).toBeNull();
    }
  });

  it("under the Supervisor only its ingress", async () => {
    const url = await start({ supervised: true });
    for (const path of ["", "health", "live", "metrics", "api/state", "events", "capture"]) {
      const answer = await fetch(url + path);
      expect(answer.status, path).toBe(403);
      expect(await answer.text()).not.toContain("healthy");
    }
    await sink?.stop();
    const allowed = await start({ supervised: true, ingressPeer: "127.0.0.1" });
    expect((await fetch(allowed)).status).toBe(200);
  });

  it("a foreign name that resolves to the loopback address is refused (DNS rebinding)", async () => {
    const url = await start();
    expect(await rawRequest(url, "GET /api/state HTTP/1.1\r\n", "evil.example")).toMatch(/^HTTP\/1\.1 403/);
    expect(await rawRequest(url, "GET /api/state HTTP/1.1\r\n", "localhost:8099")).toMatch(/^HTTP\/1\.1 200/);
  });

  it("with a token, only liveness and health are served without it", async () => {
    const url = await start({}, { token: "open sesame" });
    const apis = ["state", "power", "energy", "energy.csv", "power.csv", "telegrams", "log", "settings"];
    for (const path of [...apis.map((name) => `api/${name}`), "events", "metrics", "capture"]) {
      expect((await fetch(url + path)).status, path).toBe(401);
    }
    for (const path of ["", "page.js", "live", "health"]) expect((await fetch(url + path)).status, path).toBe(200);
    const bearer = (token: string) => fetch(`${url}api/state`, { headers: { authorization: `Bearer ${token}` } });
    expect((await bearer("open sesame")).status).toBe(200);
    expect((await bearer("open")).status).toBe(401);
  });

  it("login sets a cookie that scripts cannot read and other sites do not send", async () => {
    const url = await start({}, { token: "open sesame" });
    expect((await post(`${url}api/login`, { token: "wrong" })).status).toBe(401);
    const answer = await post(`${url}api/login`, { token: "open sesame" });
    const cookie = answer.headers.get("set-cookie") ?? "";
    expect(cookie).toMatch(/HttpOnly; SameSite=Strict/);
    expect(cookie).not.toContain("sesame");
    const session = cookie.split(";")[0] ?? "";
    expect((await fetch(`${url}api/state`, { headers: { cookie: session } })).status).toBe(200);
    expect((await fetch(`${url}api/state`, { headers: { cookie: `${session.slice(0, -1)}x` } })).status).toBe(401);
  });

  it("pages of other sites cannot trigger actions", async () => {
    const url = await start({ supervised: true, ingressPeer: "127.0.0.1" });
    const body = { meter: 0, key: KEY };
    expect((await post(`${url}api/key-test`, body, { "content-type": "text/plain" })).status).toBe(403);
    expect((await post(`${url}api/key-test`, body, { ...SCRIPT, "sec-fetch-site": "cross-site" })).status).toBe(403);
    expect((await post(`${url}api/key-test`, body, { ...SCRIPT, "sec-fetch-site": "same-origin" })).status).toBe(200);
    const preflight = await fetch(`${url}api/key-test`, {
      method: "OPTIONS",
      headers: { origin: "http://evil.example" },
    });
    expect(preflight.headers.get("access-control-allow-headers")).toBeNull();
  });

  it("warns who can read a page open to the network", async () => {
    await start({}, { host: "0.0.0.0" });
    expect(logged.join("\n")).toMatch(/can be read by everyone in the network/);
  });
});

describe("the key test", () => {
  const test = async (url: string, key: string, authenticationKey = "") => {
    const answer = await post(`${url}api/key-test`, { meter: 0, key, authenticationKey });
    return ((await answer.json()) as { result: string }).result;
  };

  it("distinguishes a fitting, a wrong and an invalid key, without repeating it", async () => {
    const url = await start({ supervised: true, ingressPeer: "127.0.0.1" });
    expect(await test(url, KEY)).toBe("none");
    hear("kaifa-netz-noe");
    expect(await test(url, KEY)).toBe("fits");
    expect(await test(url, ` ${KEY.toLowerCase().replace(/../g, "$& ")}`)).toBe("fits");
    expect(await test(url, WRONG)).toBe("wrong");
    expect(await test(url, "not a key")).toBe("invalid");
    expect(logged.join("\n")).not.toMatch(/000102|36C666/i);
  });

  it("reports a wrong authentication key", async () => {
    const url = await start({ supervised: true, ingressPeer: "127.0.0.1" });
    hear("kaifa-ksm-west-authenticated");
    const { keys } = loadFixture("kaifa-ksm-west-authenticated");
    const hex = (bytes: Uint8Array | undefined) => Buffer.from(bytes ?? []).toString("hex");
    expect(await test(url, hex(keys.key), hex(keys.authenticationKey))).toBe("fits");
    expect(await test(url, hex(keys.key), WRONG)).toBe("authentication-wrong");
  });

  it("is available with a token or on the loopback address, but not if the whole network is served", async () => {
    let url = await start();
    expect(await test(url, WRONG)).toBe("none");
    await sink?.stop();
    url = await start({}, { host: "0.0.0.0" });
    expect((await post(`${url}api/key-test`, { key: KEY })).status).toBe(404);
    await sink?.stop();
    url = await start({}, { host: "0.0.0.0", token: "open sesame" });
    const authorization = "Bearer open sesame";
    expect((await post(`${url}api/key-test`, { key: KEY })).status).toBe(401);
    expect((await post(`${url}api/key-test`, { key: KEY }, { ...SCRIPT, authorization })).status).toBe(200);
  });
});

describe("the server", () => {
  it("an address in use is reported, and not fatal", async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
    const { port } = other.address() as AddressInfo;
    await start({}, { port });
    expect(logged.join("\n")).toMatch(/another program uses that port/);
    sink?.accept({ type: "reading", reading: readingOf() });
    await new Promise((resolve) => other.close(resolve));
  });

  it("stops at once despite an open event stream", async () => {
    const url = await start();
    const answer = await fetch(`${url}events`);
    await answer.body?.getReader().read();
    const begun = performance.now();
    await sink?.stop();
    expect(performance.now() - begun).toBeLessThan(3_000);
    await sink?.stop();
  });

  it("a page that was not built is reported", async () => {
    const url = await start({ assetsDir: join(folder, "nowhere") });
    expect((await fetch(url)).status).toBe(404);
    expect((await fetch(`${url}health`)).status).toBe(200);
  });
});

/** A request with any Host header, which fetch does not allow. */
async function rawRequest(url: string, head: string, host = new URL(url).host): Promise<string> {
  const { port } = new URL(url);
  const socket = connect(Number(port), "127.0.0.1");
  socket.end(`${head}Host: ${host}\r\nConnection: close\r\n\r\n`);
  let text = "";
  for await (const chunk of socket) text += chunk;
  return text;
}
