/** Misbehaving clients of every output, over real sockets: each gets an error or a closed connection, and costs little. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { Hono } from "hono";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { WebSocket } from "ws";
import { HomewizardOutput } from "../../../src/sinks/homewizard/homewizard-output.ts";
import { createHttpServer, type HttpBindings } from "../../../src/sinks/output/http-server.ts";
import type { Output } from "../../../src/sinks/output/output.ts";
import { P1Output } from "../../../src/sinks/p1/p1-output.ts";
import { ShellyOutput } from "../../../src/sinks/shelly/shelly-output.ts";
import { SunspecOutput } from "../../../src/sinks/sunspec/sunspec-output.ts";
import { FakeClock } from "../../helpers/fake-clock.ts";
import { readingOf } from "../../helpers/readings.ts";
import { partsOf, SILENT, THREE_PHASES } from "./feeds.ts";

const ANYWHERE = { listen: "127.0.0.1:0", mdns: false } as const;
const GET = (path: string) => `GET ${path} HTTP/1.1\r\nhost: localhost\r\n\r\n`;
/** One register from 40070: the number of the meter model. */
const READ_MODEL = Buffer.from("00010000000601039c860001", "hex");

interface Case {
  readonly make: (clock: FakeClock) => Output;
  /** A client's request, and how the answer begins. */
  readonly request: string | Buffer;
  readonly answer: RegExp;
}

const OUTPUTS: Record<string, Case> = {
  p1: {
    make: (clock) => new P1Output({ listen: ANYWHERE.listen }, partsOf(clock)),
    request: "",
    answer: /^\/KFM5/,
  },
  homewizard: {
    make: (clock) => new HomewizardOutput(ANYWHERE, partsOf(clock)),
    request: GET("/api/v1/data"),
    answer: /^HTTP\/1\.1 200 OK/,
  },
  sunspec: {
    make: (clock) => new SunspecOutput({ ...ANYWHERE, unit_id: 1, model: "integer" }, partsOf(clock)),
    request: READ_MODEL,
    answer: /Ë$/,
  },
  shelly: {
    make: (clock) => new ShellyOutput({ ...ANYWHERE, udp: [], never_zero: false }, partsOf(clock)),
    request: GET("/rpc/EM.GetStatus?id=0"),
    answer: /^HTTP\/1\.1 200 OK/,
  },
};

const sockets: Socket[] = [];
let output: Output;
let port: number;

async function start(make: Case["make"]): Promise<void> {
  output = make(new FakeClock());
  await output.start();
  port = Number(output.status().address.split(":").at(-1));
  read();
}
const read = () => output.accept({ type: "reading", reading: readingOf(THREE_PHASES) });

function open(): Socket {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => undefined);
  sockets.push(socket);
  return socket;
}
async function connected(): Promise<Socket> {
  const socket = open();
  await once(socket, "connect");
  return socket;
}
/** A new client sends a request and gets its answer. */
async function isServed({ request, answer }: Case): Promise<void> {
  const socket = await connected();
  const closed = new Promise<never>((_, reject) => socket.once("close", () => reject(new Error("closed"))));
  const data = Promise.race([once(socket, "data"), closed]);
  if (request.length > 0) socket.write(request);
  // P1 sends the next reading to the clients connected by then.
  else setTimeout(read, 20);
  expect(Buffer.from((await data)[0] as Buffer).toString("latin1")).toMatch(answer);
  socket.destroy();
}
function closeAll(): void {
  for (const socket of sockets.splice(0)) socket.destroy();
}

beforeEach(() => {
  sockets.length = 0;
});
afterEach(async () => {
  closeAll();
  await output?.stop();
});

describe.each(Object.entries(OUTPUTS))("the %s output", (_name, one) => {
  beforeEach(() => start(one.make));

  it("survives a thousand connections, keeps 64 of them, and serves again once they are closed", async () => {
    let closed = 0;
    for (let count = 0; count < 1000; count++) open().on("close", () => closed++);
    await expect.poll(() => closed, { timeout: 15_000 }).toBeGreaterThanOrEqual(1000 - 64);
    expect(output.status().clients).toBeLessThanOrEqual(64);
    closeAll();
    await expect
      .poll(
        () =>
          isServed(one).then(
            () => true,
            () => false,
          ),
        { timeout: 5_000 },
      )
      .toBe(true);
  });

  it("disconnects a client with invalid requests, or answers with an error, and serves others", async () => {
    const socket = await connected();
    let answer = "";
    socket.on("data", (chunk) => (answer += String(chunk)));
    socket.write(Buffer.alloc(100_000, "\x16\x03\x01nonsense\r\n\r\n"));
    if (one.request.length > 0) {
      await new Promise((done) => socket.once("close", done));
      expect(answer).toMatch(/^(|HTTP\/1\.1 400 Bad Request\r\n.*)$/s);
    }
    await isServed(one);
  });
});

describe.each(Object.entries(OUTPUTS).filter(([name]) => name !== "homewizard"))("the %s output", (_name, one) => {
  beforeEach(() => start(one.make));

  it("stops reading from a client that doesn't read its answers, or disconnects it", {
    timeout: 60_000,
  }, async () => {
    const deaf = await connected();
    deaf.pause();
    const flood = one.request.length > 0 ? one.request : Buffer.alloc(100, "/?!\r\n");
    const block = Buffer.concat(Array.from({ length: 1000 }, () => Buffer.from(flood)));
    let written = 0;
    // The kernel's buffers on both sides hold a few megabytes.
    while (!deaf.destroyed && deaf.writableLength === 0 && written < 100e6) {
      written += block.length;
      if (!deaf.write(block)) await Promise.race([once(deaf, "drain"), new Promise((done) => setTimeout(done, 300))]);
    }
    // P1 reads and discards what clients send, so nothing accumulates.
    if (one.request.length > 0) expect(written).toBeLessThan(50e6);
    await isServed(one);
  });
});

describe("the HTTP server of an output", () => {
  it("closes the connection of a request that comes too slowly", async () => {
    const server = createHttpServer(new Hono<{ Bindings: HttpBindings }>(), 200).listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    port = address !== null && typeof address === "object" ? address.port : 0;
    for (const text of ["GET / HT", "PUT / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9\r\n\r\nslow"]) {
      const socket = await connected();
      socket.write(text);
      expect(String((await once(socket, "data"))[0])).toMatch(/^HTTP\/1\.1 (408|404)/);
      await once(socket.resume(), "close");
    }
    server.close();
  });
});

describe("the shelly output", () => {
  it("disconnects a WebSocket client that doesn't read", async () => {
    await start(OUTPUTS.shelly?.make as Case["make"]);
    const debug = vi.spyOn(SILENT, "debug");
    const client = new WebSocket(`ws://127.0.0.1:${port}/rpc`);
    await once(client, "open");
    client.pause();
    const closed = once(client, "close");
    for (let round = 0; round < 500 && client.readyState === client.OPEN; round++) {
      for (let count = 0; count < 100; count++) read();
      await new Promise(setImmediate);
    }
    client.resume();
    expect((await closed)[0]).toBe(1006);
    expect(debug).toHaveBeenCalledWith("a WebSocket client has not read 65536 bytes: disconnected");
  });
});
