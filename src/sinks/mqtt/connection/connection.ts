/**
 * The connection to the broker. MQTT.js reconnects on its own (the only other retry loop is in `meter/connection.ts`),
 * with the delays set here (reconnect-backoff.ts; earlier when a reading is waiting: early-reconnect.ts). Each problem is
 * reported once with its fix, and again when it is over. Messages are sent through outbox.ts, subscriptions through
 * subscriptions.ts. The broker is limited in turn: the size of its packets, and the time for an acknowledgement.
 *
 * No backlog builds up: MQTT.js queues nothing while offline (`queueQoSZero: false`, and nothing is published then),
 * `congested` makes the sink keep only its latest state instead of filling a socket that nobody reads, and of the QoS 1
 * messages waiting to be sent only the latest per topic is kept (inflight-window.ts).
 */
import type { Socket } from "node:net";
import type { IClientOptions, IPublishPacket, MqttClient } from "mqtt";
import type { MqttConfig } from "../../../config/options.ts";
import type { ComponentLog } from "../../../log/component-log.ts";
import { waitAtMost } from "../../../process/time-limit.ts";
import type { Message } from "../message.ts";
import { type Broker, clientOptions, useServer, withoutLogin } from "./client-options.ts";
import {
  type ConnectionProblem,
  describeConnectionError,
  describeCulprit,
  describeOversize,
  THROWN_OUT,
} from "./connection-errors.ts";
import { ConnectionReport } from "./connection-report.ts";
import { DisconnectDiagnosis, STABLE_MS } from "./disconnect-diagnosis.ts";
import { EarlyReconnect } from "./early-reconnect.ts";
import { Failover } from "./failover.ts";
import type { Outcome } from "./inflight-window.ts";
import { loadClient } from "./load-client.ts";
import { ANSWER_LIMIT_MS, Outbox } from "./outbox.ts";
import { PacketSizeLimit } from "./packet-size-limit.ts";
import { type Phrase, QOS_NOT_SUPPORTED, RETAIN_NOT_SUPPORTED, TAKEN_OVER } from "./reason-codes.ts";
import { LONGEST_PAUSE_MS, ReconnectBackoff } from "./reconnect-backoff.ts";
import { ServerList } from "./server-list.ts";
import { MUTE_MS, Subscriptions } from "./subscriptions.ts";

/** How long `stop` waits for the broker to acknowledge the farewell messages. */
const FAREWELL_MS = 2000;
/** With several brokers, skip one that doesn't answer within this time. */
const FAILOVER_TIMEOUT_MS = 3_000;

export interface ConnectionOptions {
  readonly config: MqttConfig;
  /** Finds a broker if `config` names none; this may take a while; `null` if cancelled by a stop. */
  readonly findBroker: (signal: AbortSignal) => Promise<Broker | null>;
  readonly clientId: string;
  /** Last will. */
  readonly will: Message;
  /** Maximum size of a packet from the broker, in bytes. */
  readonly maxPacketBytes: number;
  readonly log: ComponentLog;
  /** Called on every connect, including the first. */
  readonly onConnect: () => void;
  /** Interval of the checks for a preferred broker, milliseconds; for tests. */
  readonly returnMs?: number;
  /** Called when the socket buffer has drained. */
  readonly onDrain: () => void;
  readonly onMessage: (topic: string, payload: Buffer, retained: boolean) => void;
}

export class Connection {
  readonly #options: ConnectionOptions;
  readonly #stopping = new AbortController();
  readonly #outbox: Outbox;
  readonly #subscriptions: Subscriptions;
  readonly #disconnects = new DisconnectDiagnosis();
  /** The server, without any user and password from the URL. */
  label = "(not known yet)";
  #client: MqttClient | null = null;
  #stopped = false;
  #retryTimer: NodeJS.Timeout | null = null;
  #stableTimer: NodeJS.Timeout | null = null;
  readonly #backoff = new ReconnectBackoff();
  readonly #early = new EarlyReconnect(this.#backoff);
  #connectedAt = 0;
  /** The server to use instead, as named by the broker. */
  #reference: string | undefined;
  #failover: Failover | null = null;
  readonly #report: ConnectionReport;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#report = new ConnectionReport(options.log);
    const first = options.config.server?.[0];
    if (first !== undefined) this.label = withoutLogin(first);
    this.#outbox = new Outbox({
      client: () => this.#client,
      label: () => this.label,
      disconnects: this.#disconnects,
      report: this.#report,
      log: options.log,
      onSilence: ({ topic }) => this.#giveUp(`no acknowledgement of ${topic}`),
    });
    this.#subscriptions = new Subscriptions({
      client: () => this.#client,
      limits: () => this.#outbox.limits,
      log: options.log,
      onSilence: () => this.#giveUp("no answer to a subscription"),
    });
  }

  get connected(): boolean {
    return this.#client?.connected ?? false;
  }

  /** Whether the broker acknowledges messages. */
  get answering(): boolean {
    return !this.#outbox.hanging;
  }

  /** Whether the broker reads more slowly than we write. */
  get congested(): boolean {
    return this.#outbox.congested;
  }

  /** Number of messages that wait until the broker has acknowledged others. */
  get waiting(): number {
    return this.#outbox.waiting;
  }

  /** Whether we subscribe at all: not for a while after the broker has sent an oversized packet. */
  get subscribes(): boolean {
    return this.#subscriptions.allowed;
  }

  /** Whether the broker reports refused publications (MQTT 5). */
  get refusesOpenly(): boolean {
    return this.#client?.options.protocolVersion === 5;
  }

  /** The current problem, as a sentence with its fix; `null` if there is none. */
  get problem(): Phrase | null {
    const hanging = {
      en: `the broker at ${this.label} does not acknowledge messages`,
      de: `Der Broker ${this.label} bestätigt nicht, was er bekommt`,
    };
    return this.#report.problem ?? (this.#outbox.hanging ? hanging : null);
  }

  /** Starts connecting, and keeps trying until `stop`. */
  async start(): Promise<void> {
    const { config, findBroker } = this.#options;
    const listed = config.server?.map((server) => ({ ...config, server })) ?? [];
    const found = listed.length === 0 ? await findBroker(this.#stopping.signal) : null;
    const brokers = found === null ? listed : [found];
    if (this.#stopped || brokers.length === 0) return;
    const servers = new ServerList(brokers, this.#options.returnMs);
    const broker = servers.current;
    this.label = withoutLogin(broker.server);
    let client: MqttClient;
    try {
      const options: IClientOptions = {
        ...clientOptions(config, this.#options),
        reconnectPeriod: this.#backoff.pauseMs,
      };
      if (servers.several) options.connectTimeout = FAILOVER_TIMEOUT_MS;
      const connect = await loadClient(brokers, options);
      if (this.#stopped) return;
      useServer(options, broker);
      client = connect(options);
    } catch (error) {
      // A certificate file that can't be read yet, or an invalid server address.
      this.#complain(describeConnectionError(error, this.label));
      this.#retryTimer = setTimeout(() => void this.start(), LONGEST_PAUSE_MS);
      return;
    }
    this.#client = client;
    this.#failover = new Failover({
      client,
      servers,
      log: this.#options.log,
      sayOffline: (done) => this.publish({ ...this.#options.will, qos: 1 }, done),
      onServer: (label) => {
        this.label = label;
      },
      idle: () => !client.connected && !this.#backoff.attempting,
    });
    // MQTT.js has already started the first attempt.
    this.#attempt(client);
    client.on("packetsend", ({ cmd }) => {
      if (cmd === "connect") this.#attempt(client);
    });
    client.on("packetreceive", (packet) => {
      if (packet.cmd !== "connack" && packet.cmd !== "disconnect") return;
      this.#reference = packet.properties?.serverReference;
      if (packet.cmd === "disconnect" && packet.reasonCode) this.#dismissed(packet.reasonCode);
    });
    client.on("connect", ({ properties }) => this.#connected(client, properties));
    client.on("message", (topic, payload, packet: IPublishPacket) => {
      // The callback isn't trusted: an exception here would end the process.
      this.#options.onMessage(topic, payload, packet.retain);
    });
    client.on("error", (error) => this.#failed(client, error));
    client.on("close", () => this.#closed(client));
  }

  /**
   * Sends if connected, otherwise drops; `done` is called when the message was written (QoS 0), answered (QoS 1), or
   * lost.
   */
  publish(message: Message, done?: (outcome: Outcome) => void): void {
    this.#outbox.publish(message, done);
  }

  /** Sends values of a reading with QoS 0, immediately and in one piece (publish-packet.ts). */
  publishReading(messages: readonly Message[]): void {
    this.#outbox.publishReading(messages);
  }

  /** Whether the broker accepts a message of this size, as far as known. */
  fits(message: Message): boolean {
    return this.#outbox.fits(message);
  }

  /** Sends what is published from now on with one call to the kernel, with `flush`. */
  hold(): void {
    this.#outbox.hold();
  }

  /** Sends what was published in this turn immediately, rather than at the end of the turn. */
  flush(): void {
    this.#outbox.flush();
  }

  /**
   * `done` is called when the broker has answered or can no longer answer. Wildcards are omitted if the broker forbids
   * them.
   */
  subscribe(topics: readonly string[], done: () => void): void {
    this.#subscriptions.subscribe(topics, done);
  }

  unsubscribe(topics: readonly string[]): void {
    this.#subscriptions.unsubscribe(topics);
  }

  /** There is something to publish: connects immediately instead of waiting for the scheduled attempt. */
  hurry(): void {
    if (this.#client !== null) this.#early.hurry(this.#client);
  }

  /** Sends final messages, waits at most two seconds for the broker to acknowledge them, and disconnects. */
  async stop(farewell: readonly Message[] = []): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#stopping.abort();
    this.#failover?.stop();
    this.#early.stop();
    for (const timer of [this.#retryTimer, this.#stableTimer]) if (timer !== null) clearTimeout(timer);
    const client = this.#client;
    if (client === null) return;
    if (client.connected) {
      const sent = Promise.all(
        farewell.map((message) => new Promise<void>((done) => this.publish(message, () => done()))),
      );
      await waitAtMost(FAREWELL_MS, sent);
    }
    this.#outbox.clear();
    const ended = new Promise<void>((done) => client.end(!client.connected, () => done()));
    await waitAtMost(FAREWELL_MS / 4, ended);
    client.end(true);
    client.stream?.destroy();
  }

  /** Drops the connection and reconnects. */
  #giveUp(why: string): void {
    this.#options.log.debug(`${why} for ${ANSWER_LIMIT_MS / 1000} s: reconnecting`);
    this.#client?.stream.destroy();
  }

  /** A connection attempt starts, with a new stream. */
  #attempt({ stream }: MqttClient): void {
    this.#backoff.attempt();
    this.#early.attempt();
    // The powers of a reading are sent before its other values: without this, those would wait for an acknowledgement.
    (stream as Partial<Socket>).setNoDelay?.(true);
    const limit = new PacketSizeLimit(this.#options.maxPacketBytes);
    stream.on("data", (chunk: Uint8Array) => {
      const bytes = limit.feed(chunk);
      if (bytes === null) return;
      stream.destroy();
      this.#subscriptions.mute();
      this.#complain(describeOversize(bytes, MUTE_MS / 60_000, this.label));
    });
  }

  #connected(client: MqttClient, properties: unknown): void {
    this.#connectedAt = performance.now();
    this.#outbox.connected(properties);
    client.stream.on("drain", () => this.#options.onDrain());
    this.#stableTimer = setTimeout(() => {
      this.#disconnects.stable();
      this.#failover?.stable();
      this.#outbox.stable();
    }, STABLE_MS);
    // Reported immediately rather than once the connection is stable: a user who has just fixed something is waiting
    // for it.
    if (!this.#outbox.hanging && !this.#report.isOpen(String(TAKEN_OVER))) this.#report.connected(this.label);
    this.#report.problem = null;
    this.#backoff.accepted();
    this.#keepLimits(client);
    this.#options.onConnect();
    this.#failover?.connected();
  }

  #keepLimits(client: MqttClient): void {
    const { assignedClientId, retain, maximumQos } = this.#outbox.limits;
    if (assignedClientId !== null) client.options.clientId = assignedClientId;
    if (!retain) {
      const cure = "allow retained messages there, or values and entities are missing until they are sent again";
      this.#report.warnOnce("retain", `the broker at ${this.label} retains nothing: ${cure}`);
    }
    if (maximumQos === 0) this.#options.log.debug("the broker supports only QoS 0: nothing is acknowledged");
  }

  #failed(client: MqttClient, error: Error): void {
    const failure = describeConnectionError(error, this.label, this.#reference);
    const code = (error as { code?: unknown }).code;
    const { options } = client;
    if (failure.key === "protocol-version" && options.protocolVersion === 5) {
      options.protocolVersion = 4;
      this.#report.problem = {
        en: `the broker at ${this.label} does not support MQTT 5: continuing with MQTT 3.1.1`,
        de: `Der Broker ${this.label} kennt MQTT 5 nicht: weiter mit MQTT 3.1.1`,
      };
      this.#options.log.info(this.#report.problem.en);
      this.#retrySoon(client);
      return;
    }
    // Remove unsupported features from the will.
    if (code === QOS_NOT_SUPPORTED && options.will?.qos) {
      options.will = { ...options.will, qos: 0 };
      this.#retrySoon(client);
      return;
    }
    if (code === RETAIN_NOT_SUPPORTED && options.will?.retain) {
      options.will = { ...options.will, retain: false };
      this.#retrySoon(client);
      return;
    }
    // The error code of a broken connection (EPIPE, ECONNRESET) says little: see #closed.
    if (this.#connectedAt > 0) return;
    this.#disconnects.forget();
    this.#complain(failure);
  }

  #retrySoon(client: MqttClient): void {
    client.options.reconnectPeriod = 1;
    this.#backoff.restart();
    this.#report.problem ??= { en: "connecting again", de: "Neue Verbindung" };
  }

  /** The broker closes the connection with a reason code (MQTT 5). */
  #dismissed(code: number): void {
    this.#complain(describeConnectionError({ code }, this.label, this.#reference));
  }

  #closed(client: MqttClient): void {
    this.#backoff.ended();
    this.#failover?.closed();
    if (this.#stableTimer !== null) clearTimeout(this.#stableTimer);
    if (this.#stopped) return;
    const unanswered = this.#disconnects.careful ? this.#outbox.oldest : null;
    // Forget unacknowledged messages: after a reconnect we send the latest state instead.
    this.#outbox.clear();
    for (const id of Object.keys(client.outgoing)) client.removeOutgoingMessage(Number(id));
    if (this.#failover?.leaving) {
      this.#connectedAt = 0;
      return;
    }
    const held = this.#connectedAt > 0;
    if (held) this.#judgeClose(performance.now() - this.#connectedAt, unanswered);
    if (this.#report.problem === null && !this.#outbox.hanging)
      this.#complain(describeConnectionError({ code: "closed" }, this.label));
    this.#connectedAt = 0;
    // MQTT.js has already scheduled this attempt's pause; this is the one after the next failure.
    client.options.reconnectPeriod = this.#backoff.grow();
    this.#failover?.next(held);
    this.#early.closed(client);
  }

  #judgeClose(heldMs: number, unanswered: Message | null): void {
    if (heldMs >= STABLE_MS) {
      this.#backoff.reset();
      this.#report.close(String(TAKEN_OVER));
    }
    const verdict = this.#disconnects.closed(heldMs, unanswered);
    if (verdict === "thrown-out") {
      this.#complain(describeConnectionError({ code: THROWN_OUT }, this.label));
    } else if (verdict !== "closed") {
      const problem = describeCulprit(verdict.culprit, verdict.bytes, this.label);
      this.#report.failed(problem, this.#stopped || verdict.known);
      this.#backoff.failed(false);
      this.#backoff.reset();
    }
  }

  #complain(problem: ConnectionProblem): void {
    this.#backoff.failed(problem.refused ?? false);
    this.#report.failed(problem, this.#stopped);
  }
}
