/**
 * `outputs.shelly`: the meter as a Shelly Pro 3EM: HTTP, WebSocket and UDP RPC, as batteries ask for it. Everything is
 * read-only. Readings that are too old are answered with RPC error 503, at the REST paths with HTTP status 503.
 */
import { Hono } from "hono";
import type { MeterEvent } from "../../meter/events.ts";
import { systemClock } from "../../process/clock.ts";
import { parseListen } from "../output/address.ts";
import {
  createHttpServer,
  guardHttp,
  type HttpApp,
  type HttpBindings,
  type HttpContext,
} from "../output/http-server.ts";
import { Listener } from "../output/listener.ts";
import { Mdns } from "../output/mdns.ts";
import { MeterFeed } from "../output/meter-feed.ts";
import type { Output, OutputParts, OutputStatus } from "../output/output.ts";
import { RecentClients } from "../output/recent-clients.ts";
import { deviceInfo, type ShellyDataOptions, shellyId } from "./shelly-components.ts";
import { type Json, shellyJson } from "./shelly-json.ts";
import { type RpcAnswer, ShellyRpc } from "./shelly-rpc.ts";
import { ShellyUdp } from "./shelly-udp.ts";
import { ShellyWebSocket } from "./shelly-websocket.ts";

export interface ShellyOptions extends ShellyDataOptions {
  readonly listen: string;
  readonly mdns: boolean;
  /** UDP ports, at the host of `listen`. */
  readonly udp: readonly number[];
}

export class ShellyOutput implements Output {
  readonly name = "shelly";
  readonly #feed: MeterFeed;
  readonly #rpc: ShellyRpc;
  readonly #listener: Listener;
  readonly #webSocket: ShellyWebSocket;
  readonly #udp: readonly ShellyUdp[];
  readonly #peers: RecentClients;
  readonly #mdns: Mdns | null;

  constructor(options: ShellyOptions, { periodMs, log, clock = systemClock }: OutputParts) {
    this.#feed = new MeterFeed(options.meter, periodMs, clock);
    this.#rpc = new ShellyRpc(this.#feed, options, clock);
    this.#peers = new RecentClients(() => clock.now());
    const address = parseListen(options.listen);
    const { host } = address;
    const asked = (peer: string): void => this.#peers.asked(peer);
    const app = this.#app(host);
    this.#webSocket = new ShellyWebSocket(this.#rpc, host, asked);
    const create = () => this.#webSocket.attach(createHttpServer(app));
    this.#listener = new Listener({ address, create, log, clock });
    this.#udp = options.udp.map((port) => new ShellyUdp({ host, port, rpc: this.#rpc, log, clock, asked }));
    this.#mdns = options.mdns ? new Mdns(log) : null;
  }

  async start(): Promise<void> {
    await Promise.all([this.#listener.start(), ...this.#udp.map((udp) => udp.start())]);
    this.#announce();
  }

  accept(event: MeterEvent): void {
    if (this.#feed.take(event) === null) return;
    this.#webSocket.notify();
    this.#announce();
  }

  async stop(): Promise<void> {
    for (const udp of this.#udp) udp.stop();
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
    app.get("/shelly", (c) => bare(c, this.#rpc.call("Shelly.GetDeviceInfo")));
    app.get("/rpc/:method", (c) => {
      const id = c.req.query("id");
      return bare(c, this.#rpc.call(c.req.param("method"), id === undefined ? 0 : Number(id)));
    });
    app.post("/rpc", async (c) => {
      const answer = this.#rpc.answer(await c.req.text());
      if (answer === null) return json(c, { code: -103, message: "not an RPC request" }, 400);
      return c.body(answer.frame, 200, JSON_TYPE);
    });
    app.notFound((c) => json(c, { code: 404, message: "not found" }, 404));
    app.onError((_error, c) => json(c, { code: 500, message: "internal error" }, 500));
    return app;
  }

  /** Once the meter, from whose id the name is made, and the port are known. */
  #announce(): void {
    const { meter } = this.#feed;
    if (this.#mdns === null || meter === null || !this.#listener.listening) return;
    const { gen, app, ver } = deviceInfo(meter);
    const service = {
      name: shellyId(meter),
      port: Number(this.#listener.address.split(":").at(-1)),
      txt: { gen: String(gen), app, ver },
    };
    this.#mdns.announce([
      { ...service, type: "shelly" },
      { ...service, type: "http" },
    ]);
  }
}

const JSON_TYPE = { "content-type": "application/json" };

/** The result alone, or the error with its HTTP status. */
function bare(c: HttpContext, answer: RpcAnswer): Response {
  if ("result" in answer) return json(c, answer.result, 200);
  const { code, message } = answer.error;
  return json(c, { code, message }, code === 404 || code === 503 ? code : 400);
}

function json(c: HttpContext, value: Json, status: 200 | 400 | 404 | 500 | 503): Response {
  return c.body(shellyJson(value), status, JSON_TYPE);
}
