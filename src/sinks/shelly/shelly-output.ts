/**
 * `outputs.shelly`: emulates a Shelly Pro 3EM, with RPC over HTTP, WebSocket and UDP. Read-only. Once the reading is too
 * old, RPC responds with error 503 and the REST paths with HTTP 503, and WebSocket clients are disconnected.
 */
import type { MeterEvent, MeterInfo } from "../../meter/events.ts";
import { HttpOutput, type HttpOutputOptions } from "../output/http-output.ts";
import type { HttpApp, HttpContext } from "../output/http-server.ts";
import type { Output, OutputParts, OutputStatus } from "../output/output.ts";
import { deviceInfo, type ShellyDataOptions, shellyId } from "./shelly-components.ts";
import { type Json, shellyJson } from "./shelly-json.ts";
import { type RpcAnswer, ShellyRpc } from "./shelly-rpc.ts";
import { ShellyUdp } from "./shelly-udp.ts";
import { ShellyWebSocket } from "./shelly-websocket.ts";

export interface ShellyOptions extends ShellyDataOptions, HttpOutputOptions {
  readonly listen: string;
  /** UDP ports, at the host of `listen`. */
  readonly udp: readonly number[];
}

export class ShellyOutput implements Output {
  readonly name = "shelly";
  readonly #http: HttpOutput;
  readonly #rpc: ShellyRpc;
  readonly #webSocket: ShellyWebSocket;
  readonly #udp: readonly ShellyUdp[];
  #cancelStale: (() => void) | null = null;

  constructor(options: ShellyOptions, parts: OutputParts) {
    const { log } = parts;
    this.#http = new HttpOutput(
      {
        name: this.name,
        pages: () => this.#rpc.pages,
        routes: (app) => this.#routes(app),
        services: servicesOf,
        attach: (server) => this.#webSocket.attach(server),
      },
      options,
      parts,
    );
    const { feed, clients, clock, address } = this.#http;
    const { host } = address;
    const onRequest = (client: string): void => clients.seen(client);
    this.#rpc = new ShellyRpc(feed, options, clock);
    this.#webSocket = new ShellyWebSocket(this.#rpc, host, onRequest, log);
    this.#udp = options.udp.map((port) => new ShellyUdp({ host, port, rpc: this.#rpc, log, clock, onRequest }));
  }

  async start(): Promise<void> {
    await Promise.all([this.#http.start(), ...this.#udp.map((udp) => udp.start())]);
  }

  accept(event: MeterEvent): void {
    if (!this.#http.accept(event)) return;
    this.#webSocket.notify();
    const { clock, feed } = this.#http;
    this.#cancelStale?.();
    this.#cancelStale = clock.after(feed.limitMs + 1, () => this.#webSocket.closeClients());
  }

  async stop(): Promise<void> {
    this.#cancelStale?.();
    for (const udp of this.#udp) udp.stop();
    await this.#http.stop();
  }

  status(): OutputStatus {
    return this.#http.status();
  }

  #routes(app: HttpApp): void {
    app.get("/shelly", (c) => result(c, this.#rpc.call("Shelly.GetDeviceInfo")));
    app.get("/rpc/:method", (c) => {
      const id = c.req.query("id");
      return result(c, this.#rpc.call(c.req.param("method"), id === undefined ? 0 : Number(id)));
    });
    app.post("/rpc/:method", async (c) => {
      const answer = this.#rpc.callWithBody(c.req.param("method"), await c.req.text());
      return answer === null ? notARequest(c) : result(c, answer);
    });
    app.post("/rpc", async (c) => {
      const answer = this.#rpc.answer(await c.req.text());
      return answer === null ? notARequest(c) : c.body(answer.frame, 200, JSON_TYPE);
    });
    app.notFound((c) => json(c, { code: 404, message: "not found" }, 404));
    app.onError((_error, c) => json(c, { code: 500, message: "internal error" }, 500));
  }
}

function servicesOf(meter: MeterInfo) {
  const { gen, app, ver } = deviceInfo(meter);
  const service = { name: shellyId(meter), txt: { gen: String(gen), app, ver } };
  return [
    { ...service, type: "shelly" },
    { ...service, type: "http" },
  ];
}

const JSON_TYPE = { "content-type": "application/json" };

function notARequest(c: HttpContext): Response {
  return json(c, { code: -103, message: "not an RPC request" }, 400);
}

/** The result without the RPC frame, or the error with its HTTP status. */
function result(c: HttpContext, answer: RpcAnswer): Response {
  if ("result" in answer) return json(c, answer.result, 200);
  const { code, message } = answer.error;
  return json(c, { code, message }, code === 404 || code === 503 ? code : 400);
}

function json(c: HttpContext, value: Json, status: 200 | 400 | 404 | 500 | 503): Response {
  return c.body(shellyJson(value), status, JSON_TYPE);
}
