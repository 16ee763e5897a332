/**
 * `outputs.homewizard`: emulates a HomeWizard P1 meter (local API v1). Read-only: the two routes that change settings on a
 * real device (`system`, `identify`) respond but do nothing. Once the reading is too old, the response is HTTP 503.
 */
import type { LedgerState } from "../../ledger/ledger-state.ts";
import type { MeterEvent, MeterInfo } from "../../meter/events.ts";
import { HttpOutput, type HttpOutputOptions } from "../output/http-output.ts";
import type { HttpApp } from "../output/http-server.ts";
import type { Output, OutputParts, OutputStatus } from "../output/output.ts";
import { PreparedAnswer } from "../output/prepared-answer.ts";
import { ReadingCache } from "../output/reading-cache.ts";
import { dsmrTelegram } from "../p1/dsmr-telegram.ts";
import { homewizardData, homewizardDevice } from "./homewizard-data.ts";

export class HomewizardOutput implements Output {
  readonly name = "homewizard";
  readonly #http: HttpOutput;
  readonly #data: ReadingCache<PreparedAnswer>;

  constructor(options: HttpOutputOptions, parts: OutputParts) {
    const routes = (app: HttpApp): void => this.#routes(app);
    const pages = () => new Map([["/api/v1/data", () => this.#data.getFresh()]]);
    this.#http = new HttpOutput({ name: this.name, pages, routes, services: servicesOf }, options, parts);
    const { feed } = this.#http;
    this.#data = new ReadingCache(
      feed,
      () => new PreparedAnswer(JSON.stringify(homewizardData(feed, options.phase_power))),
    );
  }

  start(): Promise<void> {
    return this.#http.start();
  }

  accept(event: MeterEvent): void {
    this.#http.accept(event);
  }

  acceptLedger({ id }: MeterInfo, state: LedgerState): void {
    this.#http.feed.takeLedger(id, state);
  }

  stop(): Promise<void> {
    return this.#http.stop();
  }

  status(): OutputStatus {
    return this.#http.status();
  }

  #routes(app: HttpApp): void {
    const { feed } = this.#http;
    app.get("/api", (c) => {
      const { meter } = feed;
      return meter === null ? c.json(NO_READING, 503) : c.json(homewizardDevice(meter));
    });
    // For other spellings of the path, and while there is no current reading.
    app.get("/api/v1/data", (c) => {
      const answer = this.#data.getFresh();
      return answer === null ? c.json(NO_READING, 503) : c.body(answer.body.toString(), 200, JSON_TYPE);
    });
    app.get("/api/v1/telegram", (c) => {
      const telegram = feed.freshness === "fresh" ? dsmrTelegram(feed) : null;
      return telegram === null ? c.json(NO_READING, 503) : c.text(Buffer.from(telegram).toString("latin1"));
    });
    app.on(["GET", "PUT"], "/api/v1/system", (c) => c.json({ cloud_enabled: false }));
    app.put("/api/v1/identify", (c) => c.json({ identify: "ok" }));
    app.notFound((c) => c.json({ error: { id: 404, description: "not found" } }, 404));
    app.onError((_error, c) => c.json({ error: { id: 500, description: "internal error" } }, 500));
  }
}

function servicesOf(meter: MeterInfo) {
  const { serial, product_name, product_type } = homewizardDevice(meter);
  const txt = { api_enabled: "1", path: "/api/v1", serial, product_name, product_type };
  return [{ name: `p1meter-${serial.slice(-6)}`, type: "hwenergy", txt }];
}

const JSON_TYPE = { "content-type": "application/json" };
const NO_READING = { error: { id: 503, description: "no reading of the meter, or it is too old" } };
