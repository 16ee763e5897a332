/** A real cluster of three brokers: the bridge continues when a node fails, and two bridges share the meters. */
import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import mqtt, { type MqttClient } from "mqtt";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { DEMO_KEY, SimulatedMeter } from "../../src/sources/simulated-meter.ts";
import { BridgeProcess } from "../helpers/bridge-process.ts";
import { freePort } from "../helpers/free-port.ts";
import { NatsCluster } from "../helpers/nats-cluster.ts";
import { type BuiltProgram, buildProgram } from "../helpers/program.ts";

const PERIOD_MS = 250;
/** Recovery time if the failing node is not a leader, so that the cluster needs no election. */
const FAILOVER_MS = 2000;
/** If it is a leader, NATS elects new ones: its timeouts of 4 to 9 s are fixed, and some streams need a second round. */
const ELECTION_MS = 30_000;
/** NATS answers a CONNECT late during the election; the bridge waits 3 s for it and tries the next node. */
const AFTER_ELECTION_MS = 8000;

/** A meter behind a serial server that sends a telegram every quarter of a second. */
class Feed {
  readonly port: number;
  readonly #meter: SimulatedMeter;
  readonly #sockets = new Set<Socket>();
  #server: Server | null = null;
  #timer: NodeJS.Timeout | undefined;

  constructor(port: number, seed: number) {
    this.port = port;
    this.#meter = new SimulatedMeter({ start: Date.now(), seed });
  }

  async start(): Promise<void> {
    this.#server = createServer((socket) => {
      this.#sockets.add(socket);
      socket.on("error", () => undefined).on("close", () => this.#sockets.delete(socket));
    }).listen(this.port, "127.0.0.1");
    await once(this.#server, "listening");
    this.#timer = setInterval(() => {
      const bytes = this.#meter.telegram(Date.now());
      for (const socket of this.#sockets) socket.write(bytes);
    }, PERIOD_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#server?.close();
    for (const socket of this.#sockets) socket.destroy();
  }
}

/** Subscribes to everything on one node. */
class Watcher {
  readonly client: MqttClient;
  readonly latest = new Map<string, string>();
  /** Times of each meter's readings, monotonic milliseconds. */
  readonly readings = new Map<string, number[]>();
  /** Discovery topics that were cleared. */
  readonly emptied: string[] = [];

  private constructor(client: MqttClient) {
    this.client = client;
    client.on("message", (topic, payload) => {
      this.latest.set(topic, payload.toString());
      if (payload.length === 0 && topic.startsWith("homeassistant/")) this.emptied.push(topic);
      const meter = /\/(m\d+)$/.exec(topic)?.[1];
      if (meter === undefined || payload.length === 0) return;
      const times = this.readings.get(meter) ?? [];
      this.readings.set(meter, times);
      times.push(performance.now());
    });
  }

  static async at(url: string): Promise<Watcher> {
    const client = await mqtt.connectAsync(url, { protocolVersion: 4 });
    const watcher = new Watcher(client);
    await client.subscribeAsync(["kaifa2mqtt/#", "site/#", "homeassistant/#"]);
    return watcher;
  }

  /** The longest time without a reading of this meter since then, up to now. */
  gap(meter: string, since: number): number {
    const times = [since, ...(this.readings.get(meter) ?? []).filter((at) => at > since), performance.now()];
    return Math.max(...times.slice(1).map((at, n) => at - (times[n] ?? 0)));
  }

  /** Time of this meter's first reading after that moment; `Infinity` if there is none. */
  first(meter: string, after: number): number {
    return (this.readings.get(meter) ?? []).find((at) => at > after) ?? Number.POSITIVE_INFINITY;
  }

  async stop(): Promise<void> {
    await this.client.endAsync(true);
  }
}

let program: BuiltProgram;
let cluster: NatsCluster;
let feeds: Feed[];
let bridges: BridgeProcess[];
let watchers: Watcher[];

beforeAll(async () => {
  program = await buildProgram();
});
afterAll(() => program.remove());
beforeEach(async () => {
  [feeds, bridges, watchers] = [[], [], []];
  cluster = await NatsCluster.start();
  for (let n = 0; n < 4; n++) {
    const feed = new Feed(await freePort(), n + 1);
    await feed.start();
    feeds.push(feed);
  }
});
afterEach(async () => {
  await Promise.all(watchers.map((watcher) => watcher.stop()));
  await Promise.all(bridges.map((bridge) => bridge.close()));
  for (const feed of feeds) feed.stop();
  await cluster.close();
});

async function watch(node: number): Promise<Watcher> {
  const watcher = await Watcher.at(cluster.urls[node] ?? "");
  watchers.push(watcher);
  return watcher;
}

/** @param meters which of the four; NATS before 2.10 allows no dots in topics, so each reading is one JSON object */
function startBridge(meters: readonly number[], more: readonly string[] = []): BridgeProcess {
  const bridge = new BridgeProcess(program.main);
  bridges.push(bridge);
  bridge.start(
    [
      "mqtt:",
      `  server: [${cluster.urls.map((url) => `"${url}"`).join(", ")}]`,
      ...more,
      "publish: { topics: json }",
      "meters:",
      ...meters.map((n) => `  - { port: "tcp://127.0.0.1:${feeds[n]?.port}", key: ${DEMO_KEY}, id: m${n} }`),
    ].join("\n"),
  );
  return bridge;
}

const allRead = (watcher: Watcher, meters: readonly number[], since = 0): boolean =>
  meters.every((n) => (watcher.readings.get(`m${n}`) ?? []).some((at) => at > since));

/** Resolves when all have sent readings and their entities are announced. */
const announced = (watcher: Watcher, meters: readonly number[]): boolean =>
  allRead(watcher, meters) &&
  meters.every((n) => watcher.latest.has(`homeassistant/sensor/kaifa2mqtt_m${n}/power_import/config`));

/** The retained topics seen so far. */
const topicsOf = (watcher: Watcher): string[] =>
  [...watcher.latest.keys()].filter((topic) => !topic.includes("/events/")).sort();

/** The retained messages for a client that connects to this node now. */
async function retainedAt(node: number): Promise<Map<string, string>> {
  const watcher = await watch(node);
  await expect.poll(() => watcher.latest.has("kaifa2mqtt/bridge/state"), { timeout: 10_000 }).toBe(true);
  await new Promise((resolve) => setTimeout(resolve, 500));
  return watcher.latest;
}

/** Asserts that no retained message is missing on this node, and that bridge and meters are online there. */
async function expectAllRetained(node: number, topics: readonly string[], meters: readonly number[]): Promise<void> {
  const retained = await retainedAt(node);
  expect(
    topics.filter((topic) => !retained.has(topic)),
    `missing at node ${node}`,
  ).toEqual([]);
  expect(retained.get("kaifa2mqtt/bridge/state")).toBe("online");
  for (const n of meters) expect(retained.get(`kaifa2mqtt/m${n}/availability`)).toBe("online");
}

describe("a cluster of three brokers", { timeout: 120_000 }, () => {
  const METERS = [0, 1, 2];

  it("a node is killed: readings resume within two seconds, no retained message is missing, and the first node is used again when it is back", async () => {
    const watcher = await watch(1);
    const bridge = startBridge(METERS);
    await expect.poll(() => announced(watcher, METERS), { timeout: 30_000 }).toBe(true);
    const before = topicsOf(watcher);
    await cluster.whole();
    await cluster.stepDown(0);

    const killed = performance.now();
    await cluster.kill(0);
    await bridge.says(new RegExp(`connected to the broker at ${cluster.urls[1]}`));
    await expect.poll(() => allRead(watcher, METERS, performance.now() - PERIOD_MS), { timeout: 20_000 }).toBe(true);
    for (const n of METERS) expect(watcher.gap(`m${n}`, killed), `m${n}`).toBeLessThan(FAILOVER_MS);

    for (const node of [1, 2]) await expectAllRetained(node, before, METERS);

    cluster.startNode(0);
    await cluster.whole();
    const returned = performance.now();
    await bridge.says(/leaving the broker/, 40_000);
    await bridge.says(
      new RegExp(`connected to the broker at ${cluster.urls[0]}[^]*connected to the broker at ${cluster.urls[0]}`),
    );
    await expect.poll(() => allRead(watcher, METERS, performance.now() - PERIOD_MS), { timeout: 20_000 }).toBe(true);
    for (const n of METERS) expect(watcher.gap(`m${n}`, returned), `m${n}`).toBeLessThan(FAILOVER_MS);
    expect(bridge.count(/ error /)).toBe(0);
  });

  it("the leader of the cluster and every stream is killed: readings resume soon after the election, and no retained message is missing", async () => {
    const watcher = await watch(1);
    const bridge = startBridge(METERS);
    await expect.poll(() => announced(watcher, METERS), { timeout: 30_000 }).toBe(true);
    await cluster.whole();
    await cluster.takeLead(0);
    const before = topicsOf(watcher);

    const killed = performance.now();
    await cluster.kill(0);
    await cluster.led();
    const elected = performance.now();
    await expect.poll(() => allRead(watcher, METERS, elected), { timeout: 30_000 }).toBe(true);
    for (const n of METERS) expect(watcher.first(`m${n}`, elected) - elected, `m${n}`).toBeLessThan(AFTER_ELECTION_MS);
    expect(elected - killed).toBeLessThan(ELECTION_MS);

    for (const node of [1, 2]) await expectAllRetained(node, before, METERS);
    expect(bridge.count(/ error /)).toBe(0);
  });

  it("two bridges that share the meters leave each other's entities and states alone", async () => {
    const watcher = await watch(2);
    const [first, second] = [
      [0, 1],
      [2, 3],
    ] as const;
    startBridge(first, ["  base_topic: site/a"]);
    let other = startBridge(second, ["  base_topic: site/b"]);
    const config = (n: number): string => `homeassistant/sensor/kaifa2mqtt_m${n}/power_import/config`;
    await expect.poll(() => [0, 1, 2, 3].every((n) => watcher.latest.has(config(n))), { timeout: 40_000 }).toBe(true);
    await other.stop();
    expect(await poll(watcher, "site/b/bridge/state", "offline")).toBe(true);
    expect(watcher.latest.get("site/a/bridge/state")).toBe("online");
    bridges.pop();
    await other.close();
    other = startBridge(second, ["  base_topic: site/b"]);
    expect(await poll(watcher, "site/b/bridge/state", "online")).toBe(true);
    const since = performance.now();
    await expect.poll(() => allRead(watcher, [0, 1, 2, 3], since), { timeout: 20_000 }).toBe(true);
    expect(watcher.emptied).toEqual([]);
    for (const n of [0, 1, 2, 3]) {
      expect(JSON.parse(watcher.latest.get(config(n)) ?? "{}").state_topic).toBe(`site/${n < 2 ? "a" : "b"}/m${n}`);
    }
    expect(bridges.map((bridge) => bridge.count(/ (warn|error) /))).toEqual([0, 0]);
  });

  it("a meter configured in both is announced only by the first, and both log it", async () => {
    const watcher = await watch(2);
    startBridge([0, 1], ["  base_topic: site/a"]);
    const config = (n: number): string => `homeassistant/sensor/kaifa2mqtt_m${n}/power_import/config`;
    await expect.poll(() => [0, 1].every((n) => watcher.latest.has(config(n))), { timeout: 40_000 }).toBe(true);
    const second = startBridge([1, 2], ["  base_topic: site/b"]);
    await expect.poll(() => watcher.latest.has(config(2)), { timeout: 40_000 }).toBe(true);
    await second.says(/m1/);
    expect(JSON.parse(watcher.latest.get(config(1)) ?? "{}").state_topic).toBe("site/a/m1");
    expect(watcher.emptied).toEqual([]);
  });
});

async function poll(watcher: Watcher, topic: string, payload: string): Promise<boolean> {
  await expect.poll(() => watcher.latest.get(topic), { timeout: 20_000 }).toBe(payload);
  return true;
}
