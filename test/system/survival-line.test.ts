/** The process survives faults between meter and adapter: real program, real pseudo-terminal, real Mosquitto. */
import { chmodSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { seededRandom } from "../../src/sources/load-profile.ts";
import { BridgeProcess } from "../helpers/bridge-process.ts";
import { ClockedMeter, METER_KEY as KEY } from "../helpers/clocked-meter.ts";
import { Mosquitto, Subscriber } from "../helpers/mosquitto.ts";
import { type BuiltProgram, buildProgram } from "../helpers/program.ts";
import { PtyPair } from "../helpers/pty.ts";

const WRONG_KEY = "FFEEDDCCBBAA99887766554433221100";

let program: BuiltProgram;
let broker: Mosquitto;
beforeAll(async () => {
  program = await buildProgram();
  broker = await (await Mosquitto.prepare()).start();
});
afterAll(async () => {
  await broker.close();
  program.remove();
});

let bridge: BridgeProcess;
let seen: Subscriber;
let meter: ClockedMeter;
let base = 0;
beforeEach(async () => {
  bridge = new BridgeProcess(program.main);
  base++;
  seen = await Subscriber.connect(broker.port);
  meter = new ClockedMeter();
});
afterEach(async () => {
  await bridge.close();
  await seen.stop();
});

const topics = (): string => `line${base}`;
const config = (device: string, key = KEY): string =>
  `meter: { port: ${device}, key: ${key}, id: house }\nmqtt: { server: mqtt://127.0.0.1:${broker.port}, base_topic: ${topics()}, client_id: ${topics()} }`;

/** Sends telegrams until one is published. */
async function published(line: PtyPair): Promise<void> {
  const come = seen.next((topic) => topic === `${topics()}/house/1.8.0`, "an energy");
  const sending = setInterval(() => line.write(meter.telegram()), 300);
  await come.finally(() => clearInterval(sending));
}

describe("the bridge continues", () => {
  test("when the device is missing at startup, and opens it as soon as it appears", async () => {
    const device = join(bridge.folder, "ttyUSB0");
    bridge.start(config(device));
    await bridge.says(/There is no device/);
    expect(bridge.count(/There is no device/)).toBe(1);
    const line = await PtyPair.open(device);
    await published(line);
    await line.close();
  });

  test("when the adapter is unplugged and returns as another device node", async () => {
    const line = await PtyPair.open();
    bridge.start(config(line.device));
    await published(line);
    const before = realpathSync(line.device);
    await line.unplug();
    await bridge.says(/has gone|no device/);
    // In the meantime, another pseudo-terminal takes the number of the node.
    const other = await PtyPair.open();
    await line.plug();
    expect(realpathSync(line.device)).not.toBe(before);
    await published(line);
    await other.close();
    await line.close();
    expect(bridge.running).toBe(true);
  });

  test("when the device node is back after 5 s: the first value arrives within one period and half a second", async () => {
    const periodMs = 2_000;
    const line = await PtyPair.open();
    bridge.start(config(line.device));
    await published(line);
    await line.unplug();
    await bridge.says(/has gone|no device/);
    await new Promise((resolve) => setTimeout(resolve, 5_000));
    await line.plug();
    const back = performance.now();
    const come = seen.next((topic) => topic === `${topics()}/house/1.8.0`, "an energy");
    // The meter does not wait: its next telegram follows half a period later, then one per period.
    let sending: NodeJS.Timeout | undefined;
    const first = setTimeout(() => {
      line.write(meter.telegram());
      sending = setInterval(() => line.write(meter.telegram()), periodMs);
    }, periodMs / 2);
    await come.finally(() => {
      clearTimeout(first);
      clearInterval(sending);
    });
    expect(performance.now() - back).toBeLessThan(periodMs + 500);
    await line.close();
  });

  test("when it has no permission for the device: logs what to do, and opens it once permitted", async () => {
    const line = await PtyPair.open();
    chmodSync(bridge.folder, 0o777);
    const nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
    bridge.start(config(line.device), {
      prefix: ["sh", "-c", `chown -R 65534 "$1"; shift; exec "$@"`, "-", bridge.folder, ...nobody],
    });
    await bridge.says(/permission denied.*dialout/);
    chmodSync(join(line.device, ".."), 0o755);
    chmodSync(realpathSync(line.device), 0o666);
    await published(line);
    await line.close();
  });

  test("when the device sends noise, and decodes the first telegram after it", async () => {
    const line = await PtyPair.open();
    bridge.start(config(line.device));
    await published(line);
    const before = bridge.resources().rss;
    const random = seededRandom(5);
    for (let chunk = 0; chunk < 2_000; chunk++) {
      line.write(Uint8Array.from({ length: 500 }, () => Math.floor(random() * 256)));
      if (chunk % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await published(line);
    expect(bridge.resources().rss - before).toBeLessThan(40e6);
    expect(bridge.running).toBe(true);
    await line.close();
  });

  test("when the baud rate is wrong, and logs it", async () => {
    const line = await PtyPair.open();
    bridge.start(config(line.device));
    await bridge.says(/listening/);
    const sending = setInterval(() => line.write(sampledAt(meter.telegram(), 4)), 300);
    await bridge.says(/baud rate|no telegrams/, 60_000).finally(() => clearInterval(sending));
    await published(line);
    await line.close();
  });

  test("when the key is wrong: logs it and publishes nothing; with the right key after a restart, all is well", async () => {
    const line = await PtyPair.open();
    bridge.start(config(line.device, WRONG_KEY));
    await bridge.says(/listening/);
    const sending = setInterval(() => line.write(meter.telegram()), 300);
    await bridge.says(/key/i).finally(() => clearInterval(sending));
    expect(bridge.output).not.toContain(WRONG_KEY);
    expect([...seen.latest.keys()].filter((topic) => topic.startsWith(`${topics()}/house/`))).toEqual([]);
    expect((await bridge.stop()).code).toBe(0);
    bridge.start(config(line.device));
    await published(line);
    await line.close();
  });
});

/** The bytes of a receiver that samples `factor` times as fast as the meter sends (8N1): each bit is read several times. */
function sampledAt(bytes: Uint8Array, factor: number): Uint8Array {
  const bits: number[] = [];
  for (const byte of bytes) {
    const frame = [0, ...Array.from({ length: 8 }, (_, bit) => (byte >> bit) & 1), 1];
    for (const bit of frame) for (let i = 0; i < factor; i++) bits.push(bit);
  }
  const heard: number[] = [];
  for (let at = 0; at + 10 <= bits.length; ) {
    if (bits[at] !== 0) {
      at++;
      continue;
    }
    heard.push(Array.from({ length: 8 }, (_, bit) => (bits[at + 1 + bit] ?? 0) << bit).reduce((a, b) => a | b, 0));
    at += 10;
  }
  return Uint8Array.from(heard);
}
