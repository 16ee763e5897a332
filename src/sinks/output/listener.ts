/**
 * A TCP server with limits: so many connections and no more, a port in use is tried again with growing pauses, and
 * everything is closed when it stops. Used as it is for P1 and Modbus, and around Node's HTTP server.
 */
import type { AddressInfo, Server, Socket } from "node:net";
import type { ComponentLog } from "../../log/component-log.ts";
import { type Clock, systemClock } from "../../process/clock.ts";
import { isLoopback } from "../../process/loopback.ts";
import { formatListen, type ListenAddress } from "./address.ts";

/** Connections of one output at the same time; one more is closed at once. */
export const MAX_CLIENTS = 64;
const RETRY_LEAST_MS = 1_000;
const RETRY_MOST_MS = 30_000;
const STOP_MS = 1_000;

export interface ListenerOptions {
  readonly address: ListenAddress;
  /** Makes the server, not listening yet; called again for each attempt. */
  readonly create: () => Server;
  readonly log: ComponentLog;
  readonly clock?: Clock;
  readonly maxClients?: number;
}

export class Listener {
  readonly #options: ListenerOptions;
  readonly #clock: Clock;
  readonly #sockets = new Set<Socket>();
  #server: Server | null = null;
  #cancelRetry: (() => void) | null = null;
  #pauseMs = RETRY_LEAST_MS;
  #complained = false;
  #stopped = false;

  constructor(options: ListenerOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  get listening(): boolean {
    return this.#server !== null;
  }

  /** Where it really listens, as `HOST:PORT`; where it should, if it doesn't. */
  get address(): string {
    const found = this.#server?.address() as AddressInfo | null | undefined;
    return formatListen({ ...this.#options.address, ...(found ? { port: found.port } : {}) });
  }

  /** Open connections. */
  get sockets(): ReadonlySet<Socket> {
    return this.#sockets;
  }

  /** Returns after the first attempt; a port in use is tried again. */
  async start(): Promise<void> {
    const { address, log } = this.#options;
    if (!isLoopback(address.host)) {
      log.warn(`everyone who reaches ${formatListen(address)} can read the meter there; there is no password`);
    }
    await this.#listen();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelRetry?.();
    const server = this.#server;
    this.#server = null;
    if (server === null) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, STOP_MS);
      server.close(() => {
        clearTimeout(timer);
        resolve();
      });
      for (const socket of this.#sockets) socket.destroy();
    });
  }

  #listen(): Promise<void> {
    const { address, create, log, maxClients = MAX_CLIENTS } = this.#options;
    const server = create();
    server.maxConnections = maxClients;
    server.on("connection", (socket: Socket) => this.#take(socket));
    return new Promise((resolve) => {
      server.on("error", (error: NodeJS.ErrnoException) => {
        if (this.#server === server) log.debug(`server: ${error.message}`);
        else this.#refused(error);
        resolve();
      });
      server.listen(address.port, address.host, () => {
        resolve();
        if (this.#stopped) return void server.close();
        this.#server = server;
        this.#pauseMs = RETRY_LEAST_MS;
        this.#complained = false;
        log.info(`listening at ${this.address}`);
      });
    });
  }

  #take(socket: Socket): void {
    this.#sockets.add(socket);
    socket.setNoDelay(true);
    // A client that vanishes without a word is found out by the operating system.
    socket.setKeepAlive(true, 60_000);
    socket.on("error", (error) => this.#options.log.debug(`client: ${error.message}`));
    socket.on("close", () => this.#sockets.delete(socket));
  }

  #refused(error: NodeJS.ErrnoException): void {
    if (this.#stopped) return;
    const { address, log } = this.#options;
    if (!this.#complained) {
      const why = CURES[error.code ?? ""] ?? error.message;
      log.warn(`cannot listen at ${formatListen(address)}: ${why}. Trying again`);
    }
    this.#complained = true;
    this.#cancelRetry = this.#clock.after(this.#pauseMs, () => void this.#listen());
    this.#pauseMs = Math.min(this.#pauseMs * 2, RETRY_MOST_MS);
  }
}

const CURES: Readonly<Record<string, string>> = {
  EADDRINUSE: "another program uses that port; choose another one in `listen`",
  EACCES: "ports below 1024 need a privilege that this process doesn't have; choose a higher one in `listen`",
  EADDRNOTAVAIL: "this computer has no such address; correct the host in `listen`",
  ENOTFOUND: "no computer of that name is known; correct the host in `listen`",
};
