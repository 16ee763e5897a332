/** Meters behind serial servers: the real program, real connections, a real Mosquitto. */
import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { DEMO_KEY, SimulatedMeter } from "../../src/sources/simulated-meter.ts";
import { BridgeProcess } from "../helpers/bridge-process.ts";
import { freePort } from "../helpers/free-port.ts";
import { Mosquitto, Subscriber } from "../helpers/mosquitto.ts";
import { type BuiltProgram, buildProgram } from "../helpers/program.ts";

/** A serial server with a meter behind it. */
class MeterServer {
  readonly port: number;
  readonly #meter: SimulatedMeter;
  #server: Server | null = null;
  #sockets = new Set<Socket>();

  constructor(port: number, seed: number) {
    this.port = port;
    this.#meter = new SimulatedMeter({ start: Date.now(), seed });
  }

  async start(): Promise<void> {
    const server = createServer((socket) => {
      this.#sockets.add(socket);
      socket.on("error", () => undefined).on("close", () => this.#sockets.delete(socket));
    }).listen(this.port, "127.0.0.1");
    this.#server = server;
    await once(server, "listening");
  }

  /** Number of connected clients. */
  get clients(): number {
    return this.#sockets.size;
  }

  send(): void {
    const bytes = this.#meter.telegram(Date.now());
    for (const socket of this.#sockets) socket.write(bytes);
  }

  /** Simulates a server that loses power (`reset`) or is shut down cleanly. */
  stop(reset: boolean): void {
    this.#server?.close();
    for (const socket of this.#sockets) reset ? socket.resetAndDestroy() : socket.end();
  }
}

let program: BuiltProgram;
let broker: Mosquitto;
let watcher: Subscriber;
let bridge: BridgeProcess;
let servers: MeterServer[];

beforeAll(async () => {
  program = await buildProgram();
});
afterAll(() => program.remove());
beforeEach(async () => {
  broker = await (await Mosquitto.prepare()).start();
  watcher = await Subscriber.connect(broker.port, { keep: /^kaifa2mqtt\/m\d+$/ });
  bridge = new BridgeProcess(program.main);
  servers = [];
});
afterEach(async () => {
  await bridge.close();
  for (const server of servers) server.stop(true);
  await watcher.stop();
  await broker.close();
});

async function run(count: number): Promise<void> {
  for (let n = 0; n < count; n++) {
    const server = new MeterServer(await freePort(), n + 1);
    await server.start();
    servers.push(server);
  }
  const meters = servers.map(({ port }, n) => `  - { port: "tcp://127.0.0.1:${port}", key: ${DEMO_KEY}, id: m${n} }`);
  bridge.start([`mqtt: { server: "mqtt://127.0.0.1:${broker.port}" }`, "meters:", ...meters].join("\n"));
  await expect.poll(() => servers.every(({ clients }) => clients === 1), { timeout: 20_000 }).toBe(true);
}

const readingsOf = (meter: string): number =>
  watcher.kept.filter(({ topic }) => topic === `kaifa2mqtt/${meter}`).length;

describe("meters over tcp", () => {
  it.each([
    ["breaks off", true],
    ["closes", false],
  ])("a server that %s is retried, and its meter resumes within two seconds of its return", async (_how, reset) => {
    await run(1);
    const [server] = servers as [MeterServer];
    server.send();
    server.send();
    await watcher.until((topic) => topic === "kaifa2mqtt/m0", "the first reading");
    server.stop(reset);
    await expect.poll(() => server.clients).toBe(0);
    await server.start();
    const back = performance.now();
    await expect.poll(() => server.clients, { timeout: 10_000, interval: 20 }).toBe(1);
    expect(performance.now() - back).toBeLessThan(2000);
    const before = readingsOf("m0");
    server.send();
    await expect.poll(() => readingsOf("m0"), { timeout: 5000 }).toBeGreaterThan(before);
    expect(bridge.running).toBe(true);
  });

  it("a hundred meters in one process: every telegram of each is published under its own name", async () => {
    await run(100);
    const rounds = 5;
    for (let round = 0; round < rounds; round++) {
      const before = servers.map((_, n) => readingsOf(`m${n}`));
      for (const server of servers) server.send();
      await expect
        .poll(() => servers.filter((_, n) => readingsOf(`m${n}`) > (before[n] ?? 0)).length, { timeout: 15_000 })
        .toBe(100);
    }
    const numbers = servers.map((_, n) => JSON.parse(watcher.latest.get(`kaifa2mqtt/m${n}`) ?? "{}").energy_import);
    expect(numbers.every((energy) => typeof energy === "number")).toBe(true);
    const announced = () => [...watcher.latest].filter(([topic]) => topic.endsWith("/energy_import/config"));
    const devices = () => new Set(announced().map(([, payload]) => JSON.parse(payload).device.serial_number));
    // Announcements wait while the broker is behind (docs/scale.md).
    await expect.poll(() => devices().size, { timeout: 15_000 }).toBe(100);
    // Only the ledger's limit: in the advice on the configuration, and when it is reached.
    expect(bridge.count(/warn.*(?:docs\/scale\.md|the ledger keeps 16 meters)/)).toBe(2);
    expect(bridge.count(/warn|error/)).toBe(2);
    const { code, ms } = await bridge.stop();
    expect(code).toBe(0);
    expect(ms).toBeLessThan(5000);
  });
});
