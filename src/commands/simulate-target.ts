/** The target of `simulate`: a PTY, a serial device, a TCP server or standard output. */
import { existsSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import type { Writable } from "node:stream";
import { mask } from "../log/redact.ts";
import { waitAtMost } from "../process/time-limit.ts";
import { UsageError } from "./command.ts";
import { createPty } from "./simulate-pty.ts";

/** Time for the last bytes to be sent at the end. */
const FLUSH_MS = 3_000;
/** After this long, clients that do not close their side are cut off. */
const CLOSE_MS = 500;

/** Destination of the bytes. */
export interface Target {
  /** What to connect to, for messages. */
  readonly where: string;
  /** Whether bytes are paced as on a serial line. */
  readonly pace: boolean;
  /** Whether all earlier bytes have been sent: a telegram is sent whole or not at all. */
  ready(): boolean;
  write(bytes: Uint8Array): void;
  /** Resolves when all bytes have been sent; `false` if nothing accepts them. */
  flush(): Promise<boolean>;
  /** Subscribes to bytes sent by a reader. */
  listen(listener: (bytes: Uint8Array) => void): void;
  /** Resolves with the reason when the target has gone. */
  readonly gone: Promise<string>;
  close(): Promise<void>;
}

/**
 * @param name `pty`, a path, `tcp-listen:HOST:PORT` or `-`
 * @throws UsageError for any other name; Error if the target cannot be opened
 */
export async function openTarget(
  name: string,
  baudRate: number,
  stdout: Writable,
  signal: AbortSignal,
): Promise<Target> {
  const listen = /^tcp-listen:(?:\/\/)?(?:(.*):)?(\d+)$/.exec(name);
  if (listen) return openServer((listen[1] ?? "").replace(/^\[|\]$/g, "") || "127.0.0.1", Number(listen[2]));
  if (name.startsWith("tcp")) throw new UsageError(`${mask(name)}: expected tcp-listen:HOST:PORT`);
  if (name === "-") {
    const gone = new Promise<string>((resolve) => stdout.once("error", (error) => resolve(error.message)));
    return {
      where: "standard output",
      pace: false,
      ready: () => !stdout.writableNeedDrain,
      write: (bytes) => stdout.write(bytes),
      flush: async () => true,
      // Standard output has no back channel.
      listen: () => undefined,
      gone,
      close: async () => {},
    };
  }
  if (name !== "pty" && existsSync(name)) return openDevice(name, baudRate);
  const pty = await createPty(name === "pty" ? undefined : name);
  return {
    where: name === "pty" ? pty.path : `${pty.path} (${name})`,
    pace: true,
    // While nobody reads and the PTY is full, skip telegrams, as they would be lost on a wire.
    ready: () => pty.input.writableLength === 0,
    write: (bytes) => void pty.input.write(bytes),
    flush: () => within(FLUSH_MS, () => pty.input.writableLength === 0),
    listen: (listener) => void pty.output.on("data", listener),
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
  // One write at a time: while busy, the driver may accept only part of a write.
  let waiting = 0;
  let last = Promise.resolve();
  const listen = async (listener: (bytes: Uint8Array) => void): Promise<void> => {
    for (const buffer = Buffer.alloc(256); ; ) {
      const { bytesRead } = await port.read(buffer, 0, buffer.length);
      listener(Uint8Array.from(buffer.subarray(0, bytesRead)));
    }
  };
  return {
    where: path,
    pace: true,
    ready: () => waiting === 0,
    write: (bytes) => {
      waiting += 1;
      last = last
        .then(() => port.write(Buffer.from(bytes)))
        .catch((error: Error) => fail(error.message))
        .finally(() => {
          waiting -= 1;
        });
    },
    flush: async () => {
      const written = await within(FLUSH_MS, () => waiting === 0);
      if (written)
        await waitAtMost(
          FLUSH_MS,
          port.drain().catch(() => undefined),
        );
      return written;
    },
    listen: (listener) => void listen(listener).catch((error: Error) => fail(error.message)),
    gone,
    close: () => port.close().catch(() => undefined),
  };
}

async function openServer(host: string, port: number): Promise<Target> {
  const clients = new Set<Socket>();
  let listener: (bytes: Uint8Array) => void = () => undefined;
  const server = createServer((socket) => {
    clients.add(socket);
    socket.on("error", () => undefined);
    socket.on("close", () => clients.delete(socket));
    socket.on("data", (bytes) => listener(bytes));
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
    ready: () => true,
    flush: async () => true,
    // A client that does not read misses whole telegrams.
    write: (bytes) => {
      for (const client of clients) if (client.writableLength === 0) client.write(bytes);
    },
    listen: (taken) => {
      listener = taken;
    },
    gone: new Promise((resolve) => server.once("error", (error) => resolve(error.message))),
    close: async () => {
      for (const client of clients) client.end();
      const closed = new Promise<void>((done) => server.close(() => done()));
      await waitAtMost(CLOSE_MS, closed);
      for (const client of clients) client.destroy();
      await closed;
    },
  };
}

/** Whether the condition becomes true in time. */
export async function within(milliseconds: number, holds: () => boolean): Promise<boolean> {
  const end = performance.now() + milliseconds;
  while (!holds() && performance.now() < end) await new Promise((resolve) => setTimeout(resolve, 20));
  return holds();
}
