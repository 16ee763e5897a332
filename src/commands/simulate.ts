/**
 * `simulate [TARGET]`: plays a meter. The target, an argument or `--port`:
 *
 *     pty, or a path that does not exist   a PTY (with a link of that name), at line rate
 *     /dev/ttyUSB1                         a serial device, at its line rate
 *     tcp-listen:HOST:PORT                 a server that sends each telegram to all who are connected
 *     -                                    standard output
 */
import { existsSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import type { Writable } from "node:stream";
import { describeWrongKey, keyBytes } from "../config/hex-key.ts";
import { mask } from "../log/redact.ts";
import { LINE_FAULTS, parseLineFaults } from "../sources/line-faults.ts";
import { seededRandom } from "../sources/load-profile.ts";
import { SimulatedMeter } from "../sources/simulated-meter.ts";
import { sleep } from "../sources/wait.ts";
import { type CommandContext, UsageError } from "./command.ts";
import { createPty } from "./simulate-pty.ts";

/** Start bit, eight data bits, parity, stop bit. */
const BITS_OF_A_BYTE = 11;
const FAULT_RATE = 0.2;

/** Where the bytes go. */
interface Target {
  /** For people: what to connect to. */
  readonly where: string;
  /** Whether it is a line, over which bytes come one after the other. */
  readonly pace: boolean;
  write(bytes: Uint8Array): void;
  /** Resolves when nothing can be written any more. */
  readonly gone: Promise<string>;
  close(): Promise<void>;
}

export async function command(context: CommandContext): Promise<number> {
  const { options, signal, stdout, stderr } = context;
  const number = (name: string, least: number, fallback: number): number => {
    const text = options[name];
    if (text === undefined) return fallback;
    const value = Number(text);
    if (text === "" || !Number.isFinite(value) || value < least) {
      throw new UsageError(`--${name}: expected a number, ${least} or more`);
    }
    return value;
  };
  const meter = usable(
    () =>
      new SimulatedMeter({
        layout: options.layout,
        key: keyOf(options.key, context.hide),
        authenticationKey: keyOf(options.authKey, context.hide),
        seed: number("seed", 0, 1),
        start: Date.now(),
      }),
  );
  const interval = number("interval", 0, meter.layout.periodS) * 1000;
  const count = number("count", 1, Number.POSITIVE_INFINITY);
  const speed = number("speed", 0, 1);
  const faults = usable(() => (options.faults === undefined ? [] : parseLineFaults(String(options.faults))));
  const faultRate = number("faultRate", 0, FAULT_RATE);
  const baudRate = number("baudRate", 0, meter.layout.baudRate);
  const random = seededRandom(number("seed", 0, 1) + 1);

  const name = context.args[0] ?? options.port ?? "pty";
  let target: Target;
  try {
    target = await openTarget(name, baudRate || meter.layout.baudRate, stdout, signal);
  } catch (error) {
    if (error instanceof UsageError) throw error;
    stderr.write(
      `${mask(name)}: ${error instanceof Error ? error.message.replaceAll(name, mask(name)) : String(error)}\n`,
    );
    return 1;
  }
  const say = name === "-" ? stderr : stdout;
  say.write(`${meter.layout.name} (${meter.layout.about}) on ${target.where}, every ${interval / 1000} s\n`);

  const end = new AbortController();
  const stop = (): void => end.abort();
  signal.addEventListener("abort", stop, { once: true });
  let broken: string | null = null;
  void target.gone.then((why) => {
    broken = why;
    stop();
  });
  const startWall = Date.now();
  const start = performance.now();
  const byteMs = target.pace && baudRate > 0 ? (BITS_OF_A_BYTE * 1000) / baudRate : 0;
  for (let sent = 0; sent < count && !end.signal.aborted; sent++) {
    await sleep(start + sent * interval - performance.now(), end.signal);
    if (end.signal.aborted) break;
    let bytes = meter.telegram(startWall + (performance.now() - start) * speed);
    const kind = faults[Math.floor(random() * faults.length)];
    if (kind !== undefined && random() < faultRate) bytes = LINE_FAULTS[kind](bytes, random);
    await writeAtPace(target, bytes, byteMs, end.signal);
  }
  signal.removeEventListener("abort", stop);
  await target.close();
  if (broken !== null && !signal.aborted) {
    stderr.write(`${mask(name)}: ${broken}\n`);
    return 1;
  }
  return 0;
}

/** As many bytes at a time as the line would have carried by then. */
async function writeAtPace(target: Target, bytes: Uint8Array, byteMs: number, signal: AbortSignal): Promise<void> {
  if (byteMs === 0) return target.write(bytes);
  const begun = performance.now();
  for (let written = 0; written < bytes.length && !signal.aborted; ) {
    await sleep(begun + (written + 1) * byteMs - performance.now(), signal);
    const due = Math.min(bytes.length, Math.max(written + 1, Math.floor((performance.now() - begun) / byteMs)));
    target.write(bytes.subarray(written, due));
    written = due;
  }
}

async function openTarget(name: string, baudRate: number, stdout: Writable, signal: AbortSignal): Promise<Target> {
  const listen = /^tcp-listen:(?:\/\/)?(?:(.*):)?(\d+)$/.exec(name);
  if (listen) return openServer((listen[1] ?? "").replace(/^\[|\]$/g, "") || "127.0.0.1", Number(listen[2]));
  if (name.startsWith("tcp")) throw new UsageError(`${mask(name)}: expected tcp-listen:HOST:PORT`);
  if (name === "-") {
    const gone = new Promise<string>((resolve) => stdout.once("error", (error) => resolve(error.message)));
    return {
      where: "standard output",
      pace: false,
      write: (bytes) => stdout.write(bytes),
      gone,
      close: async () => {},
    };
  }
  if (name !== "pty" && existsSync(name)) return openDevice(name, baudRate);
  const pty = await createPty(name === "pty" ? undefined : name);
  return {
    where: name === "pty" ? pty.path : `${pty.path} (${name})`,
    pace: true,
    // Nobody reads and the PTY is full: what is not wanted is lost, as on a wire.
    write: (bytes) => void (pty.input.writableLength === 0 && pty.input.write(bytes)),
    gone: pty.gone.then(() => (signal.aborted ? "" : "the PTY was closed")),
    close: () => pty.close(),
  };
}

async function openDevice(path: string, baudRate: number): Promise<Target> {
  const { SerialPort } = await import("../sources/serialport-library.ts");
  const port = await SerialPort.binding.open({ path, baudRate, dataBits: 8, parity: "even", stopBits: 1, lock: true });
  let fail: (why: string) => void = () => undefined;
  const gone = new Promise<string>((resolve) => {
    fail = resolve;
  });
  let busy = false;
  return {
    where: path,
    pace: true,
    write: (bytes) => {
      if (busy) return;
      busy = true;
      port.write(Buffer.from(bytes)).then(
        () => {
          busy = false;
        },
        (error: Error) => fail(error.message),
      );
    },
    gone,
    close: () => port.close().catch(() => undefined),
  };
}

async function openServer(host: string, port: number): Promise<Target> {
  const clients = new Set<Socket>();
  const server = createServer((socket) => {
    clients.add(socket);
    socket.on("error", () => undefined);
    socket.on("close", () => clients.delete(socket));
    socket.resume();
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, resolve);
  });
  const address = server.address();
  const bound = typeof address === "object" && address !== null ? address.port : port;
  return {
    where: `tcp://${host.includes(":") ? `[${host}]` : host}:${bound}`,
    pace: false,
    write: (bytes) => {
      for (const client of clients) if (client.writableLength === 0) client.write(bytes);
    },
    gone: new Promise((resolve) => server.once("error", (error) => resolve(error.message))),
    close: async () => {
      for (const client of clients) client.end();
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        setTimeout(() => {
          for (const client of clients) client.destroy();
        }, 500).unref();
      });
    },
  };
}

function keyOf(text: string | undefined, hide: (secret: string) => void): Uint8Array | undefined {
  if (text === undefined) return undefined;
  hide(text);
  const bytes = keyBytes(text);
  if (bytes === null) throw new UsageError(`the key: expected 32 hex digits, found ${describeWrongKey(text)}`);
  return bytes;
}

/** A wrong argument is wrong usage, whatever noticed it. */
function usable<T>(make: () => T): T {
  try {
    return make();
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}
