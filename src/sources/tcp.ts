/** `tcp://host:port`: a network serial server such as ser2net, an ESP bridge or `kaifa2mqtt simulate tcp-listen:…`. */
import { connect, type Socket } from "node:net";
import { ACKNOWLEDGE, AmisAnswer, ANSWER_MS } from "./amis-answer.ts";
import { type LineSettings, type Source, SourceError } from "./source.ts";

/** Connection timeout: long enough for two lost SYN packets (retransmitted after 1 s and 3 s). */
const CONNECT_MS = 4_000;
/** Idle time before TCP keep-alive probes start; Linux drops the connection ten seconds later. */
const KEEPALIVE_MS = 10_000;
/** A socket with more unread bytes is paused; a telegram has some hundred. */
const MAX_WAITING_BYTES = 65_536;
/**
 * What any socket reads into: without it, Node allocates 64 KiB for every read, and its stream takes a tenth of the
 * processor time of a thousand meters.
 */
const READ_BUFFER = /* @__PURE__ */ new Uint8Array(16_384);

export class TcpSource implements Source {
  readonly label: string;
  readonly hasLine = false;
  readonly #host: string;
  readonly #port: number;

  constructor(host: string, port: number) {
    this.#host = host;
    this.#port = port;
    this.label = `tcp://${host.includes(":") ? `[${host}]` : host}:${port}`;
  }

  /** @throws SourceError as `listen` */
  async *open(signal: AbortSignal, _line: LineSettings): AsyncGenerator<Uint8Array, void, undefined> {
    const received = new Received();
    const { socket, ended } = this.#connect(signal, (bytes) => received.add(bytes.slice()));
    void ended.catch(() => undefined).then(() => received.wake());
    try {
      while (!signal.aborted) {
        const chunk = received.take();
        if (chunk !== undefined) {
          yield chunk;
          if (received.takePause()) socket.resume();
        } else if (socket.closed) await ended;
        else await received.more();
      }
    } finally {
      socket.destroy();
    }
  }

  /** @throws SourceError `refused`, `unreachable`, `lost` (also if the peer closes the connection cleanly) */
  listen(signal: AbortSignal, receive: (bytes: Uint8Array) => void): Promise<void> {
    const { ended } = this.#connect(signal, (bytes) => {
      receive(bytes);
      return true;
    });
    return ended;
  }

  /**
   * @param receive gets an empty chunk once connected, then what is read, valid during the call; returns whether to go on
   *   reading
   * @returns `ended` resolves on abort, and rejects when the connection fails
   */
  #connect(signal: AbortSignal, receive: (bytes: Uint8Array) => boolean): { socket: Socket; ended: Promise<void> } {
    const answer = new AmisAnswer();
    let connected = false;
    let busy = 0;
    let bug: unknown;
    const take = (bytes: Uint8Array): boolean => {
      try {
        return receive(bytes);
      } catch (error) {
        bug = error;
        socket.destroy();
        return false;
      }
    };
    const read = (count: number): boolean => {
      const bytes = READ_BUFFER.subarray(0, count);
      const given = performance.now();
      // Too late after a long computation: the meter searches again (diagnosis `amisServer`).
      if (answer.heard(bytes, given) && busy < ANSWER_MS) socket.write(ACKNOWLEDGE);
      const goesOn = take(bytes);
      busy = performance.now() - given;
      return goesOn;
    };
    const onread = { buffer: READ_BUFFER, callback: read };
    const socket = connect({ host: this.#host, port: this.#port, noDelay: true, onread });
    const ended = new Promise<void>((resolve, reject) => {
      let failure = new Error("closed by the other side");
      const giveUp = setTimeout(() => socket.destroy(new Error("no answer")), CONNECT_MS);
      const close = (): void => void socket.destroy();
      signal.addEventListener("abort", close, { once: true });
      if (signal.aborted) close();
      socket.once("connect", () => {
        connected = true;
        clearTimeout(giveUp);
        socket.setKeepAlive(true, KEEPALIVE_MS);
        take(new Uint8Array(0));
      });
      socket.on("error", (error) => {
        failure = error;
      });
      socket.once("close", () => {
        clearTimeout(giveUp);
        signal.removeEventListener("abort", close);
        if (signal.aborted) resolve();
        else reject(bug ?? this.#failure(failure, connected));
      });
    });
    return { socket, ended };
  }

  #failure(error: unknown, connected: boolean): SourceError {
    const reason = error instanceof Error ? error.message : String(error);
    if (connected) return new SourceError("lost", `${this.label}: connection lost (${reason})`, { cause: error });
    const refused = (error as NodeJS.ErrnoException).code === "ECONNREFUSED";
    const what = refused ? "refuses the connection" : `cannot be reached (${reason})`;
    return new SourceError(refused ? "refused" : "unreachable", `${this.label} ${what}`, { cause: error });
  }
}

/** What has been read from a socket and not yet been taken. */
class Received {
  readonly #chunks: Uint8Array[] = [];
  #bytes = 0;
  #paused = false;
  #wake: (() => void) | null = null;

  /** Whether reading was stopped and should start again, since everything has been taken. */
  takePause(): boolean {
    if (!this.#paused || this.#chunks.length > 0) return false;
    this.#paused = false;
    return true;
  }

  /** @returns whether to go on reading */
  add(chunk: Uint8Array): boolean {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    this.#paused = this.#bytes >= MAX_WAITING_BYTES;
    this.wake();
    return !this.#paused;
  }

  /** The oldest chunk; `undefined` if there is none. */
  take(): Uint8Array | undefined {
    const chunk = this.#chunks.shift();
    if (chunk !== undefined) this.#bytes -= chunk.length;
    return chunk;
  }

  /** Resolves at the next `add` or `wake`. */
  more(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  /** Something has come, or the connection is gone. */
  wake(): void {
    this.#wake?.();
  }
}

/** Splits `tcp://host:port` into host and port; accepts `[::1]`. @throws SourceError `unsupported` */
export function parseTcpAddress(text: string): { host: string; port: number } {
  const match = /^tcp:\/\/(?:\[([^\]]+)\]|([^:/?#]+)):(\d{1,5})\/?$/i.exec(text);
  const port = Number(match?.[3]);
  const host = match?.[1] ?? match?.[2];
  if (host === undefined || port < 1 || port > 65535) {
    throw new SourceError("unsupported", `${text}: expected tcp://host:port`);
  }
  return { host, port };
}
