/**
 * The connection to the broker: MQTT.js reconnects by itself (style.md names the two places that reconnect; the other is
 * `meter/meter.ts`), this file decides how patiently, says once what is wrong and what to do, and says when it works again.
 *
 * Nothing piles up here: MQTT.js queues nothing while it is offline (`queueQoSZero: false`, and nobody publishes then),
 * and `congested` tells the sink to keep its newest instead of writing into a socket that nobody reads.
 */
import { readFileSync } from "node:fs";
import type { IClientOptions, MqttClient } from "mqtt";
import type { MqttConfig } from "../../config/options.ts";
import type { ComponentLog } from "../../log/component-log.ts";
import { describeFailure, type Failure, TAKEN_OVER, THROWN_OUT } from "./failures.ts";

const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 30_000;
/** A connection that held for this long was a good one: the next pause is short again. */
const STABLE_MS = 10_000;
const CONNECT_TIMEOUT_MS = 10_000;
/** Bytes in the socket's buffer above which nothing more is written; some readings are 2 KB. */
const MAX_UNSENT_BYTES = 64 * 1024;
/** How long `stop` waits until the broker has acknowledged the farewell. */
const FAREWELL_MS = 2000;
/** So many connections in a row that are closed at once, with no refusal between, mean that another client has the same id (not every broker says it). */
const SUSPICIOUS_CLOSES = 3;

export interface Message {
  readonly topic: string;
  readonly payload: string;
  readonly qos?: 0 | 1;
}

/** Where the broker is, and the login. */
export interface Broker {
  readonly server: string;
  readonly user?: string | undefined;
  readonly password?: string | undefined;
}

export interface ConnectionOptions {
  readonly config: MqttConfig;
  /** Where `config` names no broker: finds one, takes its time; `null` if it gave up because we stop. */
  readonly findBroker: (signal: AbortSignal) => Promise<Broker | null>;
  readonly clientId: string;
  /** Published, retained, by the broker when we are gone without a word. */
  readonly will: Message;
  readonly log: ComponentLog;
  /** On every connect, the first and all later ones. */
  readonly onConnect: () => void;
  /** The socket's buffer is empty again. */
  readonly onDrain: () => void;
  readonly onMessage: (topic: string, payload: Buffer, retained: boolean) => void;
}

export class Connection {
  readonly #options: ConnectionOptions;
  readonly #stopping = new AbortController();
  /** The server, without user and password that may stand in the URL. */
  label = "(not known yet)";
  #client: MqttClient | null = null;
  #stopped = false;
  #retryTimer: NodeJS.Timeout | null = null;
  #pauseMs = FIRST_PAUSE_MS;
  #connectedAt = 0;
  #shortConnections = 0;
  /** What has been told and is not over yet. */
  readonly #told = new Set<string>();
  #problem: { readonly text: string; readonly de: string } | null = null;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    const first = options.config.server?.[0];
    if (first !== undefined) this.label = withoutLogin(first);
  }

  get connected(): boolean {
    return this.#client?.connected ?? false;
  }

  /** Whether the broker takes what we write more slowly than we write it. */
  get congested(): boolean {
    const stream = this.#client?.stream as { writableLength?: number } | undefined;
    return (stream?.writableLength ?? 0) > MAX_UNSENT_BYTES;
  }

  /** What is wrong at present, in a sentence with its cure; `null` if nothing is. */
  get problem(): string | null {
    return this.#problem?.text ?? null;
  }

  /** The same in German. */
  get problemDe(): string | null {
    return this.#problem?.de ?? null;
  }

  /** Begins to connect, and goes on trying until `stop`. */
  async start(): Promise<void> {
    const { config, findBroker } = this.#options;
    const first = config.server?.[0];
    const [{ default: mqtt }, broker] = await Promise.all([
      import("mqtt"),
      first === undefined ? findBroker(this.#stopping.signal) : { ...config, server: first },
    ]);
    if (this.#stopped || broker === null) return;
    this.label = withoutLogin(broker.server);
    let client: MqttClient;
    try {
      client = mqtt.connect(broker.server, this.#clientOptions(broker));
    } catch (error) {
      // A certificate file that cannot be read yet, a server address that is none.
      this.#complain(describeFailure(error, this.label));
      this.#retryTimer = setTimeout(() => void this.start(), LONGEST_PAUSE_MS);
      return;
    }
    this.#client = client;
    client.on("connect", () => this.#connected(client));
    client.on("message", (topic, payload, packet) => {
      // What comes from the broker is not trusted: a throw here would end the process.
      this.#options.onMessage(topic, payload, packet.retain);
    });
    client.on("disconnect", (packet) => {
      if (packet.reasonCode === TAKEN_OVER) this.#complain(describeFailure({ code: TAKEN_OVER }, this.label));
    });
    client.on("error", (error) => this.#failed(client, error));
    client.on("close", () => this.#closed(client));
  }

  /** Sends if connected, else drops; `done` is called when it was sent (QoS 0) or acknowledged (QoS 1), or failed. */
  publish({ topic, payload, qos = 0 }: Message, done?: () => void): void {
    this.#client?.publish(topic, payload, { qos, retain: true }, () => done?.());
  }

  /** What was published in this turn leaves now, and not when everything else in it is done. */
  flush(): void {
    const stream = this.#client?.stream;
    while (stream !== undefined && stream.writableCorked > 0) stream.uncork();
  }

  /** `done` is called when the broker has answered, or there will be no answer. */
  subscribe(topics: string[], done: () => void): void {
    this.#client?.subscribe(topics, { qos: 0 }, (error) => {
      if (error) this.#options.log.debug(() => `subscription failed: ${error.message}`);
      done();
    });
  }

  unsubscribe(topic: string): void {
    this.#client?.unsubscribe(topic);
  }

  /** Sends a last few messages, waits until the broker has them, at most two seconds, and disconnects. */
  async stop(farewell: readonly Message[] = []): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#stopping.abort();
    if (this.#retryTimer !== null) clearTimeout(this.#retryTimer);
    const client = this.#client;
    if (client === null) return;
    let timer: NodeJS.Timeout | undefined;
    if (client.connected) {
      const sent = Promise.all(farewell.map((message) => new Promise<void>((done) => this.publish(message, done))));
      await Promise.race([sent, new Promise((done) => (timer = setTimeout(done, FAREWELL_MS)))]);
      clearTimeout(timer);
    }
    const ended = new Promise<void>((done) => client.end(!client.connected, () => done()));
    await Promise.race([ended, new Promise((done) => (timer = setTimeout(done, FAREWELL_MS / 4)))]);
    clearTimeout(timer);
    client.end(true);
    client.stream?.destroy();
  }

  #clientOptions({ user, password }: Broker): IClientOptions {
    const { config, clientId, will } = this.#options;
    const file = (path: string | undefined): { file?: Buffer } =>
      path === undefined ? {} : { file: readFileSync(path) };
    const [ca, cert, key] = [file(config.ca).file, file(config.cert).file, file(config.key).file];
    return {
      clientId,
      protocolVersion: config.version === 5 ? 5 : 4,
      keepalive: config.keepalive,
      clean: true,
      will: { topic: will.topic, payload: Buffer.from(will.payload), qos: 1, retain: true },
      reconnectPeriod: FIRST_PAUSE_MS,
      reconnectOnConnackError: true,
      connectTimeout: CONNECT_TIMEOUT_MS,
      queueQoSZero: false,
      // Subscriptions are made anew on every connect, together with everything else.
      resubscribe: false,
      // Prepared packet lengths: megabytes for nothing at our pace (docs/benchmarks.md).
      writeCache: false,
      rejectUnauthorized: config.reject_unauthorized,
      ...(user === undefined ? {} : { username: user }),
      ...(password === undefined ? {} : { password }),
      ...(ca === undefined ? {} : { ca }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
    };
  }

  #connected(client: MqttClient): void {
    this.#connectedAt = performance.now();
    client.stream.on("drain", () => this.#options.onDrain());
    const again = this.#told.size > 0 ? " again" : "";
    // Told at once and not after a stable while: who mended something is waiting for it.
    if (!this.#told.has(String(TAKEN_OVER))) {
      this.#options.log.info(`connected to the broker at ${this.label}${again}`);
      this.#told.clear();
    }
    this.#problem = null;
    this.#options.onConnect();
  }

  #failed(client: MqttClient, error: Error): void {
    const failure = describeFailure(error, this.label);
    if (failure.key === "protocol-version" && client.options.protocolVersion === 5) {
      client.options.protocolVersion = 4;
      client.options.reconnectPeriod = 1;
      this.#pauseMs = FIRST_PAUSE_MS / 2;
      this.#problem = {
        text: `the broker at ${this.label} does not know MQTT 5: going on with MQTT 3.1.1`,
        de: `Der Broker ${this.label} kennt MQTT 5 nicht: weiter mit MQTT 3.1.1`,
      };
      this.#options.log.info(this.#problem.text);
      return;
    }
    // What breaks off says little by its error code (EPIPE, ECONNRESET): see #closed.
    if (this.#connectedAt > 0) return;
    this.#shortConnections = 0;
    this.#complain(failure);
  }

  #closed(client: MqttClient): void {
    if (this.#stopped) return;
    // What was not acknowledged is forgotten: after a reconnect the newest is sent, not this.
    for (const id of Object.keys(client.outgoing)) client.removeOutgoingMessage(Number(id));
    const heldMs = performance.now() - this.#connectedAt;
    if (this.#connectedAt > 0 && heldMs >= STABLE_MS) {
      this.#pauseMs = FIRST_PAUSE_MS;
      this.#shortConnections = 0;
      this.#told.delete(String(TAKEN_OVER));
    } else if (this.#connectedAt > 0) {
      this.#shortConnections++;
    }
    if (this.#shortConnections >= SUSPICIOUS_CLOSES) {
      this.#complain(describeFailure({ code: THROWN_OUT }, this.label));
    } else if (this.#problem === null) {
      this.#complain(describeFailure({ code: "closed" }, this.label));
    }
    this.#connectedAt = 0;
    // MQTT.js has taken this attempt's pause already; this is the one after the next failure.
    this.#pauseMs = Math.min(this.#pauseMs * 2, LONGEST_PAUSE_MS);
    client.options.reconnectPeriod = this.#pauseMs;
  }

  /** Once for each kind of failure, until it works again. */
  #complain({ key, text, de }: Failure): void {
    this.#problem = { text, de };
    if (this.#stopped || this.#told.has(key)) return;
    this.#told.add(key);
    this.#options.log.warn(text);
  }
}

/** The address for logs and pages: without login, and without a query, which may hold a token. */
export function withoutLogin(server: string): string {
  return server.replace(/\/\/[^/]*@/, "//").replace(/\?.*$/s, "?***");
}
