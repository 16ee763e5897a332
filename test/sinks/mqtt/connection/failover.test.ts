import { afterEach, describe, expect, it } from "vitest";
import type { MqttConfig } from "../../../../src/config/options.ts";
import { Connection } from "../../../../src/sinks/mqtt/connection/connection.ts";
import { TestBroker } from "../../../helpers/broker.ts";
import { freePort } from "../../../helpers/free-port.ts";

const CONFIG: MqttConfig = {
  enabled: true,
  base_topic: "k",
  version: 4,
  keepalive: 60,
  reject_unauthorized: true,
};

/** `mqtt.server` as a list: failover in order, and back to the first when it returns. */
describe("several brokers", () => {
  const brokers: TestBroker[] = [];
  const connections: Connection[] = [];
  let log: string[];

  const broker = async (port = 0): Promise<TestBroker> => {
    const started = await TestBroker.start({}, port);
    brokers.push(started);
    return started;
  };
  /** Publishes its number of connects on each connect, like the sink its state. */
  async function connect(server: string[]): Promise<Connection> {
    log = [];
    const say = (message: string) => void log.push(message);
    let connects = 0;
    const connection: Connection = new Connection({
      config: { ...CONFIG, server },
      findBroker: async () => null,
      clientId: "kaifa2mqtt-test",
      will: { topic: "k/bridge/state", payload: "offline" },
      maxPacketBytes: 1_000_000,
      returnMs: 200,
      log: { error: say, warn: say, info: say, debug: () => undefined },
      onConnect: () => {
        connects += 1;
        connection.publish({ topic: "k/bridge/state", payload: `online ${connects}`, qos: 1 });
      },
      onDrain: () => undefined,
      onMessage: () => undefined,
    });
    connections.push(connection);
    await connection.start();
    return connection;
  }
  const online = (at: TestBroker, what: string) =>
    at.until(() => at.retained.get("k/bridge/state")?.startsWith("online") === true, what);

  afterEach(async () => {
    await Promise.all(connections.splice(0).map((connection) => connection.stop()));
    await Promise.all(brokers.splice(0).map((each) => each.stop()));
  });

  it("uses the first that answers, in order", async () => {
    const [third, second] = [await broker(), await broker()];
    const away = `mqtt://127.0.0.1:${await freePort()}`;
    const connection = await connect([away, second.url, third.url]);
    await online(second, "a connection to the second");
    expect(connection.label).toBe(second.url);
    expect(third.sent).toEqual([]);
  });

  it("fails over to the next when the current one goes down, and returns to the first with a farewell", async () => {
    const port = await freePort();
    const first = await broker(port);
    const second = await broker();
    const connection = await connect([first.url, second.url]);
    await online(first, "a connection to the first");
    await first.stop();
    await online(second, "a connection to the second");
    expect(connection.connected).toBe(true);
    const again = await broker(port);
    await online(again, "a connection to the first again");
    await second.until(() => second.retained.get("k/bridge/state") === "offline", "the farewell");
    expect(connection.label).toBe(again.url);
    expect(log.filter((line) => /is back/.test(line))).toHaveLength(1);
  });

  it("cycles through all of them until one answers", async () => {
    const ports = [await freePort(), await freePort()];
    const connection = await connect(ports.map((port) => `mqtt://127.0.0.1:${port}`));
    const late = await broker(ports[1]);
    await online(late, "a connection to the one that came late");
    expect(connection.label).toBe(late.url);
  });
});
