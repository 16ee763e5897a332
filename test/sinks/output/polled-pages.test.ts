/** Pages that clients poll over one connection, with real sockets. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { HomewizardOutput } from "../../../src/sinks/homewizard/homewizard-output.ts";
import { ShellyOutput } from "../../../src/sinks/shelly/shelly-output.ts";
import { FakeClock } from "../../helpers/fake-clock.ts";
import { type Row, readingOf } from "../../helpers/readings.ts";
import { partsOf, THREE_PHASES, W } from "./feeds.ts";

const DATA = "GET /api/v1/data HTTP/1.1\r\nhost: localhost\r\n\r\n";
const DEVICE = DATA.replace("/v1/data", "");

let clock: FakeClock;
let output: HomewizardOutput;
let socket: Socket;
let text = "";

beforeEach(async () => {
  clock = new FakeClock();
  output = new HomewizardOutput({ listen: "127.0.0.1:0", mdns: false }, partsOf(clock));
  await output.start();
  read(THREE_PHASES);
  socket = await open(output);
});
afterEach(async () => {
  socket.destroy();
  await output.stop();
});

async function open({ status }: { status(): { address: string } } = output): Promise<Socket> {
  const client = connect(Number(status.call(output).address.split(":").at(-1)), "127.0.0.1");
  text = "";
  client.on("data", (chunk) => (text += String(chunk)));
  await once(client, "connect");
  return client;
}
const read = (rows: readonly Row[]) => output.accept({ type: "reading", reading: readingOf(rows) });
const answers = () => text.split(/(?=HTTP\/1\.1 )/).filter((part) => part !== "");
/** Sends in one piece, waits for that many answers, and returns all since the last call. */
async function send(request: string, count = 1): Promise<string[]> {
  text = "";
  socket.write(request);
  await expect.poll(() => answers().length).toBe(count);
  await new Promise((resolve) => setTimeout(resolve, 5));
  return answers();
}
const withoutDate = (answer: string | undefined) => answer?.replace(/\r\nDate: [^\r]+/, "");

describe("a page that a client polls", () => {
  it("is identical for repeated requests, headers included, and current with each reading", async () => {
    const [first] = await send(DATA);
    expect(first).toMatch(
      /\r\nDate: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT\r\nConnection: keep-alive\r\nKeep-Alive: timeout=65\r\n\r\n/,
    );
    expect(first).toMatch(/\r\ncache-control: no-store\r\n/);
    for (let round = 0; round < 3; round++) {
      const [again] = await send(DATA);
      expect(again).toMatch(/\r\nDate: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT\r\n/);
      expect(withoutDate(again)).toBe(withoutDate(first));
    }
    read([W("1.7.0", 42), W("2.7.0", 0)]);
    expect((await send(DATA))[0]).toContain('"active_power_w":42,');
    await clock.pass(15_001);
    expect((await send(DATA))[0]).toMatch(/^HTTP\/1\.1 503 /);
    read(THREE_PHASES);
    expect(withoutDate((await send(DATA))[0])).toBe(withoutDate(first));
  });

  it("is served between other requests, in pieces, pipelined, and with Connection: close", async () => {
    await send(DATA);
    expect((await send(DEVICE))[0]).toContain("HWE-P1");
    expect((await send(DATA))[0]).toContain('"active_power_w":2300');
    expect(await send(DATA + DEVICE + DATA, 3)).toEqual([
      expect.stringContaining("active_power_w"),
      expect.stringContaining("HWE-P1"),
      expect.stringContaining("active_power_w"),
    ]);
    socket.write(DATA.slice(0, 10));
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect((await send(DATA.slice(10)))[0]).toContain("active_power_w");
    const closing = DATA.replace("\r\n\r\n", "\r\nconnection: close\r\n\r\n");
    const closed = once(socket, "close");
    expect((await send(closing))[0]).toMatch(/\r\nConnection: close\r\n/);
    await closed;
  });

  it("is not triggered by a known request inside another request's header or body", async () => {
    await send(DATA);
    socket.write("GET /api HTTP/1.1\r\nx-header: ");
    await new Promise((resolve) => setTimeout(resolve, 20));
    // The rest of that header, then the end of the header section.
    expect((await send(DATA))[0]).toContain("HWE-P1");
    const body = `PUT /api/v1/system HTTP/1.1\r\nhost: localhost\r\ncontent-length: ${DATA.length}\r\n\r\n`;
    socket.destroy();
    socket = await open();
    await send(DATA);
    expect((await send(body))[0]).toContain("cloud_enabled");
    text = "";
    socket.write(DATA);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(text).toBe("");
  });

  it("is refused for a foreign host name, each time", async () => {
    const foreign = DATA.replace("localhost", "evil.example");
    for (let round = 0; round < 3; round++) expect((await send(foreign))[0]).toMatch(/^HTTP\/1\.1 403 /);
    expect(output.status().clients).toBe(0);
  });

  it("counts its clients, also for repeated requests", async () => {
    await send(DATA);
    await clock.pass(50_000);
    read(THREE_PHASES);
    await send(DATA);
    await clock.pass(50_000);
    expect(output.status().clients).toBe(1);
  });

  it("is sent to a client that doesn't read once its connection accepts data", async () => {
    await send(DATA);
    socket.pause();
    text = "";
    const rounds = 3_000;
    for (let round = 0; round < rounds; round++) {
      socket.write(DATA);
      if (round % 50 === 0) await new Promise(setImmediate);
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
    socket.resume();
    await expect.poll(() => answers().length, { timeout: 10_000 }).toBe(rounds);
    expect(new Set(answers().map(withoutDate)).size).toBe(1);
  });
});

describe("a connection of the Shelly output", () => {
  it("polls two pages in turn, and becomes a WebSocket after that", async () => {
    const shelly = new ShellyOutput({ listen: "127.0.0.1:0", mdns: false, udp: [], never_zero: false }, partsOf(clock));
    await shelly.start();
    shelly.accept({ type: "reading", reading: readingOf(THREE_PHASES) });
    try {
      socket.destroy();
      socket = await open({ status: () => shelly.status() });
      const get = (target: string) => `GET ${target} HTTP/1.1\r\nhost: localhost\r\n\r\n`;
      for (let round = 0; round < 3; round++) {
        expect((await send(get("/rpc/EM.GetStatus?id=0")))[0]).toContain('"total_act_power":2300.0');
        expect((await send(get("/rpc/EMData.GetStatus?id=0")))[0]).toContain('"total_act":');
      }
      const upgrade = get("/rpc").replace(
        "\r\n\r\n",
        "\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\nsec-websocket-version: 13\r\n\r\n",
      );
      expect((await send(upgrade))[0]).toMatch(/^HTTP\/1\.1 101 /);
      text = "";
      shelly.accept({ type: "reading", reading: readingOf(THREE_PHASES) });
      await expect.poll(() => text).toContain("NotifyStatus");
      // A WebSocket client must send frames: anything else ends the connection with a protocol error.
      socket.write(get("/rpc/EM.GetStatus?id=0"));
      await once(socket, "close");
      expect(text).not.toContain("HTTP/1.1 200");
    } finally {
      await shelly.stop();
    }
  });
});
