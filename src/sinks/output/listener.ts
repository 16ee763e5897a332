/**
 * A bounded TCP server: caps connections, retries with back-off while its port is in use, and closes all connections when
 * it stops. P1 and Modbus use it directly; HTTP outputs wrap Node's HTTP server in it.
 */
import type { AddressInfo, Server, Socket } from "node:net";
import type { ComponentLog } from "../../log/component-log.ts";
import { type Clock, systemClock } from "../../process/clock.ts";
import { isLoopback } from "../../process/loopback.ts";
import { waitAtMost } from "../../process/time-limit.ts";
import { formatListen, type ListenAddress } from "./address.ts";

/** Maximum number of connections per output; further ones are closed at once. */
export const MAX_CLIENTS = 64;
const RETRY_LEAST_MS = 1_000;
const RETRY_MOST_MS = 30_000;
const STOP_MS = 1_000;

export interface ListenerOptions {
  readonly address: ListenAddress;
  /** Creates the server, not yet listening; called for each attempt. */
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
  #retryMs = RETRY_LEAST_MS;
  #warned = false;
  #full = false;
  #stopped = false;

  constructor(options: ListenerOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  get listening(): boolean {
    return this.#server !== null;
  }

  /** The listen address as `HOST:PORT`; the configured one while it isn't listening. */
  get address(): string {
    const found = this.#server?.address() as AddressInfo | null | undefined;
    return formatListen({ ...this.#options.address, ...(found ? { port: found.port } : {}) });
  }

  /** Open connections. */
  get sockets(): ReadonlySet<Socket> {
    return this.#sockets;
  }

  /** Returns after the first attempt; if the port is in use, keeps retrying. */
  async start(): Promise<void> {
    const { address, log } = this.#options;
    if (!isLoopback(address.host)) {
      log.warn(`everyone who can reach ${formatListen(address)} can read the meter; there is no password`);
    }
    await this.#listen();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelRetry?.();
    const server = this.#server;
    this.#server = null;
    if (server === null) return;
    const closed = new Promise<void>((done) => server.close(() => done()));
    for (const socket of this.#sockets) socket.destroy();
    await waitAtMost(STOP_MS, closed);
  }

  #listen(): Promise<void> {
    const { address, create, log, maxClients = MAX_CLIENTS } = this.#options;
    const server = create();
    server.maxConnections = maxClients;
    server.on("connection", (socket: Socket) => this.#accept(socket));
    server.on("drop", () => this.#turnedAway(maxClients));
    return new Promise((resolve) => {
      server.on("error", (error: NodeJS.ErrnoException) => {
        if (this.#server === server) log.debug(`server: ${error.message}`);
        else this.#retryLater(error);
        resolve();
      });
      server.listen(address.port, address.host, () => {
        resolve();
        if (this.#stopped) return void server.close();
        this.#server = server;
        this.#retryMs = RETRY_LEAST_MS;
        this.#warned = false;
        log.info(`listening at ${this.address}`);
      });
    });
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket);
    socket.setNoDelay(true);
    // With keep-alive, the operating system detects clients that disappear without closing the connection.
    socket.setKeepAlive(true, 60_000);
    socket.on("error", (error) => this.#options.log.debug(`client: ${error.message}`));
    socket.on("close", () => {
      this.#sockets.delete(socket);
      if (this.#sockets.size <= (this.#options.maxClients ?? MAX_CLIENTS) / 2) this.#full = false;
    });
  }

  /** A client was closed at once because there are too many: said once, and again after half of them have left. */
  #turnedAway(maxClients: number): void {
    if (this.#full) return;
    this.#full = true;
    this.#options.log.warn(`more than ${maxClients} clients: further ones are closed at once until some have left`);
  }

  #retryLater(error: NodeJS.ErrnoException): void {
    if (this.#stopped) return;
    const { address, log } = this.#options;
    if (!this.#warned) {
      const why = REASONS[error.code ?? ""] ?? error.message;
      log.warn(`cannot listen at ${formatListen(address)}: ${why}. Trying again`);
    }
    this.#warned = true;
    this.#cancelRetry = this.#clock.after(this.#retryMs, () => void this.#listen());
    this.#retryMs = Math.min(this.#retryMs * 2, RETRY_MOST_MS);
  }
}

/** Meaning of the system's error codes, and what to do. */
const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: "another program uses that port; choose another one in `listen`",
  EACCES: "ports below 1024 need a privilege that this process doesn't have; choose a higher one in `listen`",
  EADDRNOTAVAIL: "this computer has no such address; correct the host in `listen`",
  ENOTFOUND: "no computer of that name is known; correct the host in `listen`",
};
