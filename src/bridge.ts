/**
 * Builds the meters (build-meter.ts) and sinks from the configuration, starts and stops them in order, and reports
 * their state.
 */

import { join } from "node:path";
import { StateFile } from "./acceptance/state-file.ts";
import type { AutomaticBackfill } from "./backfill/automatic-backfill.ts";
import type { BackfillStatus } from "./backfill/backfill-status.ts";
import { buildMeter, decodingOf, type Recorder } from "./build-meter.ts";
import { keyBytes } from "./config/hex-key.ts";
import type { Config, MeterConfig } from "./config/options.ts";
import { Distribution } from "./distribution.ts";
import type { BridgeView, BrokerStatus } from "./http/bridge-view.ts";
import type { HttpSinkOptions } from "./http/http-sink.ts";
import { Ledger } from "./ledger/ledger.ts";
import type { ComponentLog } from "./log/component-log.ts";
import type { Logger } from "./log/log.ts";
import type { MeterEvent, MeterStatus } from "./meter/events.ts";
import { LineCapture } from "./meter/line-capture.ts";
import type { Meter } from "./meter/meter.ts";
import { MeterSources } from "./meter/meter-sources.ts";
import { dataFolderProblem } from "./process/data-folder.ts";
import { type Health, HealthServer } from "./process/health.ts";
import { instanceId } from "./process/instance-id.ts";
import { pageUrl } from "./process/page-url.ts";
import { loadOutputs } from "./sinks/load-outputs.ts";
import type { Command } from "./sinks/mqtt/commands.ts";
import type { Broker } from "./sinks/mqtt/connection/client-options.ts";
import type { MqttSink } from "./sinks/mqtt/mqtt-sink.ts";
import type { Output, OutputStatus } from "./sinks/output/output.ts";
import type { Sink } from "./sinks/sink.ts";
import { SolarviewSink } from "./sinks/solarview.ts";
import { REPOSITORY_URL } from "./version.ts";

export interface BridgeOptions {
  readonly config: Config;
  readonly version: string;
  readonly log: Logger;
  /** Finds a broker if the configuration names none (the Supervisor's). */
  readonly findBroker?: (signal: AbortSignal) => Promise<Broker | null>;
  /** Whether the Home Assistant Supervisor started this process. */
  readonly supervised?: boolean;
  /** `SUPERVISOR_TOKEN`: gives access to Home Assistant if the configuration has no credentials for it. */
  readonly supervisorToken?: string;
  /** Whether this runs in the project's container image. */
  readonly inContainer?: boolean;
  /** The device path on the host; inside the container it is `/dev/ttyUSB0` (docker-compose.yml). */
  readonly deviceOnHost?: string | undefined;
  /** More options for the status page; some are for tests only. */
  readonly page?: Partial<Pick<HttpSinkOptions, "logTail" | "settings" | "assetsDir" | "ingressPeer">>;
}

/** Grace period after the start: the first telegram, or a broker that is still starting, may take this long. */
const STARTING_MS = 60_000;
/** … except for faults that waiting won't fix. */
const CERTAIN: ReadonlySet<string> = new Set([
  "key-wrong",
  "key-missing",
  "authentication",
  "permission",
  "not-a-serial-device",
]);

export class Bridge implements BridgeView {
  readonly version: string;
  readonly startedAt = Date.now();
  readonly #options: BridgeOptions;
  readonly #healthServer: HealthServer;
  readonly #stateFile: StateFile;
  readonly #ledger: Ledger;
  #remembered: Readonly<Record<string, unknown>> = {};
  #meters: Meter[] = [];
  readonly #sources = new MeterSources((index) => this.#meters[index]?.status().online === true);
  /** One per meter, in configuration order. */
  readonly #captures: LineCapture[] = [];
  /** Without outputs. */
  readonly #sinks: Sink[] = [];
  #mqtt: MqttSink | null = null;
  #backfill: AutomaticBackfill | null = null;
  readonly #outputs: Output[] = [];
  readonly #distribution: Distribution;
  #stopping: Promise<void> | null = null;

  constructor(options: BridgeOptions) {
    this.#options = options;
    this.version = options.version;
    this.#stateFile = new StateFile(options.config.data_dir, options.log.child({ component: "memory" }));
    this.#ledger = new Ledger({
      dataDir: options.config.data_dir,
      timeZone: options.config.time_zone,
      windows: options.config.tariff_windows,
      log: options.log.child({ component: "ledger" }),
    });
    this.#distribution = new Distribution({
      ports: options.config.meters.map(({ port }) => port),
      sources: this.#sources,
      outputs: this.#outputs,
      sinks: this.#sinks,
      ledger: this.#ledger,
    });
    this.#healthServer = new HealthServer(options.config.data_dir, () => this.health());
  }

  /** Resolves when everything has started; doesn't wait for a broker or a device. */
  async start(): Promise<void> {
    const { config, log } = this.#options;
    const problem = dataFolderProblem(config.data_dir);
    if (problem !== null) log.warn(problem);
    const { taken } = await this.#healthServer.start();
    if (taken) {
      log.warn(`another bridge uses the data folder ${config.data_dir}: is the bridge running twice?`);
    }
    this.#remembered = this.#stateFile.load();
    const recorder = await this.#buildSinks();
    for (const [index, meter] of config.meters.entries()) {
      if (this.#stopping === null) this.#meters.push(this.#buildMeter(meter, index, recorder));
    }
    const begun = [...this.#outputs, ...this.#sinks].map((sink) =>
      sink.start().catch((error: unknown) => log.child({ component: sink.name }).error("does not start", { error })),
    );
    for (const meter of this.#meters) meter.start();
    await Promise.all(begun);
    if (config.homeassistant.backfill && this.#stopping === null) await this.#startBackfill();
  }

  /**
   * Stops the meters first, so that nothing new arrives, then the sinks. Takes about 4 s at most; safe to call twice.
   */
  stop(): Promise<void> {
    this.#stopping ??= (async () => {
      await Promise.all(this.#meters.map((meter) => meter.stop()));
      await Promise.all(this.#captures.map((capture) => capture.stop()));
      this.#distribution.passOnAll();
      // Let the latest readings reach the ledger.
      await new Promise((resolve) => setImmediate(resolve));
      await Promise.all(
        [...this.#outputs, ...this.#sinks, this.#stateFile, this.#ledger, this.#backfill].map((part) =>
          part?.stop().catch(() => undefined),
        ),
      );
      await this.#healthServer.stop();
    })();
    return this.#stopping;
  }

  /** Resolves when every source has ended: captures do, devices never. */
  async done(): Promise<void> {
    await Promise.all(this.#meters.map((meter) => meter.done));
  }

  meters(): readonly MeterStatus[] {
    return this.#meters.map((meter) => meter.status());
  }

  /** The status of the meter with this id. */
  meter(id: string): MeterStatus | undefined {
    const status = this.#meters[this.#sources.sourceOf(id) ?? -1]?.status();
    return status?.info?.id === id ? status : undefined;
  }

  broker(): BrokerStatus | null {
    return this.#mqtt?.status() ?? null;
  }

  outputs(): readonly OutputStatus[] {
    return this.#outputs.map((output) => output.status());
  }

  backfill(): BackfillStatus | null {
    return this.#backfill?.status() ?? null;
  }

  /** Has no grace period after startup; the caller sets one if needed (Docker's `--start-period`). */
  health(): Health {
    const reasons: string[] = [];
    const broker = this.broker();
    if (broker !== null && !broker.connected) {
      reasons.push(broker.error ?? `not connected to the broker at ${broker.server}`);
    }
    for (const meter of this.meters()) {
      if (meter.online) continue;
      const { text, cure } = meter.diagnosis;
      reasons.push(`${meter.info?.name ?? meter.label}: ${[text.en, cure.en].filter((part) => part !== "").join(" ")}`);
    }
    const healthy = reasons.length === 0;
    const certain = this.meters().some(({ online, diagnosis }) => !online && CERTAIN.has(diagnosis.code));
    const pending = !healthy && !certain && Date.now() - this.startedAt < STARTING_MS;
    return pending ? { healthy, reasons, pending } : { healthy, reasons };
  }

  async #buildSinks(): Promise<Recorder | null> {
    const { config, log, supervised = false, findBroker } = this.#options;
    if (config.mqtt.enabled) {
      const { MqttSink } = await import("./sinks/mqtt/mqtt-sink.ts");
      this.#mqtt = new MqttSink({
        mqtt: config.mqtt,
        homeassistant: config.homeassistant,
        meterCount: config.meters.length,
        publishIntervalMs: config.publish.interval * 1000,
        publishPower: config.publish.power,
        publishTopics: config.publish.topics,
        windows: config.tariff_windows.map(({ name }) => name),
        instance: instanceId(config.data_dir),
        dataDir: config.data_dir,
        bridge: this,
        supportUrl: REPOSITORY_URL,
        onCommand: (meter, command) => this.#obey(meter, command),
        onReturn: () => this.#backfill?.returned(),
        log: log.child({ component: "mqtt" }),
        ...pageUrl(config.http, supervised),
        ...(findBroker === undefined ? {} : { findBroker }),
      });
      this.#sinks.push(this.#mqtt);
      this.#ledger.subscribe((meter, state) => this.#mqtt?.acceptLedger(meter, state));
    }
    if (config.solarview.file !== undefined) {
      this.#sinks.push(new SolarviewSink(config.solarview.file, log.child({ component: "solarview" })));
    }
    const outputs = await loadOutputs(
      config.outputs,
      { version: this.version, periodMs: (id) => (id === null ? null : (this.meter(id)?.periodMs ?? null)) },
      (component) => log.child({ component }),
    );
    this.#outputs.push(...outputs);
    for (const output of this.#outputs) {
      if (output.acceptLedger !== undefined)
        this.#ledger.subscribe((meter, state) => output.acceptLedger?.(meter, state));
    }
    if (!config.http.enabled) return null;
    const { HttpSink } = await import("./http/http-sink.ts");
    const http = new HttpSink({
      http: config.http,
      ledger: this.#ledger.reader,
      tariffWindows: config.tariff_windows,
      dataDir: config.data_dir,
      supervised,
      inContainer: this.#options.inContainer ?? false,
      view: this,
      meters: config.meters,
      keysOf: (index) => decodingOf(config, config.meters[index]),
      parseKey: keyBytes,
      ...this.#options.page,
      log: log.child({ component: "http" }),
    });
    this.#sinks.push(http);
    return http.recorder;
  }

  /** Executes a command received over MQTT. */
  #obey(meter: number, command: Command): void {
    if (this.#stopping !== null) return;
    if (command === "restart") this.#meters[meter]?.restart();
    else this.#captures[meter]?.begin();
  }

  #captureOf(meter: MeterConfig, log: ComponentLog): LineCapture {
    return new LineCapture({
      folder: join(this.#options.config.data_dir, "captures"),
      log,
      render: async (chunks) => {
        const { plainCapture } = await import("./http/capture.ts");
        return plainCapture(chunks, { version: this.version, port: meter.port, now: new Date() });
      },
    });
  }

  async #startBackfill(): Promise<void> {
    const { config, log, supervisorToken } = this.#options;
    const [{ AutomaticBackfill }, { accessOf }] = await Promise.all([
      import("./backfill/automatic-backfill.ts"),
      import("./backfill/access.ts"),
    ]);
    this.#backfill = new AutomaticBackfill({
      access: accessOf(config.homeassistant, supervisorToken),
      reader: this.#ledger.reader,
      dataDir: config.data_dir,
      meters: () => this.meters().flatMap(({ info }) => (info === null ? [] : [info.id])),
      log: log.child({ component: "backfill" }),
    });
    this.#backfill.start();
  }

  #buildMeter(meter: MeterConfig, index: number, recorder: Recorder | null): Meter {
    const { config } = this.#options;
    const log = this.#options.log.child({ component: "meter", meter: meter.id ?? meter.port });
    const capture = this.#captureOf(meter, log);
    this.#captures.push(capture);
    const emit = (event: MeterEvent) => this.#distribution.take(event, index, log);
    const { supervised = false, inContainer = false, deviceOnHost } = this.#options;
    const deployment = supervised ? "app" : inContainer ? "docker" : "host";
    const [remembered, stateFile] = [this.#remembered, this.#stateFile];
    const parts = { config, meter, index, recorder, capture, remembered, stateFile, emit, log };
    return buildMeter({ ...parts, deployment, deviceOnHost });
  }
}
