import { once } from "node:events";
import { connect, type Socket } from "node:net";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type SunspecOptions, SunspecOutput } from "../../../src/sinks/sunspec/sunspec-output.ts";
import { FakeClock } from "../../helpers/fake-clock.ts";
import { freePort } from "../../helpers/free-port.ts";
import { type Row, readingOf } from "../../helpers/readings.ts";
import { partsOf, THREE_PHASES, V, W } from "../output/feeds.ts";

let clock: FakeClock;
let output: SunspecOutput | undefined;
let port: number;
const sockets: Socket[] = [];

beforeEach(() => start());
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await output?.stop();
});

async function start(options: Partial<SunspecOptions> = {}): Promise<void> {
  await output?.stop();
  clock = new FakeClock();
  port = await freePort();
  output = new SunspecOutput({ listen: `127.0.0.1:${port}`, unit_id: 1, model: "integer", ...options }, partsOf(clock));
  await output.start();
}
const read = (rows: readonly Row[] = THREE_PHASES) => output?.accept({ type: "reading", reading: readingOf(rows) });

async function client(): Promise<Socket> {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => undefined);
  sockets.push(socket);
  await once(socket, "connect");
  return socket;
}

function request(start: number, count: number, { code = 3, unit = 1 } = {}): Buffer {
  const bytes = Buffer.from([0x12, 0x34, 0, 0, 0, 6, unit, code, 0, 0, 0, 0]);
  bytes.writeUInt16BE(start, 8);
  bytes.writeUInt16BE(count, 10);
  return bytes;
}

/** Sends a frame, waits for one answer, and returns its function and data. */
async function ask(frame: Buffer): Promise<Buffer> {
  const socket = await client();
  socket.write(frame);
  const [answer] = (await once(socket, "data")) as [Buffer];
  expect(answer.subarray(0, 4)).toEqual(frame.subarray(0, 4));
  expect(answer.readUInt16BE(4)).toBe(answer.length - 6);
  return answer.subarray(7);
}
/** Registers, as signed integers. */
async function registers(start: number, count: number): Promise<number[]> {
  const answer = await ask(request(start, count));
  expect([...answer.subarray(0, 2)]).toEqual([3, 2 * count]);
  return Array.from({ length: count }, (_, index) => answer.readInt16BE(2 + 2 * index));
}

const NONE = -0x8000;

describe("the SunSpec output", () => {
  it("has the marker, the common model, a meter model for three phases and the end", async () => {
    read();
    expect((await ask(request(40_000, 2))).toString("latin1", 2)).toBe("SunS");
    expect(await registers(40_002, 2)).toEqual([1, 66]);
    const texts = (await ask(request(40_004, 64))).toString("latin1", 2);
    expect(texts.replace(/\0+/g, "|")).toBe("Kaifa|MA309|kaifa2mqtt|1.2.3|181220000009|");
    expect(await registers(40_070, 2)).toEqual([203, 105]);
    expect(await registers(40_177, 2)).toEqual([-1, 0]);
  });

  it("has integers with scale factors, and not implemented for values that the meter doesn't send", async () => {
    read();
    expect(await registers(40_072, 5)).toEqual([1030, 500, 300, 230, -2]);
    expect(await registers(40_077, 9)).toEqual([2312, 2301, 2312, 2323, NONE, NONE, NONE, NONE, -1]);
    expect(await registers(40_086, 2)).toEqual([NONE, NONE]);
    expect(await registers(40_088, 5)).toEqual([23_000, NONE, NONE, NONE, -1]);
    const energies = await ask(request(40_108, 17));
    expect(energies.readUInt32BE(2)).toBe(4_567_890);
    expect(energies.readUInt32BE(2 + 16)).toBe(12_937_123);
    expect(energies.readInt16BE(2 + 32)).toBe(0);
  });

  it("keeps every digit that the meter sends, as far as 16 bits allow", async () => {
    read([
      ["1-0:31.7.0*255", 1234, -3, "A"],
      ["1-0:32.7.0*255", 23_012, -2, "V"],
      ["1-0:14.7.0*255", 49_987, -3, "Hz"],
      W("1.7.0", 5),
    ]);
    expect(await registers(40_072, 5)).toEqual([1234, 1234, NONE, NONE, -3]);
    expect(await registers(40_077, 9)).toEqual([23_012, 23_012, NONE, NONE, NONE, NONE, NONE, NONE, -2]);
    expect(await registers(40_086, 2)).toEqual([4999, -2]);
  });

  it("counts every Wh, although 1.001 kWh times 1000 is a little less than 1001", async () => {
    for (const wattHours of [1001, 1005, 2_001_003, 12_937_123]) {
      read([W("1.7.0", 5), ["1-0:1.8.0*255", wattHours, 0, "Wh"]]);
      expect((await ask(request(40_116, 2))).readUInt32BE(2)).toBe(wattHours);
    }
  });

  it("enlarges the scale factor for a large power, and uses coarser steps for energies beyond 32 bits", async () => {
    read([W("1.7.0", 0), W("2.7.0", 69_000), ["1-0:1.8.0*255", 6_000_000_000, 0, "Wh"]]);
    expect(await registers(40_088, 5)).toEqual([-6900, NONE, NONE, NONE, 1]);
    const energies = await ask(request(40_116, 9));
    expect(energies.readUInt32BE(2)).toBe(600_000_000);
    expect(energies.readInt16BE(2 + 16)).toBe(1);
  });

  it("is a single-phase model for a meter with one phase, and a float model if configured", async () => {
    read([W("1.7.0", 230), V(1, 2300)]);
    expect(await registers(40_070, 2)).toEqual([201, 105]);
    await start({ model: "float" });
    read();
    expect(await registers(40_070, 2)).toEqual([213, 124]);
    const floats = await ask(request(40_072, 36));
    expect(floats.readFloatBE(2)).toBeCloseTo(10.3, 4);
    expect(floats.readFloatBE(2 + 4 * 13)).toBe(2300);
    expect(floats.readFloatBE(2 + 4 * 12)).toBeNaN();
    expect(await registers(40_196, 2)).toEqual([-1, 0]);
  });

  it("serves no old power once the meter is silent, and exception 0x0B a minute later", async () => {
    expect([...(await ask(request(40_000, 2)))]).toEqual([0x83, 0x0b]);
    read();
    expect(await registers(40_088, 1)).toEqual([23_000]);
    await clock.pass(15_001);
    expect(await registers(40_088, 1)).toEqual([NONE]);
    expect(await registers(40_072, 1)).toEqual([NONE]);
    expect((await ask(request(40_116, 2))).readUInt32BE(2)).toBe(12_937_123);
    await clock.pass(60_000);
    expect([...(await ask(request(40_000, 2)))]).toEqual([0x83, 0x0b]);
    read();
    expect(await registers(40_088, 1)).toEqual([23_000]);
  });

  it("answers unsupported writes, addresses and counts with the protocol's exceptions", async () => {
    read();
    for (const code of [1, 2, 5, 6, 15, 16, 22, 23, 43, 100]) {
      expect([...(await ask(request(40_000, 1, { code })))]).toEqual([code | 0x80, 1]);
    }
    expect([...(await ask(request(0, 2)))]).toEqual([0x83, 2]);
    expect([...(await ask(request(40_178, 2)))]).toEqual([0x83, 2]);
    expect([...(await ask(request(40_000, 126)))]).toEqual([0x83, 3]);
    expect([...(await ask(request(40_000, 0)))]).toEqual([0x83, 3]);
    expect([...(await ask(Buffer.from([0, 1, 0, 0, 0, 4, 1, 3, 0, 0])))]).toEqual([0x83, 3]);
    expect((await ask(request(40_000, 2, { code: 4, unit: 240 }))).toString("latin1", 2)).toBe("SunS");
  });

  it("answers pipelined and split requests in order", async () => {
    read();
    const socket = await client();
    const bytes = Buffer.concat([request(40_000, 1), request(40_001, 1), request(40_002, 1)]);
    for (const byte of bytes) socket.write(Buffer.of(byte));
    let answer = Buffer.alloc(0);
    socket.on("data", (chunk: Buffer) => (answer = Buffer.concat([answer, chunk])));
    await expect.poll(() => answer.length).toBe(33);
    expect([9, 20, 31].map((at) => answer.readUInt16BE(at))).toEqual([0x5375, 0x6e53, 1]);
  });

  it("disconnects a client that does not speak Modbus", async () => {
    for (const bytes of ["GET / HTTP/1.1\r\n\r\n", "\0\x01\0\0\0\0\x01\x03", "\0\x01\0\0\xff\xff\x01\x03"]) {
      const socket = await client();
      socket.resume();
      const closed = once(socket, "close");
      socket.write(Buffer.from(bytes, "latin1"));
      await closed;
    }
  });

  it("survives arbitrary bytes and still serves", async () => {
    read();
    const frame = fc
      .tuple(fc.nat(65_535), fc.nat(255), fc.uint8Array({ maxLength: 40 }))
      .map(([count, code, data]) => Buffer.concat([request(count, count, { code }), data]));
    const stream = fc.array(fc.oneof(fc.uint8Array({ maxLength: 300 }), frame), { maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(stream, async (chunks) => {
        const socket = await client();
        socket.resume();
        for (const chunk of chunks) if (!socket.destroyed) socket.write(chunk);
        socket.destroy();
        expect(await registers(40_070, 1)).toEqual([203]);
      }),
      { numRuns: 60, seed: 13 },
    );
  });
});
