import { execFileSync, spawn } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { PassThrough, Readable } from "node:stream";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { decodeTelegrams } from "../../src/codec/decoder.ts";
import { command } from "../../src/commands/doctor.ts";
import { SerialSource } from "../../src/sources/serial.ts";
import { SimulatedMeter } from "../../src/sources/simulated-meter.ts";
import { TestBroker } from "../helpers/broker.ts";
import { PtyPair } from "../helpers/pty.ts";
import { heardAs, type Parity } from "../helpers/uart.ts";

const KEY = "36C66639E48A8CA4D6BC8B282A793BBB";
const GAK = "00112233445566778899AABBCCDDEEFF";
const OTHER = "000102030405060708090A0B0C0D0E0F";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "kaifa-doctor-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

interface Answer {
  ok: boolean;
  code: string;
  text: string;
  cure: string;
  heard: { line: string | null; bytes: number; faults: Record<string, number> }[];
  reading: { meterId: string; values: { obis: string; value: number }[] } | null;
  broker: { step: string; ok: boolean }[] | null;
}

/** Runs the command in an empty folder. @param onLine called with each line of stderr (the settings being tried) */
async function doctor(
  options: Record<string, unknown>,
  {
    env = {},
    onLine,
    terminal,
  }: { env?: Record<string, string>; onLine?: (line: string) => void; terminal?: (text: string) => void } = {},
): Promise<{ exit: number; output: string }> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  let output = "";
  stdout.on("data", (text) => {
    output += text;
  });
  if (terminal !== undefined) Object.assign(stderr, { isTTY: true }).on("data", (text) => terminal(String(text)));
  stderr.on("data", (text) => {
    for (const line of String(text).trim().split("\n")) onLine?.(line);
  });
  const context = {
    args: [],
    options: { logLevel: "debug", ...options },
    env,
    cwd: folder,
    stdin: Readable.from([]),
    stdout,
    stderr,
    signal: new AbortController().signal,
    hide: () => undefined,
  };
  return { exit: await command(context), output };
}

async function answer(options: Record<string, unknown>, more: Parameters<typeof doctor>[1] = {}): Promise<Answer> {
  const { exit, output } = await doctor({ json: true, ...options }, more);
  const parsed = JSON.parse(output) as Answer;
  expect(exit).toBe(parsed.ok ? 0 : 1);
  expect(output).not.toContain(KEY);
  return parsed;
}

/** A line on which the bytes repeat every two seconds while `use` runs. */
async function onLine<T>(
  what: (turn: number) => Uint8Array | null,
  use: (device: string) => Promise<T>,
  everyMs = 2_000,
): Promise<T> {
  const pty = await PtyPair.open();
  let turn = 0;
  const timer = setInterval(() => {
    const bytes = what(turn++);
    if (bytes !== null) pty.write(bytes);
  }, everyMs);
  try {
    return await use(pty.device);
  } finally {
    clearInterval(timer);
    await pty.close();
  }
}

const meter = (layout = "netz-noe") =>
  new SimulatedMeter({
    layout,
    key: Buffer.from(KEY, "hex"),
    authenticationKey: layout === "burgenland" ? Buffer.from(GAK, "hex") : undefined,
    seed: 1,
    start: Date.now(),
  });
const telegrams = (layout?: string) => {
  const source = meter(layout);
  return () => source.telegram(Date.now());
};
const random = (length: number) => Uint8Array.from({ length }, () => Math.floor(Math.random() * 256));

describe("doctor reports", () => {
  it.concurrent("all well: prints the reading and ends at once", async () => {
    const found = await onLine(telegrams(), (port) => answer({ port, key: KEY }));
    expect(found).toMatchObject({ ok: true, code: "ok", cure: "" });
    expect(found.reading?.values.map(({ obis }) => obis)).toContain("1-0:1.8.0*255");
  });

  it.concurrent("all well, as text: at most ten lines, without the key", async () => {
    const { exit, output } = await onLine(telegrams(), (port) => doctor({ port, key: KEY }));
    expect(exit).toBe(0);
    expect(output).toMatch(/All well: telegrams of meter KFM/);
    expect(output).toMatch(/reading .*import \d+(\.\d+)? kWh/);
    expect(output.trim().split("\n").length).toBeLessThanOrEqual(10);
    expect(output).not.toContain(KEY);
  });

  it.concurrent("key and port from the configuration", async () => {
    const env = (port: string) => ({ KAIFA2MQTT_METER_PORT: port, KAIFA2MQTT_METER_KEY: KEY });
    expect(await onLine(telegrams(), (port) => answer({}, { env: env(port) }))).toMatchObject({ code: "ok" });
  });

  it.concurrent("no such device", async () => {
    const found = await answer({ port: "/dev/does-not-exist" });
    expect(found).toMatchObject({ code: "no-device", reading: null });
    expect(found.text).toContain("/dev/does-not-exist");
  });

  it.concurrent("a directory, a plain file", async () => {
    expect(await answer({ port: "/tmp" })).toMatchObject({ code: "not-a-serial-device" });
    expect(await answer({ port: "/etc/hostname" })).toMatchObject({ code: "not-a-serial-device" });
  });

  it.concurrent("a device that another program reads", async () => {
    const pty = await PtyPair.open();
    const other = new AbortController();
    const line = { baudRate: 2400, dataBits: 8, parity: "none", stopBits: 1 } as const;
    const reading = new SerialSource(pty.device).open(other.signal, line);
    await reading.next();
    expect(await answer({ port: pty.device })).toMatchObject({ code: "busy" });
    other.abort();
    await reading.next();
    await pty.close();
  });

  it.concurrent("another program that reads without a lock and takes some of the bytes: it is named", async () => {
    const pty = await PtyPair.open();
    const other = spawn("cat", [pty.device], { stdio: "ignore" });
    await new Promise((resolve) => other.once("spawn", resolve));
    const next = telegrams();
    const timer = setInterval(() => pty.write(heardAs(next(), "even", "none", "drop")), 1_500);
    const { output } = await doctor({ port: pty.device, key: KEY });
    clearInterval(timer);
    other.kill();
    await pty.close();
    expect(output).toContain(`cat (pid ${other.pid})`);
    expect(output.trim().split("\n").length).toBeLessThanOrEqual(10);
  });

  it.concurrent("a server that refuses", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const { port } = server.address() as { port: number };
    await new Promise((resolve) => server.close(resolve));
    expect(await answer({ port: `tcp://127.0.0.1:${port}` })).toMatchObject({ code: "unreachable" });
  });

  it.concurrent("silence, after both parities and the faster settings", async () => {
    const found = await onLine(
      () => null,
      (port) => answer({ port, key: KEY }),
    );
    expect(found.code).toBe("silence");
    expect(found.heard.map(({ line }) => line)).toEqual(["2400 8E1", "2400 8N1", "9600 8N1", "115200 8N1"]);
    expect(found.cure).toMatch(/grid operator/);
  });

  it.concurrent("noise, after the usual settings", async () => {
    const found = await onLine(
      () => random(40),
      (port) => answer({ port, key: KEY }),
      100,
    );
    expect(found.code).toBe("noise");
    expect(found.heard.map(({ line }) => line)).toEqual(["2400 8E1", "2400 8N1", "9600 8N1", "115200 8N1", "9600 8E1"]);
  });

  it.concurrent("only zeros: no M-Bus adapter", async () => {
    const found = await onLine(
      () => new Uint8Array(20),
      (port) => answer({ port, key: KEY }),
      100,
    );
    expect(found).toMatchObject({ code: "noise" });
    expect(found.text).toContain("zero");
  });

  it.concurrent("a meter at another baud rate: finds it", async () => {
    const next = telegrams();
    const pty = await PtyPair.open();
    // A pseudo-terminal reports the speed set by the reader, so that the sender knows whether it matches.
    const speed = () => Number(execFileSync("stty", ["-F", pty.device, "speed"], { encoding: "utf8" }));
    const timer = setInterval(() => pty.write(speed() === 9600 ? next() : random(90)), 1_500);
    const env = { KAIFA2MQTT_METER_PORT: pty.device, KAIFA2MQTT_METER_KEY: KEY };
    const found = await answer({}, { env });
    clearInterval(timer);
    await pty.close();
    expect(found).toMatchObject({ ok: false, code: "noise" });
    expect(found.text).toContain("9600 8N1");
    expect(found.cure).toContain("baud_rate: 9600");
    expect(found.reading).not.toBeNull();
  });

  it.concurrent("a meter that is much faster, from which a slow receiver gets nothing", async () => {
    const next = telegrams("kaernten");
    const pty = await PtyPair.open();
    const speed = () => Number(execFileSync("stty", ["-F", pty.device, "speed"], { encoding: "utf8" }));
    const timer = setInterval(() => speed() === 115_200 && pty.write(next()), 1_000);
    const found = await answer({ port: pty.device, key: KEY });
    clearInterval(timer);
    await pty.close();
    expect(found).toMatchObject({ ok: true, cure: "Set baud_rate: 115200 and parity: none." });
  });

  // A pseudo-terminal has no parity: the output of the adapter's receiver is computed bit by bit.
  describe.each(["drop", "resync", "deliver"] as const)(
    "right bytes at the wrong parity, by an adapter that does this with framing errors: %s",
    (onFramingError) => {
      const at = (sent: Parity, env: (port: string) => Record<string, string>) => async () => {
        const next = telegrams();
        let set: Parity = "none";
        const listen = (line: string) => {
          const [, letter] = / \d+ 8([NEO])1/.exec(line) ?? [];
          set = letter === "E" ? "even" : letter === "O" ? "odd" : "none";
        };
        return onLine(
          () => heardAs(next(), sent, set, onFramingError),
          (port) => answer({}, { env: env(port), onLine: listen }),
        );
      };
      const configured = (parity?: string) => (port: string) => ({
        KAIFA2MQTT_METER_PORT: port,
        KAIFA2MQTT_METER_KEY: KEY,
        ...(parity === undefined ? {} : { KAIFA2MQTT_METER_PARITY: parity }),
      });

      it.concurrent("parity none configured, the meter sends even", async () => {
        const found = await at("even", configured("none"))();
        // An adapter that delivers every byte reads correctly at either setting.
        if (onFramingError === "deliver") return expect(found).toMatchObject({ ok: true });
        expect(found).toMatchObject({ ok: false, code: "wrong-parity" });
        expect(found.cure).toContain("parity: even");
      });

      it.concurrent("with parity auto it finds the right one", async () => {
        expect(await at("even", configured())()).toMatchObject({ ok: true });
        expect(await at("none", configured())()).toMatchObject({ ok: true });
      });
    },
  );

  it.concurrent("frames without content", async () => {
    const frames = Uint8Array.of(0x10, 0x40, 0x01, 0x41, 0x16, 0xe5);
    expect(
      await onLine(
        () => frames,
        (port) => answer({ port, key: KEY }),
      ),
    ).toMatchObject({ code: "no-content" });
  });

  it.concurrent("an AMIS meter, which requires answers", async () => {
    const request = Uint8Array.of(0x10, 0x40, 0xf0, 0x30, 0x16);
    const found = await onLine(
      () => request,
      (port) => answer({ port, key: KEY }),
    );
    expect(found).toMatchObject({ code: "no-content" });
    expect(found.text).toContain("AMIS");
  });

  it.concurrent("frames whose checksums are wrong", async () => {
    const next = telegrams();
    const damaged = () => {
      const bytes = next().slice();
      bytes[100] = (bytes[100] ?? 0) ^ 1;
      return bytes;
    };
    expect(await onLine(damaged, (port) => answer({ port, key: KEY }))).toMatchObject({ code: "checksum" });
  });

  it.concurrent("ciphered telegrams and no key", async () => {
    const found = await onLine(telegrams(), (port) => answer({ port }));
    expect(found).toMatchObject({ code: "key-missing" });
    expect(found.text).toMatch(/meter KFM/);
  });

  it.concurrent("a wrong key", async () => {
    const found = await onLine(telegrams(), (port) => answer({ port, key: OTHER }));
    expect(found).toMatchObject({ code: "key-wrong" });
    expect(found.text).toMatch(/the key does not fit meter KFM/);
  });

  it.concurrent("a wrong authentication key", async () => {
    const next = telegrams("burgenland");
    const found = await onLine(next, (port) => answer({ port, key: KEY, authKey: OTHER }));
    expect(found).toMatchObject({ code: "authentication" });
    expect(await onLine(next, (port) => answer({ port, key: KEY, authKey: GAK }))).toMatchObject({ code: "ok" });
  });
});

describe("doctor reports telegrams that the bridge would never accept", () => {
  it.concurrent("telegrams without a tag, with an authentication key", async () => {
    const found = await onLine(telegrams(), (port) => answer({ port, key: KEY, authKey: GAK }));
    expect(found).toMatchObject({ code: "authentication", text: expect.stringContaining("no authentication tag") });
    expect(found.cure).toMatch(/remove authentication_key/);
  });

  it.concurrent("replays and plain telegrams of a meter known to encrypt", async () => {
    const dataDir = mkdtempSync(join(tmpdir(), "kaifa-doctor-data-"));
    const old = meter();
    const title = "4B464D6550000009";
    const remember = (entry: object) =>
      writeFileSync(join(dataDir, "state.json"), JSON.stringify({ version: 1, meters: { [title]: entry } }));
    try {
      const [first] = decodeTelegrams(old.telegram(Date.now()), { key: Buffer.from(KEY, "hex") });
      if (first?.type !== "telegram") throw new Error("the simulated meter is not understood");
      const { systemTitle, meterId } = first.telegram;
      writeFileSync(
        join(dataDir, "state.json"),
        JSON.stringify({ version: 1, meters: { [systemTitle ?? ""]: { meterId, counter: 2 ** 32 - 1 } } }),
      );
      const env = (port: string) => ({
        KAIFA2MQTT_METER_PORT: port,
        KAIFA2MQTT_METER_KEY: KEY,
        KAIFA2MQTT_DATA_DIR: dataDir,
      });
      const replayed = await onLine(telegrams(), (port) => answer({}, { env: env(port) }));
      expect(replayed).toMatchObject({ code: "implausible", text: expect.stringContaining("old ones sent again") });
      expect(replayed.cure).toMatch(/state\.json/);
      const plain = await onLine(telegrams("p1"), (port) => {
        remember({ meterId: null, counter: 1, encrypted: true, source: port });
        return answer({}, { env: env(port) });
      });
      expect(plain).toMatchObject({ code: "implausible", text: expect.stringContaining("seen encrypted before") });
    } finally {
      rmSync(dataDir, { recursive: true });
    }
  });
});

describe("doctor", () => {
  it("reports a device without permission", async () => {
    const pty = await PtyPair.open();
    chmodSync(dirname(pty.device), 0o755);
    process.seteuid?.(65_534);
    try {
      expect(await answer({ port: pty.device })).toMatchObject({ code: "permission" });
    } finally {
      process.seteuid?.(0);
      await pty.close();
    }
  });

  it("uses the key from the environment for a port on the command line", async () => {
    const env = { KAIFA2MQTT_METER_KEY: KEY };
    expect(await onLine(telegrams(), (port) => answer({ port }, { env }))).toMatchObject({ ok: true });
  });

  it("shows on a terminal that it is listening, and clears that line", async () => {
    const written: string[] = [];
    const terminal = (text: string): void => void written.push(text);
    const { exit } = await onLine(
      () => null,
      (port) => doctor({ port, logLevel: undefined }, { terminal }),
    );
    const shown = written.join("");
    expect(exit).toBe(1);
    expect(shown).toMatch(/listening at \S+, 2400 8E1: 3 s, 0 bytes/);
    expect(shown.endsWith("\r\x1b[K")).toBe(true);
  });

  it("without port and configuration lists the available devices and fails", async () => {
    const { exit, output } = await doctor({});
    expect(exit).toBe(1);
    expect(output).toMatch(/^devices {2}/m);
    expect(output.trim().split("\n").length).toBeLessThanOrEqual(10);
  });

  it("refuses an invalid key, without repeating it", async () => {
    const refused = doctor({ port: "/dev/null", key: "ABCDEF" });
    await expect(refused).rejects.toThrow(/--key: expected 32 hex digits/);
    await expect(refused).rejects.not.toThrow(/ABCDEF/);
  });
});

describe("the broker", () => {
  const configured = (server: string) => ({ env: { KAIFA2MQTT_METER_KEY: KEY, KAIFA2MQTT_MQTT_SERVER: server } });

  it("is tested as the bridge would use it", async () => {
    const broker = await TestBroker.start();
    try {
      const found = await onLine(telegrams(), (port) => answer({ port }, configured(broker.url)));
      expect(found).toMatchObject({ ok: true, code: "ok" });
      expect(found.broker?.map(({ step, ok }) => [step, ok])).toEqual([
        ["login", true],
        ["base topic", true],
        ["discovery topic", true],
        ["retained", true],
      ]);
      expect([...broker.retained]).toEqual([]);
    } finally {
      await broker.stop();
    }
  });

  it("that is missing, or refuses us, is not reported as all well", async () => {
    const found = await onLine(telegrams(), (port) => answer({ port }, configured("mqtt://127.0.0.1:1")));
    expect(found).toMatchObject({ ok: false, code: "ok", broker: [{ step: "login", ok: false }] });
    const { exit, output } = await onLine(telegrams(), (port) => doctor({ port }, configured("mqtt://127.0.0.1:1")));
    expect(exit).toBe(1);
    expect(output).toMatch(/^broker {3}.*127\.0\.0\.1:1/m);
  });
});

describe("the port", () => {
  it.each([
    ["ttyUSB0", "did you mean `/dev/ttyUSB0`?"],
    ["192.168.1.20:20108", "did you mean `tcp://192.168.1.20:20108`?"],
    ["esp.local:23", "did you mean `tcp://esp.local:23`?"],
    ["by-id/usb-FTDI-if00", "did you mean `/dev/serial/by-id/usb-FTDI-if00`?"],
  ])("%s: %s", async (port, words) => {
    await expect(doctor({ port })).rejects.toThrow(words);
  });
});
