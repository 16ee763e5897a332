/**
 * Set-up for the page tests: a real bridge with its status page, a meter whose telegrams the test sends over TCP, a
 * broker in this process, and Chromium.
 */
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer as createHttpServer, type Server as HttpServer, request } from "node:http";
import { createRequire } from "node:module";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Writable } from "node:stream";
import { Aedes } from "aedes";
import type { Browser, Page } from "playwright-core";
import { buildPage } from "../../scripts/build-page.mjs";
import { Bridge } from "../../src/bridge.ts";
import { decodeTelegrams } from "../../src/codec/decoder.ts";
import { loadConfig } from "../../src/config/load.ts";
import { History } from "../../src/http/history.ts";
import type { PageSettings } from "../../src/http/page-model.ts";
import { LedgerStore } from "../../src/ledger/ledger-store.ts";
import { type Point, QUARTER_MS } from "../../src/ledger/point.ts";
import { createLogger } from "../../src/log/log.ts";
import { LogTail } from "../../src/log/log-tail.ts";
import { SimulatedMeter } from "../../src/sources/simulated-meter.ts";
import { freePort } from "../helpers/free-port.ts";

export const KEY = "36C66639E48A8CA4D6BC8B282A793BBB";
export const DAY_MS = 86_400_000;
const SILENT = { error: () => undefined, warn: () => undefined, info: () => undefined, debug: () => undefined };

/** Output folder of the page's build, shared by all tests. */
export async function builtPage(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "kaifa-page-"));
  await buildPage(folder);
  return folder;
}

export interface StageOptions {
  readonly assetsDir: string;
  readonly layout?: string;
  /** The bridge's key; default: the meter's. */
  readonly key?: string | null;
  /** Milliseconds of history to create before the start. */
  readonly pastMs?: number;
  /** Past quarters with missing registers. */
  readonly missing?: (quarter: number) => boolean;
  readonly supervised?: boolean;
  readonly token?: string;
  /** Port of a second meter. */
  readonly second?: string;
  /** The effective configuration, as passed to the page by `run`. */
  readonly settings?: PageSettings;
  /** More of the configuration, as environment variables. */
  readonly env?: Readonly<Record<string, string>>;
}

export class Stage {
  readonly meter: SimulatedMeter;
  readonly #folder: string;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #broker: Server | null = null;
  #bridge: Bridge | null = null;
  /** What the bridge logged. */
  log = "";
  url = "";

  private constructor(folder: string, layout: string | undefined) {
    this.#folder = folder;
    this.meter = new SimulatedMeter({ layout, key: Buffer.from(KEY, "hex"), seed: 7, start: Date.now() - 60_000 });
    this.#server = createServer((socket) => {
      this.#sockets.add(socket);
      socket.on("error", () => undefined);
      socket.on("close", () => this.#sockets.delete(socket));
    });
  }

  static async open(options: StageOptions): Promise<Stage> {
    const folder = await mkdtemp(join(tmpdir(), "kaifa-stage-"));
    const stage = new Stage(folder, options.layout);
    await stage.listen();
    await stage.startBroker();
    if (options.pastMs !== undefined) await stage.#writePast(options.pastMs, options.missing);
    await stage.#startBridge(options);
    return stage;
  }

  /** The current telegram. */
  telegram(at = Date.now()): Uint8Array {
    const watts = dayCurve(at);
    this.#use(watts, at);
    const share = Math.abs(watts) / 3 / 230;
    return this.meter.encode({
      time: at,
      importW: Math.max(watts, 0),
      exportW: Math.max(-watts, 0),
      importVar: 40,
      exportVar: 0,
      importWh: Math.floor(this.#importWh),
      exportWh: Math.floor(this.#exportWh),
      importVarh: 120_000,
      exportVarh: 456_000,
      voltageDv: [2314 + (watts % 7), 2329 - (watts % 5), 2298 + (watts % 9)],
      currentMa: [share * 1150, share * 1000, share * 950],
      powerFactor: 978,
    });
  }

  #use(watts: number, at: number): void {
    const wattHours = this.#usedAt === 0 ? 0 : (watts * (at - this.#usedAt)) / 3_600_000;
    if (watts > 0) this.#importWh += wattHours;
    else this.#exportWh -= wattHours;
    this.#usedAt = at;
  }
  #importWh = 4_321_500;
  #exportWh = 1_234_250;
  #usedAt = 0;

  /** Sends bytes as the meter; default: the current telegram. */
  async send(bytes: Uint8Array = this.telegram()): Promise<void> {
    await waitUntil(() => this.#sockets.size > 0, "the bridge to connect");
    for (const socket of this.#sockets) socket.write(bytes);
  }

  /** Sends a telegram every `ms` while the bridge is connected. @returns a function that stops it */
  play(ms: number): () => void {
    void this.send();
    const timer = setInterval(() => {
      for (const socket of this.#sockets) socket.write(this.telegram());
    }, ms);
    return () => clearInterval(timer);
  }

  /** Disconnects the meter. */
  async unplug(): Promise<void> {
    await new Promise((resolve) => {
      this.#server.close(resolve);
      for (const socket of this.#sockets) socket.destroy();
    });
  }

  async listen(): Promise<void> {
    const port = (this.#server.address() as AddressInfo | null)?.port ?? this.#port;
    await new Promise<void>((resolve) => this.#server.listen(port, "127.0.0.1", resolve));
    this.#port = (this.#server.address() as AddressInfo).port;
  }
  #port = 0;
  #brokerPort = 0;
  #clients = new Set<Socket>();

  async startBroker(): Promise<void> {
    const aedes = await Aedes.createBroker();
    this.#broker = createServer((socket) => {
      this.#clients.add(socket);
      socket.on("close", () => this.#clients.delete(socket));
      aedes.handle(socket);
    });
    await new Promise<void>((resolve) => this.#broker?.listen(this.#brokerPort, "127.0.0.1", resolve));
    this.#brokerPort = (this.#broker.address() as AddressInfo).port;
  }

  async stopBroker(): Promise<void> {
    const broker = this.#broker;
    this.#broker = null;
    for (const socket of this.#clients) socket.destroy();
    await new Promise((resolve) => broker?.close(resolve));
  }

  async close(): Promise<void> {
    await this.#bridge?.stop();
    await this.unplug();
    if (this.#broker !== null) await this.stopBroker();
    await rm(this.#folder, { recursive: true, force: true });
  }

  /** Stops the bridge like `docker compose stop`; broker and meter keep running. */
  async stopBridge(): Promise<void> {
    await this.#bridge?.stop();
  }

  async #startBridge({
    key = KEY,
    supervised = false,
    token,
    assetsDir,
    second,
    env,
    settings,
  }: StageOptions): Promise<void> {
    const port = await freePort();
    const { config } = await loadConfig({
      cwd: this.#folder,
      root: this.#folder,
      env: {
        ...(second === undefined ? {} : { KAIFA2MQTT_METERS_1_PORT: second, KAIFA2MQTT_METERS_1_KEY: KEY }),
        KAIFA2MQTT_METERS_0_PORT: `tcp://127.0.0.1:${this.#port}`,
        ...(key === null ? {} : { KAIFA2MQTT_METERS_0_KEY: key }),
        KAIFA2MQTT_MQTT_SERVER: `mqtt://127.0.0.1:${this.#brokerPort}`,
        KAIFA2MQTT_HTTP_ENABLED: "true",
        KAIFA2MQTT_HTTP_HOST: "127.0.0.1",
        KAIFA2MQTT_HTTP_PORT: String(port),
        KAIFA2MQTT_DATA_DIR: this.#folder,
        ...(token === undefined ? {} : { KAIFA2MQTT_HTTP_TOKEN: token }),
        ...env,
      },
    });
    const stream = new Writable({
      write: (chunk, _, done) => {
        this.log += chunk;
        done();
      },
    });
    const logTail = new LogTail();
    const log = createLogger({ level: "info", format: "text", stream, secrets: [KEY], tail: logTail });
    this.#bridge = new Bridge({
      config,
      version: "1.0.0",
      log,
      supervised,
      page: { assetsDir, ingressPeer: "127.0.0.1", logTail, settings },
    });
    await this.#bridge.start();
    this.url = `http://127.0.0.1:${port}/`;
  }

  /** Creates the meter's history in the bridge's files. */
  async #writePast(pastMs: number, missing: (quarter: number) => boolean = () => false): Promise<void> {
    const history = new History();
    const points: Point[] = [];
    const now = Date.now();
    const id = await this.#meterId();
    for (let at = now - pastMs; at < now; at += 10_000) {
      const powerW = dayCurve(at);
      this.#use(powerW, at);
      history.addPower(id, at, powerW);
      const quarter = Math.floor(at / QUARTER_MS) * QUARTER_MS;
      if (quarter > at - 10_000 && !missing(quarter)) {
        const registers = { energy_import: Math.floor(this.#importWh), energy_export: Math.floor(this.#exportWh) };
        points.push({ at: quarter, offset: 60, registers, mark: "ok" });
      }
    }
    await history.save(join(this.#folder, "page-history.json.gz"));
    const ledger = new LedgerStore({ dataDir: this.#folder, meter: id, log: SILENT });
    for (const point of points) ledger.append([point], null);
    await ledger.stop();
  }

  /** The meter's id: the number in its telegrams. */
  async #meterId(): Promise<string> {
    const [event] = decodeTelegrams(this.meter.telegram(Date.now()), { key: Buffer.from(KEY, "hex") });
    return event?.type === "telegram" ? (event.telegram.meterId ?? "") : "";
  }
}

/** W at a time of day: base load, cooking, photovoltaics, and some noise. */
export function dayCurve(at: number): number {
  const hour = (at % DAY_MS) / 3_600_000;
  const bump = (centre: number, width: number, height: number) => height * Math.exp(-(((hour - centre) / width) ** 2));
  const day = Math.floor(at / DAY_MS);
  const clouds = 0.72 + 0.28 * Math.sin(day * 2.1 + hour * 3.3);
  const sun = bump(11.3, 2.6, 4_600) * clouds;
  const load = 260 + bump(6.4, 0.7, 1_500) + bump(11.2, 0.6, 1_900) + bump(18.2, 1.6, 1_700) + bump(20.5, 1.2, 600);
  const fridge = Math.sin(at / 400_000) > 0.55 ? 110 : 0;
  return Math.round(
    load + fridge + 60 * Math.sin(at / 97_000) + 35 * Math.sin(at / 31_000) + 12 * Math.sin(at / 900) - sun,
  );
}

export async function waitUntil(condition: () => boolean, what: string, ms = 10_000): Promise<void> {
  const end = Date.now() + ms;
  while (!condition()) {
    if (Date.now() > end) throw new Error(`waited too long for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

/** A proxy that serves the page below a path, like Home Assistant's ingress. */
export async function openProxy(
  target: string,
  prefix: string,
  wantedPort = 0,
): Promise<{ url: string; close: () => Promise<void> }> {
  const server: HttpServer = createHttpServer((incoming, outgoing) => {
    if (!incoming.url?.startsWith(prefix)) {
      outgoing.writeHead(404).end();
      return;
    }
    const path = incoming.url.slice(prefix.length - 1);
    const headers = { ...incoming.headers, "x-ingress-path": prefix.slice(0, -1) };
    const forwarded = request(new URL(path, target), { method: incoming.method ?? "GET", headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    forwarded.on("error", () => outgoing.destroy());
    outgoing.on("close", () => forwarded.destroy());
    incoming.pipe(forwarded);
  });
  await new Promise<void>((resolve) => server.listen(wantedPort, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}${prefix}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

const axeSource = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** axe's violations by rule; undecided ones do not count. */
export async function accessibilityFaults(page: Page): Promise<string[]> {
  // The page's Content-Security-Policy would block a script tag.
  await page.evaluate(axeSource);
  return page.evaluate(async () => {
    const { axe } = window as unknown as {
      axe: { run(): Promise<{ violations: { id: string; nodes: { html: string }[] }[] }> };
    };
    const { violations } = await axe.run();
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 120)).join(" | ")}`);
  });
}

/** A page that records its console errors. */
export async function openPage(
  browser: Browser,
  options: Parameters<Browser["newPage"]>[0] = {},
): Promise<{ page: Page; complaints: string[] }> {
  const page = await browser.newPage({ viewport: { width: 1180, height: 900 }, locale: "en-GB", ...options });
  const complaints: string[] = [];
  page.on("console", (message) => {
    // Reading back a canvas makes Chromium print a performance hint.
    if (message.text().includes("willReadFrequently")) return;
    if (message.type() === "error" || message.type() === "warning") complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  return { page, complaints };
}
