/** RPC over UDP: each request and each answer is one datagram. A datagram that is not a request gets no answer. */
import { createSocket, type Socket, type SocketOptions } from "node:dgram";
import { lookup } from "node:dns";
import { isIP } from "node:net";
import type { ComponentLog } from "../../log/component-log.ts";
import type { Clock } from "../../process/clock.ts";
import { MAX_MESSAGE, type ShellyRpc } from "./shelly-rpc.ts";

const RETRY_MS = 10_000;
/**
 * Shortest answer, characters. Marstek batteries on Ethernet drop shorter datagrams (github.com/tomquist/AstraMeter, issue
 * 200); the answer to `EM1.GetStatus` alone would be shorter.
 */
const MIN_ANSWER = 250;
/** Maximum number of queued answers; further requests are dropped until the queue is shorter. */
const MAX_QUEUED = 64;

export interface ShellyUdpOptions {
  readonly host: string;
  readonly port: number;
  readonly rpc: ShellyRpc;
  readonly log: ComponentLog;
  readonly clock: Clock;
  /** Called with the client's address for each request. */
  readonly onRequest: (address: string) => void;
}

/** One UDP port; retries while another program uses it. */
export class ShellyUdp {
  readonly #options: ShellyUdpOptions;
  #socket: Socket | null = null;
  #cancelRetry: (() => void) | null = null;
  #warned = false;
  #full = false;
  #stopped = false;

  constructor(options: ShellyUdpOptions) {
    this.#options = options;
  }

  /** Returns after the first attempt. */
  start(): Promise<void> {
    const { host, port, log, clock } = this.#options;
    const socket = createSocket({ type: host.includes(":") ? "udp6" : "udp4", lookup: lookupUnlessNumeric });
    socket.on("message", (message, { address, port: from }) => this.#answer(socket, message, address, from));
    return new Promise((resolve) => {
      socket.on("error", (error) => {
        resolve();
        socket.close();
        if (this.#socket === socket) this.#socket = null;
        if (this.#stopped) return;
        if (!this.#warned) log.warn(`cannot listen at UDP port ${port}: ${error.message}. Trying again`);
        this.#warned = true;
        this.#cancelRetry = clock.after(RETRY_MS, () => void this.start());
      });
      socket.bind(port, host, () => {
        resolve();
        if (this.#stopped) return void socket.close();
        this.#socket = socket;
        this.#warned = false;
        log.info(`listening at UDP port ${port}`);
      });
    });
  }

  stop(): void {
    this.#stopped = true;
    this.#cancelRetry?.();
    this.#socket?.close();
    this.#socket = null;
  }

  #answer(socket: Socket, message: Buffer, address: string, port: number): void {
    const { rpc, onRequest, log } = this.#options;
    if (message.length > MAX_MESSAGE || port === 0) return;
    if (socket.getSendQueueCount() >= MAX_QUEUED) {
      if (!this.#full)
        log.warn(`more than ${MAX_QUEUED} UDP answers are waiting: further requests get none until then`);
      this.#full = true;
      return;
    }
    const answer = rpc.answer(message.toString("utf8"));
    if (answer === null) return;
    onRequest(address);
    socket.send(padded(answer.frame), port, address, (error) => {
      if (error) log.debug(`UDP client: ${error.message}`);
    });
  }
}

/** Clients' addresses are numeric; Node's own lookup returns those asynchronously. */
const lookupUnlessNumeric: NonNullable<SocketOptions["lookup"]> = (name, options, done) => {
  const family = isIP(name);
  if (family === 0) lookup(name, options, done);
  else done(null, name, family);
};

/** Pads a JSON object with insignificant spaces before its closing brace. */
function padded(frame: string): string {
  return `${frame.slice(0, -1).padEnd(MIN_ANSWER - 1)}}`;
}
