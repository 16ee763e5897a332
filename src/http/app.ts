/**
 * The routes of the status page. The page uses relative URLs only, so that it works below Home Assistant's ingress path
 * and behind any proxy that strips its own prefix.
 *
 *     /              the page, with /page.js, /page.css, /icon.svg
 *     /decode        the decode page, one file (src/decode-page)
 *     /events        its state, by server-sent events; /api/state: the same once
 *     /api/power, /api/energy (both with .csv, too), /api/telegrams, /api/telegrams/ID, /capture
 *     /api/log, /api/settings, /api/template
 *     /api/key-test, /api/login, /api/logout       (POST)
 *     /health, /live, /metrics
 */

import { Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { HTTPException } from "hono/http-exception";
import { MAX_METERS } from "../catalogue/meter-limits.ts";
import type { DecoderOptions } from "../codec/decoder-event.ts";
import { annotate } from "../codec/inspect/annotate.ts";
import type { LedgerReader } from "../ledger/ledger-reader.ts";
import type { TariffWindow } from "../ledger/tariff-window.ts";
import type { LogTail } from "../log/log-tail.ts";
import { type Access, type RequestFacts, SECURITY_HEADERS } from "./access.ts";
import type { Asset, AssetName } from "./assets.ts";
import type { BridgeView } from "./bridge-view.ts";
import { anonymousCapture, plainCapture } from "./capture.ts";
import { energyCsv, powerCsv } from "./csv.ts";
import { energyHours } from "./energy-hours.ts";
import { EventStreams } from "./event-streams.ts";
import type { History } from "./history.ts";
import { testKey } from "./key-test.ts";
import { isDate, LedgerViews, ledgerCsv } from "./ledger-view.ts";
import type { LiveState } from "./live-state.ts";
import type { KeyTestResult, LedgerView, PageSettings, TelegramDetail, TelegramSummary } from "./page-model.ts";
import type { Recorded, Recorder } from "./recorder.ts";
import { type Bindings, type Ctx, sendAsset, sendCsv, sendJson } from "./responses.ts";

/** Longest span that the power plot may request. */
const MAX_SPAN_MS = 31 * 86_400_000;
/** Delay before a wrong token is rejected: rate limiting. */
const WRONG_TOKEN_PAUSE_MS = 500;

/** Keys of a meter: used, never shown. */
export type MeterKeys = Pick<DecoderOptions, "key" | "authenticationKey">;

export interface AppParts {
  readonly access: Access;
  readonly assets: ReadonlyMap<AssetName, Asset>;
  readonly live: LiveState;
  readonly history: History;
  readonly ledger: Pick<LedgerReader, "points">;
  readonly tariffWindows: readonly TariffWindow[];
  readonly recorder: Recorder;
  readonly view: BridgeView;
  readonly keysOf: (index: number) => MeterKeys;
  /** Parses a key as people paste it; `null`: keys cannot be tested here, since everyone in the network is served. */
  readonly tryKeys: ((text: string) => Uint8Array | null) | null;
  /** The last lines of the log; absent: the page shows none. */
  readonly logTail?: LogTail | undefined;
  /** The configuration in force, secrets masked. */
  readonly settings?: PageSettings | undefined;
  readonly onError: (error: Error) => void;
}

export function createApp(parts: AppParts): Hono<{ Bindings: Bindings }> {
  const { access, live, history, recorder, view } = parts;
  const app = new Hono<{ Bindings: Bindings }>();
  const ledgerViews = new LedgerViews(parts.ledger, parts.tariffWindows);
  const streams = new EventStreams(live);

  app.use(async (c, next) => {
    for (const [name, value] of Object.entries(SECURITY_HEADERS)) c.header(name, value);
    c.header("cache-control", "no-store");
    switch (access.judge(factsOf(c))) {
      case "wrong-peer":
        return c.text("Only Home Assistant's ingress is served here.\n", 403);
      case "wrong-host":
        return c.text("Unknown host name. Set http.token to be served under any name.\n", 403);
      case "cross-site":
        return c.text("Requests of other sites are refused.\n", 403);
      case "login":
        c.header("www-authenticate", 'Bearer realm="kaifa2mqtt"');
        return c.text("A token is needed: Authorization: Bearer …\n", 401);
      case "ok":
        return next();
    }
  });

  for (const [path, name] of [
    ["/", "index.html"],
    ["/decode", "decode.html"],
    ["/help.html", "help.html"],
    ["/help.de.html", "help.de.html"],
    ["/page.js", "page.js"],
    ["/openapi.yaml", "openapi.yaml"],
    ["/page.css", "page.css"],
    ["/icon.svg", "icon.svg"],
  ] as const) {
    app.get(path, (c) => sendAsset(c, parts.assets.get(name)));
  }

  app.get("/live", (c) => c.json({ live: true }));
  app.get("/health", (c) => {
    const { healthy, reasons } = view.health();
    return c.json({ healthy, reasons, version: view.version, uptime: uptimeSeconds(view) }, healthy ? 200 : 503);
  });
  app.get("/metrics", async (c) => {
    const { METRICS_TYPE, metricsText } = await import("./metrics.ts");
    return c.body(await metricsText(view, live.current()), 200, { "content-type": METRICS_TYPE });
  });

  app.get("/api/state", (c) => sendJson(c, live.snapshot(Date.now(), access.loggedIn(factsOf(c)))));
  app.get("/events", (c) => streams.serve(c, access.loggedIn(factsOf(c))));

  app.get("/api/power", (c) => {
    return c.json(history.power(meterId(c), Date.now(), spanMs(c)));
  });
  app.get("/api/energy", async (c) => c.json(await energyHours(parts.ledger, meterId(c), Date.now())));

  app.get("/api/power.csv", (c) => {
    return sendCsv(c, "power", powerCsv(history.power(meterId(c), Date.now(), spanMs(c))));
  });
  app.get("/api/energy.csv", async (c) => {
    const now = Date.now();
    return sendCsv(c, "energy", energyCsv(await energyHours(parts.ledger, meterId(c), now), now));
  });

  app.get("/api/ledger", async (c) => sendJson(c, await ledgerOf(c)));
  app.get("/api/ledger.csv", async (c) => sendCsv(c, "ledger", ledgerCsv(await ledgerOf(c))));

  app.get("/api/log", (c) => sendJson(c, parts.logTail?.after(whole(c, "after", 0, 0, Number.MAX_SAFE_INTEGER)) ?? []));
  app.get("/api/settings", (c) => sendJson(c, parts.settings ?? { file: null, values: [] }));
  app.get("/api/template", (c) => c.json(recorder.template(meterIndex(c))));
  app.get("/api/telegrams", (c) => sendJson(c, recorder.list(meterIndex(c)).map(summaryOf)));
  app.get("/api/telegrams/:id", (c) => {
    const entry = recorder.find(Number(c.req.param("id")));
    if (entry === undefined) return c.text("This telegram is no longer kept.\n", 404);
    const detail: TelegramDetail = { ...summaryOf(entry), parts: annotate(entry.wire, parts.keysOf(entry.index)) };
    return sendJson(c, detail);
  });
  app.get("/capture", (c) => {
    const index = meterIndex(c);
    const about = { version: view.version, port: view.meters()[index]?.label ?? "", now: new Date() };
    const anonymous = c.req.query("anonymous") === "1";
    const text = anonymous
      ? anonymousCapture(recorder.list(index), parts.keysOf(index), about)
      : plainCapture(recorder.raw(index), about);
    const stamp = about.now.toISOString().slice(0, 19).replace(/[-:]/g, "");
    return c.body(text, 200, {
      "content-type": "text/plain; charset=utf-8",
      "content-disposition": `attachment; filename="kaifa2mqtt-${anonymous ? "anonymous-" : ""}${stamp}.txt"`,
    });
  });

  app.use("/api/*", bodyLimit({ maxSize: 4_096, onError: (c) => c.text("Too long.\n", 413) }));
  app.post("/api/key-test", async (c) => {
    if (parts.tryKeys === null)
      return c.text("Keys can be tried with http.token set, or on the loopback address.\n", 404);
    const body = await jsonBody(c);
    const index = Number(body.meter) || 0;
    const key = parts.tryKeys(String(body.key ?? ""));
    const authenticationText = String(body.authenticationKey ?? "").trim();
    const authenticationKey = authenticationText === "" ? undefined : parts.tryKeys(authenticationText);
    if (key === null || authenticationKey === null) return c.json({ result: "invalid" } satisfies KeyTestResult);
    return c.json(testKey(recorder.list(index), { key, authenticationKey }));
  });
  app.post("/api/login", async (c) => {
    const { token } = await jsonBody(c);
    if (!access.isToken(String(token ?? ""))) {
      await new Promise((resolve) => setTimeout(resolve, WRONG_TOKEN_PAUSE_MS));
      return c.json({ ok: false }, 401);
    }
    c.header("set-cookie", access.cookie(true));
    return c.json({ ok: true });
  });
  app.post("/api/logout", (c) => {
    c.header("set-cookie", access.cookie(false));
    return c.json({ ok: true });
  });

  app.notFound((c) => c.text("Not found.\n", 404));
  app.onError((error, c) => {
    if (error instanceof HTTPException) return c.text(`${error.message}\n`, error.status);
    parts.onError(error);
    return c.text("Internal error; see the log.\n", 500);
  });

  function meterIndex(c: Ctx): number {
    const index = whole(c, "meter", 0, 0, MAX_METERS - 1);
    if (index >= view.meters().length) throw new HTTPException(404, { message: `There is no meter ${index}.` });
    return index;
  }
  function meterId(c: Ctx): string {
    return view.meters()[meterIndex(c)]?.info?.id ?? "";
  }
  function ledgerOf(c: Ctx): Promise<LedgerView> {
    const range = (["day", "month", "year"] as const).find((name) => name === c.req.query("range"));
    if (range === undefined) throw new HTTPException(400, { message: "range: day, month or year is expected." });
    const date = c.req.query("date") ?? "";
    if (!isDate(date)) throw new HTTPException(400, { message: "date: a date such as 2026-03-29 is expected." });
    return ledgerViews.view({ meter: meterId(c), range, date });
  }
  function spanMs(c: Ctx): number {
    return whole(c, "span", 3_600_000, 60_000, MAX_SPAN_MS);
  }
  return app;
}

/** A parameter of the query that is a whole number. @throws HTTPException 400 */
function whole(c: Ctx, name: string, fallback: number, least: number, most: number): number {
  const texts = c.req.queries(name) ?? [];
  const [text] = texts;
  if (text === undefined) return fallback;
  const value = Number(text);
  if (texts.length === 1 && /^\d{1,16}$/.test(text) && value >= least && value <= most) return value;
  throw new HTTPException(400, { message: `${name}: a whole number from ${least} to ${most} is expected.` });
}

function factsOf(c: Ctx): RequestFacts {
  return {
    method: c.req.method,
    path: c.req.path,
    peer: c.env?.incoming?.socket?.remoteAddress,
    header: (name) => c.req.header(name),
  };
}

function summaryOf({ wire: _wire, telegram: _telegram, index: _index, ...summary }: Recorded): TelegramSummary {
  return summary;
}

/** The body as an object; empty if it is not one. */
async function jsonBody(c: Ctx): Promise<Record<string, unknown>> {
  try {
    const body: unknown = await c.req.json();
    return typeof body === "object" && body !== null ? (body as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

function uptimeSeconds(view: BridgeView): number {
  return Math.max(0, Math.round((Date.now() - view.startedAt) / 1000));
}
