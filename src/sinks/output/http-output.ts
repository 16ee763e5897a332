/**
 * Shared by the HTTP outputs: the latest values of a meter, a bounded server, the clients of the last minute, and the mDNS
 * announcement. A protocol adds its routes and its handling of a new reading.
 */
import type { Server } from "node:http";
import { Hono } from "hono";
import type { MeterEvent, MeterInfo } from "../../meter/events.ts";
import { type Clock, systemClock } from "../../process/clock.ts";
import { type ListenAddress, parseListen } from "./address.ts";
import { createHttpServer, guardHttp, type HttpApp, type HttpBindings } from "./http-server.ts";
import { Listener } from "./listener.ts";
import { type Announcement, Mdns } from "./mdns.ts";
import { MeterFeed } from "./meter-feed.ts";
import type { OutputName, OutputOptions, OutputParts, OutputStatus } from "./output.ts";
import type { PolledPage } from "./polled-pages.ts";
import { RecentClients } from "./recent-clients.ts";

export interface HttpOutputOptions extends OutputOptions {
  readonly listen: string;
  readonly mdns: boolean;
}

/** One protocol over HTTP. The functions are not called before the output starts. */
export interface HttpProtocol {
  readonly name: OutputName;
  /** Pages served without the routes while they have content; the same paths need routes for all other cases. */
  readonly pages: () => ReadonlyMap<string, PolledPage>;
  /** Adds the protocol's routes. */
  readonly routes: (app: HttpApp) => void;
  /** The services to announce for this meter, without the port. */
  readonly services: (meter: MeterInfo) => readonly Omit<Announcement, "port">[];
  /** Attaches non-HTTP protocols (WebSocket) to a new server. */
  readonly attach?: (server: Server) => void;
}

export class HttpOutput {
  readonly feed: MeterFeed;
  readonly clients: RecentClients;
  readonly address: ListenAddress;
  readonly clock: Clock;
  readonly #protocol: HttpProtocol;
  readonly #listener: Listener;
  readonly #mdns: Mdns | null;
  #announced = false;

  constructor(protocol: HttpProtocol, options: HttpOutputOptions, { periodMs, log, clock = systemClock }: OutputParts) {
    this.#protocol = protocol;
    this.clock = clock;
    this.feed = new MeterFeed(options.meter, periodMs, clock);
    this.clients = new RecentClients(() => clock.now());
    this.address = parseListen(options.listen);
    this.#listener = new Listener({ address: this.address, create: () => this.#createServer(), log, clock });
    this.#mdns = options.mdns ? new Mdns(log) : null;
  }

  async start(): Promise<void> {
    await this.#listener.start();
    this.#announce();
  }

  /** @returns whether the event was a reading of this output's meter */
  accept(event: MeterEvent): boolean {
    if (this.feed.take(event) === null) return false;
    this.#announce();
    return true;
  }

  async stop(): Promise<void> {
    await Promise.all([this.#listener.stop(), this.#mdns?.stop()]);
  }

  status(): OutputStatus {
    return {
      output: this.#protocol.name,
      address: this.#listener.address,
      listening: this.#listener.listening,
      clients: this.clients.count,
      ...this.feed.summary,
    };
  }

  #createServer(): Server {
    const app: HttpApp = new Hono<{ Bindings: HttpBindings }>();
    const { host } = this.address;
    const { routes, pages, attach } = this.#protocol;
    const onRequest = (client: string): void => this.clients.seen(client);
    guardHttp(app, host, onRequest);
    routes(app);
    const server = createHttpServer(app, undefined, { host, pages: pages(), onRequest });
    attach?.(server);
    return server;
  }

  /** Waits for the port and for the first reading, because the announced names contain the meter's id. */
  #announce(): void {
    const { meter } = this.feed;
    if (this.#mdns === null || this.#announced || meter === null || !this.#listener.listening) return;
    this.#announced = true;
    const port = Number(this.#listener.address.split(":").at(-1));
    this.#mdns.announce(this.#protocol.services(meter).map((service) => ({ ...service, port })));
  }
}
