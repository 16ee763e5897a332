/**
 * `outputs.homewizard`: the meter as a HomeWizard P1 meter (local API v1). Everything is read-only: what would change a real
 * one (`system`, `identify`) is answered and does nothing. Readings that are too old are answered with HTTP status 503.
 */
import { Hono } from "hono";
import type { LedgerState } from "../../ledger/ledger-state.ts";
import type { MeterEvent, MeterInfo } from "../../meter/events.ts";
import { systemClock } from "../../process/clock.ts";
import { parseListen } from "../output/address.ts";
import { createHttpServer, guardHttp, type HttpApp, type HttpBindings } from "../output/http-server.ts";
import { Listener } from "../output/listener.ts";
import { Mdns } from "../output/mdns.ts";
import { MeterFeed } from "../output/meter-feed.ts";
import type { Output, OutputOptions, OutputParts, OutputStatus } from "../output/output.ts";
import { RecentClients } from "../output/recent-clients.ts";
import { dsmrTelegram } from "../p1/dsmr-telegram.ts";
import { homewizardData, homewizardDevice } from "./homewizard-data.ts";

export interface HomewizardOptions extends OutputOptions {
  readonly listen: string;
  readonly mdns: boolean;
}

export class HomewizardOutput implements Output {
  readonly name = "homewizard";
  readonly #options: HomewizardOptions;
  readonly #feed: MeterFeed;
  readonly #listener: Listener;
  readonly #peers: RecentClients;
  readonly #mdns: Mdns | null;

  constructor(options: HomewizardOptions, { periodMs, log, clock = systemClock }: OutputParts) {
    this.#options = options;
    this.#feed = new MeterFeed(options.meter, periodMs, clock);
    this.#peers = new RecentClients(() => clock.now());
    const address = parseListen(options.listen);
    const app = this.#app(address.host);
    this.#listener = new Listener({ address, create: () => createHttpServer(app), log, clock });
    this.#mdns = options.mdns ? new Mdns(log) : null;
  }

  async start(): Promise<void> {
    await this.#listener.start();
    this.#announce();
  }

  accept(event: MeterEvent): void {
    if (this.#feed.take(event) !== null && this.#mdns !== null) this.#announce();
  }

  acceptLedger({ id }: MeterInfo, state: LedgerState): void {
    this.#feed.takeLedger(id, state);
  }

  async stop(): Promise<void> {
    await Promise.all([this.#listener.stop(), this.#mdns?.stop()]);
  }

  status(): OutputStatus {
    return {
      output: this.name,
      meter: this.#feed.meter?.id ?? null,
      address: this.#listener.address,
      listening: this.#listener.listening,
      clients: this.#peers.count,
      ageMs: this.#feed.ageMs,
      fresh: this.#feed.freshness === "fresh",
    };
  }

  #app(host: string): HttpApp {
    const app = new Hono<{ Bindings: HttpBindings }>();
    guardHttp(app, host, (address) => this.#peers.asked(address));
    app.get("/api", (c) => {
      const { meter } = this.#feed;
      return meter === null ? c.json(NO_READING, 503) : c.json(homewizardDevice(meter));
    });
    app.get("/api/v1/data", (c) =>
      this.#feed.freshness === "fresh"
        ? c.json(homewizardData(this.#feed, this.#options.phase_power))
        : c.json(NO_READING, 503),
    );
    app.get("/api/v1/telegram", (c) => {
      const telegram = this.#feed.freshness === "fresh" ? dsmrTelegram(this.#feed) : null;
      return telegram === null ? c.json(NO_READING, 503) : c.text(Buffer.from(telegram).toString("latin1"));
    });
    app.on(["GET", "PUT"], "/api/v1/system", (c) => c.json({ cloud_enabled: false }));
    app.put("/api/v1/identify", (c) => c.json({ identify: "ok" }));
    app.notFound((c) => c.json({ error: { id: 404, description: "not found" } }, 404));
    app.onError((_error, c) => c.json({ error: { id: 500, description: "internal error" } }, 500));
    return app;
  }

  /** Once the meter, from whose number the serial is made, and the port are known. */
  #announce(): void {
    const { meter } = this.#feed;
    if (this.#mdns === null || meter === null || !this.#listener.listening) return;
    const { serial, product_name, product_type } = homewizardDevice(meter) as Record<string, string>;
    const txt = { api_enabled: "1", path: "/api/v1", serial, product_name, product_type } as Record<string, string>;
    const port = Number(this.#listener.address.split(":").at(-1));
    this.#mdns.announce([{ name: `p1meter-${serial?.slice(-6)}`, type: "hwenergy", port, txt }]);
  }
}

const NO_READING = { error: { id: 503, description: "no reading of the meter, or it is too old" } };
