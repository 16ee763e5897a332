/**
 * Serial device, read through the binding of the `serialport` library. It uses the binding instead of the library's stream
 * because a stream reads ahead. Here, bytes are pulled, so that a consumer that sleeps during a telegram wakes a few times
 * per telegram instead of once per byte.
 *
 *     open ── binding.open (exclusive lock, raw, 8E1 …) ── wait until readable ── read ── yield ── …
 *               │                                             │
 *               └─ SourceError, by cause                      └─ hang-up, node gone or replaced: SourceError "lost"
 */
import { constants, readSync, type Stats, statSync, writeSync } from "node:fs";
import { access, stat } from "node:fs/promises";
import { ACKNOWLEDGE, AmisAnswer, ANSWER_MS } from "./amis-answer.ts";
import { type LineSettings, type Source, SourceError } from "./source.ts";

/** Maximum bytes per read; the kernel buffers the rest (4 KiB per tty on Linux). */
const READ_BYTES = 4096;
/** Polling interval for the path of a missing device. */
const LOOK_MS = 500;
/** Polling interval while it is open but silent: the kernel reports a hang-up, but not a new node at the path. */
const LOOK_WHILE_OPEN_MS = 4_000;

/** If the consumer takes longer than this, bytes are probably waiting, so the next read does not wait for readability. */
const PAUSE_MS = 6;

/** The part of the binding's open port that is used here. */
interface Port {
  read(buffer: Buffer, offset: number, length: number): Promise<{ bytesRead: number }>;
  write(buffer: Buffer): Promise<void>;
  close(): Promise<void>;
}

/** Additional members of the Unix bindings. */
interface UnixPort extends Port {
  readonly fd: number | null;
  readonly poller: { once(event: "readable", callback: (error: Error | null) => void): unknown };
}

/** A serial device: `/dev/serial/by-id/…`, `/dev/ttyUSB0`, `COM3`. */
export class SerialSource implements Source {
  readonly label: string;
  readonly hasLine = true;
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
    this.label = path;
  }

  /** @throws SourceError `no-device`, `permission`, `busy`, `not-a-serial-device`, `lost` */
  async *open(signal: AbortSignal, line: LineSettings): AsyncGenerator<Uint8Array, void, undefined> {
    const identity = await this.#examine();
    const port = await this.#open(line);
    let gone: SourceError | undefined;
    let closing: Promise<void> | undefined;
    const close = (): void => {
      closing ??= port.close().catch(() => undefined);
    };
    let heard = true;
    const look = setInterval(() => {
      // While bytes arrive, the device exists; a hang-up ends the read anyway.
      if (heard) {
        heard = false;
        return;
      }
      const now = identify(this.#path);
      if (identity === null || now === identity || closing !== undefined) return;
      gone = new SourceError("lost", `${this.#path} ${now === null ? "is gone" : "is another device now"}`);
      close();
    }, LOOK_WHILE_OPEN_MS);
    look.unref();
    signal.addEventListener("abort", close, { once: true });
    try {
      yield new Uint8Array(0);
      const buffer = new Uint8Array(READ_BYTES);
      let waiting = false;
      let away = 0;
      const answer = new AmisAnswer();
      // Start bit, data bits, parity bit, stop bit.
      const byteMs = ((line.dataBits + line.stopBits + (line.parity === "none" ? 1 : 2)) * 1000) / line.baudRate;
      while (!signal.aborted) {
        const length = await read(port, buffer, waiting);
        heard = true;
        waiting = false;
        if (length === 0) continue;
        const given = performance.now();
        const asked = answer.heard(buffer.subarray(0, length), given, byteMs);
        // Do not answer bytes that may have waited too long while the consumer was busy.
        if (asked && away < ANSWER_MS) acknowledge(port);
        // Yield a copy: the consumer may keep it while the buffer is reused.
        yield buffer.slice(0, length);
        away = performance.now() - given;
        waiting = away > PAUSE_MS;
      }
    } catch (error) {
      if (signal.aborted) return;
      if (gone !== undefined) throw gone;
      const reason = error instanceof Error ? error.message : String(error);
      throw new SourceError("lost", `${this.#path} was disconnected (${reason})`, { cause: error });
    } finally {
      clearInterval(look);
      signal.removeEventListener("abort", close);
      close();
      await closing;
    }
  }

  /** Resolves when the path points to a different node, its permissions change, or the signal is aborted. */
  async changed(signal: AbortSignal): Promise<void> {
    if (isWindowsPort(this.#path)) return new Promise((resolve) => onAbort(signal, resolve));
    const before = identify(this.#path, true);
    await new Promise<void>((resolve) => {
      const timer = setInterval(() => {
        if (identify(this.#path, true) !== before) done();
      }, LOOK_MS);
      const done = (): void => {
        clearInterval(timer);
        resolve();
      };
      onAbort(signal, done);
    });
  }

  /** Checks the path before opening it, for precise messages: the binding reports errors only as text. */
  async #examine(): Promise<string | null> {
    const path = this.#path;
    if (isWindowsPort(path)) return null;
    let node: Awaited<ReturnType<typeof stat>>;
    try {
      node = await stat(path);
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code === "EACCES")
        throw new SourceError("permission", `${path}: no permission to look there`, { cause: error });
      throw new SourceError("no-device", `${path} does not exist`, { cause: error });
    }
    if (!node.isCharacterDevice()) {
      const what = node.isDirectory() ? "a directory" : node.isFile() ? "a plain file" : "no character device";
      throw new SourceError("not-a-serial-device", `${path} is ${what}, not a serial device`);
    }
    try {
      await access(path, constants.R_OK | constants.W_OK);
    } catch (error) {
      throw new SourceError("permission", `${path}: no permission to read and write`, { cause: error });
    }
    return identityOf(node);
  }

  async #open(line: LineSettings): Promise<Port> {
    const { autoDetect } = await import("./serial-binding.ts");
    try {
      return await autoDetect().open({
        path: this.#path,
        baudRate: line.baudRate,
        dataBits: line.dataBits,
        parity: line.parity,
        stopBits: line.stopBits,
        lock: true,
        // Keep powering adapters that draw power from DTR or RTS while the port is reopened with other settings.
        hupcl: false,
      });
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new SourceError(codeOf(reason), `${this.#path} cannot be opened: ${reason}`, { cause: error });
    }
  }
}

/**
 * Waits for bytes, unless some are already there (`waiting`), and reads them. On Unix it does not use the library's read,
 * which uses the thread pool twice per wake-up and loops forever without a pause if an unplugged device reads as "0 bytes"
 * (observed with bindings-cpp 13.0.1).
 */
async function read(port: Port, buffer: Uint8Array, waiting: boolean): Promise<number> {
  if (!isUnixPort(port)) return (await port.read(Buffer.from(buffer.buffer), 0, buffer.length)).bytesRead;
  if (!waiting) {
    await new Promise<void>((resolve, reject) => {
      if (port.fd === null) reject(new Error("closed"));
      else port.poller.once("readable", (error) => (error ? reject(error) : resolve()));
    });
  }
  if (port.fd === null) throw new Error("closed");
  try {
    const length = readSync(port.fd, buffer, 0, buffer.length, null);
    if (length === 0) throw new Error("hang-up");
    return length;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "EAGAIN" || code === "EWOULDBLOCK" || code === "EINTR") return 0;
    throw error;
  }
}

/** Sends the answer. Ignores a failed write: the meter repeats its request, and the next read fails if the device is gone. */
function acknowledge(port: Port): void {
  if (!isUnixPort(port)) {
    port.write(Buffer.from(ACKNOWLEDGE)).catch(() => undefined);
    return;
  }
  try {
    if (port.fd !== null) writeSync(port.fd, ACKNOWLEDGE);
  } catch {
    // See above.
  }
}

function isUnixPort(port: Port): port is UnixPort {
  return "poller" in port && "fd" in port;
}

function isWindowsPort(path: string): boolean {
  return /^(?:\\\\\.\\)?COM\d+$/i.test(path);
}

/**
 * Identifies the device node at the path; `null` if there is none. Synchronous, because /dev is in memory: this costs a
 * hundredth of a round trip through the thread pool.
 */
function identify(path: string, withRights = false): string | null {
  let node: Stats | undefined;
  try {
    node = statSync(path, { throwIfNoEntry: false });
  } catch {
    return null;
  }
  if (node === undefined) return null;
  return withRights ? `${identityOf(node)} ${node.mode} ${node.uid} ${node.gid}` : identityOf(node);
}

function identityOf(node: Stats): string {
  return `${node.dev} ${node.ino} ${node.rdev}`;
}

/** The binding (bindings-cpp 13) reports causes only as text, from `strerror` or from Windows. */
function codeOf(reason: string): SourceError["code"] {
  if (/lock port|busy|temporarily unavailable/i.test(reason)) return "busy";
  if (/denied|not permitted/i.test(reason)) return "permission";
  if (/inappropriate ioctl|not a typewriter|is a directory/i.test(reason)) return "not-a-serial-device";
  if (/no such|not found|input\/output error/i.test(reason)) return "no-device";
  return "unsupported";
}

function onAbort(signal: AbortSignal, act: () => void): void {
  if (signal.aborted) act();
  else signal.addEventListener("abort", act, { once: true });
}
