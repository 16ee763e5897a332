/** RPC over UDP: one datagram a request, one the answer. What is no request gets none. */
import { createSocket, type Socket } from "node:dgram";
import type { ComponentLog } from "../../log/component-log.ts";
import type { Clock } from "../../process/clock.ts";
import { MAX_MESSAGE, type ShellyRpc } from "./shelly-rpc.ts";

const RETRY_MS = 10_000;

export interface ShellyUdpOptions {
  readonly host: string;
  readonly port: number;
  readonly rpc: ShellyRpc;
  readonly log: ComponentLog;
  readonly clock: Clock;
  /** Called with the address of each client. */
  readonly asked: (address: string) => void;
}

/** One UDP port; a port in use is tried again. */
export class ShellyUdp {
  readonly #options: ShellyUdpOptions;
  #socket: Socket | null = null;
  #cancelRetry: (() => void) | null = null;
  #complained = false;
  #stopped = false;

  constructor(options: ShellyUdpOptions) {
    this.#options = options;
  }

  /** Returns after the first attempt. */
  start(): Promise<void> {
    const { host, port, log, clock } = this.#options;
    const socket = createSocket(host.includes(":") ? "udp6" : "udp4");
    socket.on("message", (message, { address, port: from }) => this.#answer(socket, message, address, from));
    return new Promise((resolve) => {
      socket.on("error", (error) => {
        resolve();
        socket.close();
        if (this.#socket === socket) this.#socket = null;
        if (this.#stopped) return;
        if (!this.#complained) log.warn(`cannot listen at UDP port ${port}: ${error.message}. Trying again`);
        this.#complained = true;
        this.#cancelRetry = clock.after(RETRY_MS, () => void this.start());
      });
      socket.bind(port, host, () => {
        resolve();
        if (this.#stopped) return void socket.close();
        this.#socket = socket;
        this.#complained = false;
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
    const { rpc, asked, log } = this.#options;
    const answer = message.length > MAX_MESSAGE ? null : rpc.answer(message.toString("utf8"));
    if (answer === null || port === 0) return;
    asked(address);
    socket.send(answer.frame, port, address, (error) => {
      if (error) log.debug(`UDP client: ${error.message}`);
    });
  }
}
