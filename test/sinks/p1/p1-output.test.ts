import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { P1Output } from "../../../src/sinks/p1/p1-output.ts";
import { FakeClock } from "../../helpers/fake-clock.ts";
import { freePort } from "../../helpers/free-port.ts";
import { METER, readingOf } from "../../helpers/readings.ts";
import { partsOf, THREE_PHASES } from "../output/feeds.ts";

let clock: FakeClock;
let output: P1Output;
let port: number;
let sockets: Socket[];

beforeEach(async () => {
  clock = new FakeClock();
  port = await freePort();
  output = new P1Output({ listen: `127.0.0.1:${port}` }, partsOf(clock));
  sockets = [];
  await output.start();
});
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  await output.stop();
});

async function client(): Promise<Socket> {
  const before = output.status().clients;
  const socket = connect(port, "127.0.0.1");
  sockets.push(socket);
  await once(socket, "connect");
  await expect.poll(() => output.status().clients).toBe(before + 1);
  return socket;
}
const read = () => output.accept({ type: "reading", reading: readingOf(THREE_PHASES) });
const telegram = async (socket: Socket): Promise<string> => String((await once(socket, "data"))[0]);

describe("the P1 output", () => {
  it("sends each reading to every client", async () => {
    const clients = [await client(), await client(), await client()];
    const received = Promise.all(clients.map(telegram));
    read();
    for (const text of await received) expect(text).toMatch(/^\/KFM5kaifa2mqtt\r\n\r\n[^!]*![0-9A-F]{4}\r\n$/);
    expect(output.status()).toEqual({
      output: "p1",
      meter: METER.id,
      address: `127.0.0.1:${port}`,
      listening: true,
      clients: 3,
      ageMs: 0,
      fresh: true,
    });
  });

  it("sends a client the next telegram, not an old one", async () => {
    read();
    const socket = await client();
    let received = "";
    socket.on("data", (chunk) => (received += String(chunk)));
    read();
    await expect.poll(() => received.match(/!/g)?.length).toBe(1);
  });

  it("ignores what clients send", async () => {
    const socket = await client();
    socket.write(Buffer.alloc(1_000_000, "/?!\r\n"));
    const received = telegram(socket);
    read();
    expect(await received).toContain("1-0:1.8.0");
  });

  it("disconnects clients once the meter has been gone for a minute, not before", async () => {
    const socket = await client();
    socket.resume();
    read();
    let closed = false;
    socket.on("close", () => (closed = true));
    await clock.pass(15_000 + 59_000);
    expect(closed).toBe(false);
    expect(output.status().fresh).toBe(false);
    await clock.pass(10_000);
    await expect.poll(() => closed).toBe(true);
    expect(output.status().clients).toBe(0);
  });

  it("lets a client wait a minute for a missing meter", async () => {
    await clock.pass(300_000);
    const socket = await client();
    let closed = false;
    socket.on("close", () => (closed = true));
    socket.resume();
    await clock.pass(55_000);
    expect(closed).toBe(false);
    await clock.pass(10_000);
    await expect.poll(() => closed).toBe(true);
  });

  it("disconnects a client that doesn't read, and serves the others", async () => {
    const deaf = await client();
    deaf.pause();
    const good = await client();
    let bytes = 0;
    good.on("data", (chunk) => (bytes += chunk.length));
    for (let round = 0; round < 200 && output.status().clients === 2; round++) {
      for (let i = 0; i < 100; i++) {
        read();
        // Fill the kernel's buffers.
        if (i % 10 === 9) await new Promise(setImmediate);
      }
    }
    await expect.poll(() => output.status().clients).toBe(1);
    const before = bytes;
    read();
    await expect.poll(() => bytes).toBeGreaterThan(before);
  });
});
