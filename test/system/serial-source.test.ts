/** The serial source on real pseudo-terminals, through the real `serialport` binding. */
import { chmodSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createDecoder } from "../../src/codec/decoder.ts";
import { SerialSource } from "../../src/sources/serial.ts";
import type { LineSettings } from "../../src/sources/source.ts";
import { loadFixture } from "../helpers/fixtures.ts";
import { PtyPair } from "../helpers/pty.ts";

const LINE: LineSettings = { baudRate: 2400, dataBits: 8, parity: "even", stopBits: 1 };

let line: PtyPair;
const stops: AbortController[] = [];

beforeEach(async () => {
  line = await PtyPair.open();
});
afterEach(async () => {
  for (const stop of stops.splice(0)) stop.abort();
  await line.close();
});

function open(path: string, settings: LineSettings = LINE) {
  const stop = new AbortController();
  stops.push(stop);
  const bytes = new SerialSource(path).open(stop.signal, settings)[Symbol.asyncIterator]();
  return { bytes, stop };
}
async function listening(path = line.device) {
  const opened = open(path);
  expect((await opened.bytes.next()).value).toHaveLength(0);
  return opened;
}
const failure = async (path: string): Promise<unknown> => {
  const { bytes } = open(path);
  return bytes.next().then(
    () => "opened",
    (error) => error.code,
  );
};

describe("a serial device", () => {
  it.each(["kaifa-netz-noe", "kaifa-ksm-west"])("%s arrives complete, wherever a read ends", async (name) => {
    const { wire, keys } = loadFixture(name);
    const { bytes } = await listening();
    const decoder = createDecoder(keys);
    const readUntil = async (count: number): Promise<string[]> => {
      const types: string[] = [];
      for (let got = 0; got < count; ) {
        const chunk = (await bytes.next()).value as Uint8Array;
        got += chunk.length;
        types.push(...decoder.feed(chunk).map(({ type }) => type));
      }
      return types;
    };
    for (let cut = 1; cut < wire.length; cut++) {
      line.write(wire.subarray(0, cut));
      expect(await readUntil(cut)).toEqual([]);
      line.write(wire.subarray(cut));
      expect(await readUntil(wire.length - cut)).toEqual(["telegram"]);
    }
  });

  it.each([
    [2400, "even", 8, 1],
    [2400, "none", 8, 1],
    [9600, "odd", 7, 2],
    [115_200, "none", 8, 1],
  ] as const)(
    "opens with %i baud, parity %s, %i data bits, %i stop bits",
    async (baudRate, parity, dataBits, stopBits) => {
      const { bytes } = open(line.device, { baudRate, parity, dataBits, stopBits });
      expect((await bytes.next()).value).toHaveLength(0);
    },
  );

  it("leaves unrequested bytes in the kernel's buffer", async () => {
    const { bytes } = await listening();
    for (const part of ["a", "b", "c"]) line.write(Buffer.from(part));
    await expect.poll(async () => Buffer.from((await bytes.next()).value as Uint8Array).toString()).toBe("abc");
  });

  it("distinguishes missing devices, directories, plain files, non-terminals and devices in use", async () => {
    const folder = await mkdtemp(join(tmpdir(), "kaifa-nodes-"));
    const file = join(folder, "file");
    writeFileSync(file, "");
    const { stop, bytes } = await listening();
    expect(await failure(join(folder, "none"))).toBe("no-device");
    expect(await failure(folder)).toBe("not-a-serial-device");
    expect(await failure(file)).toBe("not-a-serial-device");
    expect(await failure("/dev/null")).toBe("not-a-serial-device");
    expect(await failure(line.device)).toBe("busy");
    stop.abort();
    await bytes.next();
    expect(await failure(line.device)).toBe("opened");
    await rm(folder, { recursive: true });
  });

  it("that is unplugged while we wait for bytes is lost", async () => {
    const { bytes } = await listening();
    const next = expect(bytes.next()).rejects.toMatchObject({ code: "lost" });
    await line.unplug();
    await next;
  });

  it("that is unplugged while we do not read is lost at the next read, without a busy loop", async () => {
    const { bytes } = await listening();
    await line.unplug();
    const before = process.cpuUsage();
    await expect(bytes.next()).rejects.toMatchObject({ code: "lost" });
    const { user, system } = process.cpuUsage(before);
    expect(user + system).toBeLessThan(500_000);
  });

  it("whose path now refers to another device is lost although the old one stays open", async () => {
    const path = `${line.device}-link`;
    symlinkSync(realpathSync(line.device), path);
    const { bytes } = await listening(path);
    const other = await PtyPair.open();
    const next = expect(bytes.next()).rejects.toMatchObject({ code: "lost" });
    rmSync(path);
    symlinkSync(realpathSync(other.device), path);
    await next;
    await other.close();
  });

  it("that is missing is detected as soon as it appears, and one without permission when that changes", async () => {
    await line.unplug();
    const stop = new AbortController();
    stops.push(stop);
    const source = new SerialSource(line.device);
    const appeared = source.changed(stop.signal);
    await line.plug();
    await appeared;
    const changed = source.changed(stop.signal);
    chmodSync(realpathSync(line.device), 0o640);
    await changed;
  });

  it("is released at once when stopped, waiting or not", async () => {
    for (let round = 0; round < 5; round++) {
      const { bytes, stop } = await listening();
      const next = bytes.next();
      stop.abort();
      expect((await next).done).toBe(true);
    }
  });
});
