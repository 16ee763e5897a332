/** `tcp://host:port`: a network serial server such as ser2net, an ESP bridge or `kaifa2mqtt simulate tcp-listen:…`. */
import { once } from "node:events";
import { connect } from "node:net";
import { ACKNOWLEDGE, AmisAnswer, ANSWER_MS } from "./amis-answer.ts";
import { type LineSettings, type Source, SourceError } from "./source.ts";

/** Connection timeout: long enough for two lost SYN packets (retransmitted after 1 s and 3 s). */
const CONNECT_MS = 4_000;
/** Idle time before TCP keep-alive probes start; Linux drops the connection ten seconds later. */
const KEEPALIVE_MS = 10_000;
/** A socket with more unread bytes is paused; a telegram has some hundred. */
const MAX_WAITING_BYTES = 65_536;
/**
 * What any socket reads into, copied at once: without it, Node allocates 64 KiB for every read, and its stream takes a tenth
 * of the processor time of a thousand meters.
 */
const READ_BUFFER = /* @__PURE__ */ Buffer.allocUnsafeSlow(16_384);

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

  /** @throws SourceError `refused`, `unreachable`, `lost` (also if the peer closes the connection cleanly) */
  async *open(signal: AbortSignal, _line: LineSettings): AsyncGenerator<Uint8Array, void, undefined> {
    if (signal.aborted) return;
    const received = new Received();
    const onread = { buffer: READ_BUFFER, callback: (count: number) => received.add(copyOfRead(count)) };
    const socket = connect({ host: this.#host, port: this.#port, noDelay: true, onread });
    socket.on("error", (error) => received.close(error));
    socket.on("close", () => received.close(new Error("closed by the other side")));
    const giveUp = setTimeout(() => socket.destroy(new Error("no answer")), CONNECT_MS);
    const close = (): void => void socket.destroy();
    signal.addEventListener("abort", close, { once: true });
    let connected = false;
    try {
      await once(socket, "connect", { signal });
      connected = true;
      clearTimeout(giveUp);
      socket.setKeepAlive(true, KEEPALIVE_MS);
      yield new Uint8Array(0);
      const answer = new AmisAnswer();
      let away = 0;
      for (;;) {
        let chunk = received.take();
        while (chunk === undefined) {
          await received.more();
          chunk = received.take();
        }
        const given = performance.now();
        // On a slow network the answer arrives too late and the meter searches again (diagnosis `amisServer`).
        if (answer.heard(chunk, given) && away < ANSWER_MS) socket.write(ACKNOWLEDGE);
        yield chunk;
        away = performance.now() - given;
        if (received.takePause()) socket.resume();
      }
    } catch (error) {
      if (signal.aborted) return;
      throw this.#failure(error, connected);
    } finally {
      clearTimeout(giveUp);
      signal.removeEventListener("abort", close);
      socket.destroy();
    }
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
  #chunks: Uint8Array[] = [];
  #bytes = 0;
  #paused = false;
  #end: Error | null = null;
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
    this.#wake?.();
    return !this.#paused;
  }

  /** No more will come. Only the first reason counts. */
  close(reason: Error): void {
    this.#end ??= reason;
    this.#wake?.();
  }

  /** The oldest chunk; `undefined` if there is none. */
  take(): Uint8Array | undefined {
    const chunk = this.#chunks.shift();
    if (chunk !== undefined) this.#bytes -= chunk.length;
    return chunk;
  }

  /** Resolves once something has come. Call it when everything has been taken. @throws Error why nothing will */
  more(): Promise<void> {
    return new Promise((resolve, reject) => {
      const wake = (): void => {
        if (this.#chunks.length > 0) resolve();
        else if (this.#end !== null) reject(this.#end);
        else return;
        this.#wake = null;
      };
      this.#wake = wake;
      wake();
    });
  }
}

/** From Node's pool of small buffers, so that it costs no buffer of its own. */
function copyOfRead(count: number): Buffer {
  const chunk = Buffer.allocUnsafe(count);
  READ_BUFFER.copy(chunk, 0, 0, count);
  return chunk;
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
