import { chmodSync, chownSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { checkout } from "../helpers/checkout.ts";
import { freePort } from "../helpers/free-port.ts";
import { PtyPair } from "../helpers/pty.ts";
import { docker, inspect, KEY, Subscriber, speakingMeter } from "./engine.ts";

const NODE_USER = 1000;
/** Power, which changes with every telegram and is in each reading. */
const READING = /^kaifa2mqtt\/[^/]+\/16\.7\.0$/;
const PROJECT = `kaifa2mqtt-test-${process.pid}`;

let place: ReturnType<typeof checkout>;
let port: number;

/** `docker compose …` in the checkout, with only its `.env`. */
const compose = (...args: string[]) =>
  docker(["compose", "--ansi", "never", "-p", PROJECT, ...args], { cwd: place.folder });
const container = async (): Promise<string> => (await compose("ps", "-q", "kaifa2mqtt")).stdout.trim();
const inside = async (...command: string[]): Promise<string> =>
  (await compose("exec", "-T", "kaifa2mqtt", ...command)).stdout;
const writeEnv = (lines: Record<string, string>): void => {
  const all = { COMPOSE_PROFILES: "mosquitto", MOSQUITTO_PORT: `${port}`, IMAGE: PROJECT, ...lines };
  const text = Object.entries(all).map(([name, value]) => `${name}=${value}\n`);
  writeFileSync(join(place.folder, ".env"), text.join(""));
};

beforeAll(async () => {
  place = checkout();
  port = await freePort();
  writeEnv({});
  await compose("build");
});

afterAll(async () => {
  await compose("down", "--volumes", "--remove-orphans");
  await docker(["image", "rm", "--force", PROJECT]);
  place.remove();
});

describe("docker compose up, with a device and a key in .env", () => {
  let line: PtyPair;
  let meter: ReturnType<typeof speakingMeter>;
  let broker: Subscriber;
  let solarview: string;

  beforeAll(async () => {
    line = await PtyPair.open(undefined, "mode=660,group=dialout");
    meter = speakingMeter(line);
    solarview = join(place.folder, "solarview");
    mkdirSync(solarview);
    chownSync(solarview, NODE_USER, NODE_USER);
    writeEnv({
      KAIFA2MQTT_METER_PORT: line.device,
      KAIFA2MQTT_METER_KEY: KEY,
      KAIFA2MQTT_SOLARVIEW_FILE: "/solarview/kaifa.txt",
      SOLARVIEW_FOLDER: solarview,
    });
    await compose("up", "-d", "--build", "--wait");
    broker = new Subscriber(port);
    await broker.next(READING);
  });

  afterAll(async () => {
    await broker?.stop();
    meter?.stop();
    await compose("down", "--volumes");
    await line?.close();
  });

  it("is healthy", async () => {
    expect((await inspect(await container())).State.Health.Status).toBe("healthy");
  });

  it("publishes readings, and entities for Home Assistant", async () => {
    const net = Number(await broker.next(/^kaifa2mqtt\/[^/]+\/16\.7\.0$/));
    expect(net).toBeGreaterThan(-20_000);
    expect(net).toBeLessThan(20_000);
    await expect.poll(() => broker.seen.get("kaifa2mqtt/bridge/state")).toBe("online");
    const announced = () =>
      [...broker.seen.keys()].filter((topic) => /^homeassistant\/sensor\/[^/]+\/energy_import\/config$/.test(topic));
    await expect.poll(announced).toHaveLength(1);
  });

  it("writes the file for Solarview into the mounted folder", () => {
    expect(readFileSync(join(solarview, "kaifa.txt"), "utf8")).toMatch(
      /^\/\?!\n\/KAIFA\n1\.8\.0\(\d{6}\.\d{3}\*kWh\)\n2\.8\.0\(\d{6}\.\d{3}\*kWh\)\n!\n$/,
    );
  });

  it("runs with the minimum rights", async () => {
    const { Config, HostConfig } = await inspect(await container());
    expect(Config.User).toBe("node");
    expect(HostConfig).toMatchObject({
      ReadonlyRootfs: true,
      CapDrop: ["ALL"],
      CapAdd: null,
      Privileged: false,
      SecurityOpt: ["no-new-privileges:true"],
      Init: true,
      GroupAdd: ["dialout"],
    });
    expect(HostConfig.Devices).toHaveLength(1);
    const status = await inside("cat", "/proc/self/status");
    expect(status).toMatch(/^Uid:\s+1000\s+1000\s+1000\s+1000$/m);
    expect(status).toMatch(/^Groups:.*\b20\b/m);
    expect(status).toMatch(/^CapEff:\s+0+$/m);
    expect(status).toMatch(/^NoNewPrivs:\s+1$/m);
    const { code, stderr } = await docker(["exec", await container(), "sh", "-c", "echo x >/app/x"], { check: false });
    expect(code).not.toBe(0);
    expect(stderr).toContain("Read-only file system");
  });

  it("never shows the key in its log", async () => {
    const { stdout, stderr } = await compose("logs", "--no-color", "kaifa2mqtt");
    expect(stdout).toContain("kaifa2mqtt");
    expect((stdout + stderr).toUpperCase()).not.toContain(KEY);
  });

  it("continues after a restart of the broker", async () => {
    await compose("restart", "mosquitto");
    await broker.next(READING);
    await expect.poll(() => broker.seen.get("kaifa2mqtt/bridge/state")).toBe("online");
  });

  it("continues after its own restart, and still knows the meter", async () => {
    const again = broker.next(/^kaifa2mqtt\/bridge\/state$/, /^online$/);
    await compose("restart", "kaifa2mqtt");
    await again;
    await broker.next(READING);
    expect(await inside("ls", "/data")).toContain("state.json");
  });

  it("stops within 5 seconds, publishes offline, and exits with 0", async () => {
    const id = await container();
    const offline = broker.next(/^kaifa2mqtt\/bridge\/state$/, /^offline$/);
    const begun = performance.now();
    await compose("stop", "kaifa2mqtt");
    expect(performance.now() - begun).toBeLessThan(5000);
    await offline;
    expect((await inspect(id)).State).toMatchObject({ ExitCode: 0, OOMKilled: false });
    await compose("start", "kaifa2mqtt");
  });

  it("runs other commands, too", async () => {
    const check = (await compose("run", "--rm", "-T", "kaifa2mqtt", "check")).stdout;
    expect(check).toContain("/dev/ttyUSB0");
    expect(check).not.toContain(KEY);
  });
});

describe("the variants", () => {
  let line: PtyPair;
  let meter: ReturnType<typeof speakingMeter>;
  let broker: Subscriber;

  beforeEach(() => {
    broker = new Subscriber(port);
  });
  afterEach(async () => {
    await broker.stop();
    meter?.stop();
    await compose("down", "--volumes");
    await line?.close();
  });

  it("hotplug: the adapter is unplugged and returns as another device, and the container continues", async () => {
    line = await PtyPair.open(`/dev/ttyKAIFA${process.pid}`, "mode=660,group=dialout");
    meter = speakingMeter(line);
    writeEnv({
      COMPOSE_FILE: "docker-compose.yml:docker-compose.hotplug.yml",
      KAIFA2MQTT_METER_PORT: line.device,
      KAIFA2MQTT_METER_KEY: KEY,
    });
    await compose("up", "-d", "--wait");
    await broker.next(READING);
    const { Id, State } = await inspect(await container());

    const other = await PtyPair.open(); // takes the number that becomes free
    await line.unplug();
    await expect
      .poll(async () => (await compose("logs", "kaifa2mqtt")).stdout, { timeout: 20_000 })
      .toMatch(/has gone/);
    await line.plug();
    await broker.next(READING);
    await other.close();
    const after = await inspect(await container());
    expect([after.Id, after.State.StartedAt, after.RestartCount]).toEqual([Id, State.StartedAt, 0]);
  });

  it("secrets: the key comes from a file, and is not in the container's settings", async () => {
    line = await PtyPair.open(undefined, "mode=660,group=dialout");
    meter = speakingMeter(line);
    mkdirSync(join(place.folder, "secrets"));
    for (const [name, text] of [
      ["meter_key", KEY],
      ["mqtt_password", "unused-here"],
    ] as const) {
      const file = join(place.folder, "secrets", name);
      writeFileSync(file, `${text}\n`);
      chownSync(file, NODE_USER, NODE_USER);
      chmodSync(file, 0o400);
    }
    writeEnv({
      COMPOSE_FILE: "docker-compose.yml:docker-compose.secrets.yml",
      KAIFA2MQTT_METER_PORT: line.device,
      KAIFA2MQTT_MQTT_USER: "anyone",
    });
    await compose("up", "-d", "--wait");
    await broker.next(READING);
    expect(JSON.stringify(await inspect(await container()))).not.toContain(KEY);
  });

  it("network: a meter at tcp://, without any device", async () => {
    writeEnv({
      COMPOSE_FILE: "docker-compose.yml:docker-compose.network.yml:docker-compose.test.yml",
      METER_ADDRESS: "meter:20108",
      KAIFA2MQTT_METER_KEY: KEY,
    });
    // The same image simulates the meter.
    writeFileSync(
      join(place.folder, "docker-compose.test.yml"),
      `services:\n  meter:\n    image: ${PROJECT}\n    command: simulate tcp-listen:0.0.0.0:20108 --key ${KEY} --interval 2\n    healthcheck: { test: [CMD, ls] }\n`,
    );
    await compose("up", "-d", "--wait");
    await broker.next(READING);
    expect((await inspect(await container())).HostConfig.Devices ?? []).toEqual([]);
  });

  it("a wrong key is a definite fault: `up --wait` ends at once", async () => {
    await compose("down");
    const text = readFileSync(join(place.folder, ".env"), "utf8");
    writeFileSync(join(place.folder, ".env"), text.replace(KEY, KEY.replace("36", "00")));
    const started = performance.now();
    const failed = await compose("up", "-d", "--wait").then(
      () => null,
      (error: Error) => error.message,
    );
    expect(failed).toContain("unhealthy");
    expect(performance.now() - started).toBeLessThan(60_000);
  });
});
