/**
 * The status page as a sink: takes the events of the meters and serves their state. The server and its libraries are
 * loaded only when it starts. An address in use is logged and retried; the bridge goes on without the page.
 */
import type { Server } from "node:http";
import { join } from "node:path";
import type { HttpConfig, TariffWindowConfig } from "../config/options.ts";
import type { LedgerReader } from "../ledger/ledger-reader.ts";
import { tariffWindow } from "../ledger/tariff-window.ts";
import type { LogTail } from "../log/log-tail.ts";
import type { MeterEvent } from "../meter/events.ts";
import { isLoopback } from "../process/loopback.ts";
import { waitAtMost } from "../process/time-limit.ts";
import type { Sink } from "../sinks/sink.ts";
import { Access, INGRESS_PEER } from "./access.ts";
import type { MeterKeys } from "./app.ts";
import type { BridgeView } from "./bridge-view.ts";
import { History } from "./history.ts";
import { type ConfiguredMeter, LiveState } from "./live-state.ts";
import type { PageSettings } from "./page-model.ts";
import { Recorder } from "./recorder.ts";

/** How often the history is saved; also when the bridge stops. */
const SAVE_MS = 3_600_000;
/** Delay before listening is retried. */
const RETRY_MS = 30_000;
const STOP_MS = 1_000;
/** A socket without traffic for this long is closed. */
const IDLE_SOCKET_MS = 60_000;
/** Maximum number of connections: a page keeps one or two. */
const MAX_CONNECTIONS = 128;

/** The part of the logger that is used here. */
interface HttpLog {
  warn(message: string): void;
  info(message: string): void;
  debug(message: string | (() => string)): void;
}

export interface HttpSinkOptions {
  readonly http: HttpConfig;
  /** Source of the energy plots. */
  readonly ledger: Pick<LedgerReader, "points">;
  /** Shaded in the plot of the ledger. */
  readonly tariffWindows?: readonly TariffWindowConfig[];
  /** Where the history of power is kept; `null`: in memory only. */
  readonly dataDir: string | null;
  /** Whether the Home Assistant Supervisor runs us: then only its ingress is served. */
  readonly supervised: boolean;
  /** Whether we run in a container: only Docker knows where the page is reachable from outside. */
  readonly inContainer?: boolean;
  readonly view: BridgeView;
  /** The configured meters, in order. */
  readonly meters?: readonly ConfiguredMeter[];
  /** Keys of the meter at this position in the configuration. */
  readonly keysOf: (index: number) => MeterKeys;
  /** Reads a key as people paste it (config/hex-key.ts); `null` if it is none. */
  readonly parseKey: (text: string) => Uint8Array | null;
  /** The last lines of the log, and the configuration in force with secrets masked. */
  readonly logTail?: LogTail | undefined;
  readonly settings?: PageSettings | undefined;
  /** The folder of the built page; by default `page` next to the program. */
  readonly assetsDir?: string;
  /** Instead of the Supervisor's address (tests). */
  readonly ingressPeer?: string;
  readonly log: HttpLog;
}

export class HttpSink implements Sink {
  readonly name = "http";
  /** Wrap the meters' decoders and acceptances with its `tap` and `watch`, so that the page can show telegrams. */
  readonly recorder: Recorder;
  readonly history = new History();
  readonly #options: HttpSinkOptions;
  readonly #live: LiveState;
  #server: Server | null = null;
  #retry: NodeJS.Timeout | null = null;
  #saving: NodeJS.Timeout | null = null;
  #stopped = false;

  constructor(options: HttpSinkOptions) {
    this.#options = options;
    this.#live = new LiveState(options.view, this.#keyTest !== null, options.meters);
    this.recorder = new Recorder(() => this.#live.changed());
  }

  /** Keys may be tested unless everyone in the network is served; `null`: not here. */
  get #keyTest(): HttpSinkOptions["parseKey"] | null {
    const { http, supervised, parseKey } = this.#options;
    return supervised || http.token !== undefined || isLoopback(http.host) ? parseKey : null;
  }

  accept(event: MeterEvent): void {
    if (event.type === "reading") this.history.add(event.reading);
    this.#live.accept(event);
  }

  /** The log line with the page's address. */
  #whereabouts(): string {
    const { http, supervised, inContainer = false } = this.#options;
    if (supervised) return "status page: open it from Home Assistant";
    if (!inContainer) return `status page at ${this.url}`;
    const readers = http.token === undefined ? "; everyone who can reach it can read it, unless http.token is set" : "";
    return (
      `status page at port ${http.port} of this container, from outside where Docker publishes that port: with our ` +
      `docker-compose.yml http://127.0.0.1:8099, unless HTTP_LISTEN or HTTP_PORT in .env say otherwise${readers}`
    );
  }

  /** Its listen address; `null` if it is not listening. */
  get url(): string | null {
    const address = this.#server?.address();
    if (address === null || address === undefined || typeof address === "string") return null;
    const host = address.family === "IPv6" ? `[${address.address}]` : address.address;
    return `http://${host.replace("0.0.0.0", "127.0.0.1").replace("[::]", "[::1]")}:${address.port}/`;
  }

  async start(): Promise<void> {
    const { http, supervised, log } = this.#options;
    const file = this.#historyFile();
    if (file !== null) {
      await this.history.load(file).catch((error: unknown) => log.warn(`history not read: ${messageOf(error)}`));
      this.#saving = setInterval(() => void this.#save(), SAVE_MS);
      this.#saving.unref();
    }
    if (!supervised && this.#options.inContainer !== true && http.token === undefined && !isLoopback(http.host)) {
      log.warn(`the status page at ${http.host} can be read by everyone in the network; set http.token to change that`);
    }
    await this.#listen();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    if (this.#retry !== null) clearTimeout(this.#retry);
    if (this.#saving !== null) {
      clearInterval(this.#saving);
      this.#saving = null;
      await this.#save();
    }
    this.#live.stop();
    const server = this.#server;
    this.#server = null;
    if (server === null) return;
    const closed = new Promise<void>((done) => server.close(() => done()));
    server.closeAllConnections();
    await waitAtMost(STOP_MS, closed);
  }

  async #listen(): Promise<void> {
    const { http, supervised, view, keysOf, log } = this.#options;
    const [{ createAdaptorServer }, { createApp }, { loadAssets }] = await Promise.all([
      import("@hono/node-server"),
      import("./app.ts"),
      import("./assets.ts"),
    ]);
    const folder = this.#options.assetsDir ?? join(import.meta.dirname, "page");
    const assets = await loadAssets(folder).catch((error: unknown) => {
      log.warn(`the status page is unavailable: ${messageOf(error)}`);
      return new Map();
    });
    const access = new Access({
      onlyPeer: supervised ? (this.#options.ingressPeer ?? INGRESS_PEER) : null,
      token: supervised ? null : (http.token ?? null),
      loopback: isLoopback(http.host),
    });
    const app = createApp({
      access,
      assets,
      live: this.#live,
      history: this.history,
      ledger: this.#options.ledger,
      tariffWindows: (this.#options.tariffWindows ?? []).map(tariffWindow),
      recorder: this.recorder,
      view,
      keysOf,
      tryKeys: this.#keyTest,
      logTail: this.#options.logTail,
      settings: this.#options.settings,
      onError: (error) => log.warn(`status page: ${error.stack ?? error.message}`),
    });
    const server = createAdaptorServer({ fetch: app.fetch }) as Server;
    server.headersTimeout = 10_000;
    server.requestTimeout = 10_000;
    // Closes clients that do not read; open pages get an event every 10 s.
    server.setTimeout(IDLE_SOCKET_MS);
    server.maxConnections = MAX_CONNECTIONS;
    server.once("drop", () =>
      log.warn(`status page: more than ${MAX_CONNECTIONS} connections; further ones are closed at once`),
    );
    await new Promise<void>((resolve) => {
      server.once("error", (error: NodeJS.ErrnoException) => {
        this.#refused(error);
        resolve();
      });
      server.listen(http.port, http.host, () => {
        server.on("error", (error) => log.warn(`status page: ${error.message}`));
        this.#server = server;
        log.info(this.#whereabouts());
        resolve();
      });
    });
  }

  #refused(error: NodeJS.ErrnoException): void {
    const { http, log } = this.#options;
    if (this.#stopped) return;
    const why =
      error.code === "EADDRINUSE" ? "another program uses that port; choose another http.port" : error.message;
    const message = `status page: cannot listen at ${http.host} port ${http.port}: ${why}`;
    if (this.#retry === null) log.warn(message);
    else log.debug(message);
    this.#retry = setTimeout(() => void this.#listen(), RETRY_MS);
    this.#retry.unref();
  }

  #historyFile(): string | null {
    return this.#options.dataDir === null ? null : join(this.#options.dataDir, "page-history.json.gz");
  }

  async #save(): Promise<void> {
    const file = this.#historyFile();
    if (file === null) return;
    await this.history.save(file).catch((error: unknown) => {
      this.#options.log.debug(`history not written: ${messageOf(error)}`);
    });
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
