/**
 * What we send to the broker: QoS 0 right away, QoS 1 through a window (inflight-window.ts), within the broker's limits
 * (broker-limits.ts). Nothing is queued while there is no connection.
 */
import type { MqttClient } from "mqtt";
import type { ComponentLog } from "../../../log/component-log.ts";
import { type Message, packetBytes } from "../message.ts";
import { type BrokerLimits, brokerLimits } from "./broker-limits.ts";
import type { ConnectionReport } from "./connection-report.ts";
import type { DisconnectDiagnosis } from "./disconnect-diagnosis.ts";
import { InflightWindow, type Outcome } from "./inflight-window.ts";
import { type PacketOptions, publishPackets } from "./publish-packet.ts";

/** Stop writing when the socket buffer holds more bytes than this; some readings are 2 KB. */
const MAX_UNSENT_BYTES = 64 * 1024;
/** If an acknowledgement takes longer than this, we report that the broker hangs. */
const SLOW_ANSWER_MS = 10_000;
/** Reconnect after this time without an acknowledgement. */
export const ANSWER_LIMIT_MS = 30_000;
/** Maximum number of unacknowledged QoS 1 messages, even if the broker allows more. */
const MAX_UNANSWERED = 64;

export interface OutboxParts {
  /** The client, once there is one. */
  readonly client: () => MqttClient | null;
  /** The server, as named in messages. */
  readonly label: () => string;
  readonly disconnects: DisconnectDiagnosis;
  readonly report: ConnectionReport;
  readonly log: ComponentLog;
  /** Called when a message has been unacknowledged for too long. */
  readonly onSilence: (oldest: Message) => void;
}

export class Outbox {
  readonly #parts: OutboxParts;
  readonly #window: InflightWindow;
  #limits: BrokerLimits = brokerLimits(null);
  /** Acknowledgements are overdue. */
  #hanging = false;

  constructor(parts: OutboxParts) {
    this.#parts = parts;
    this.#window = new InflightWindow({
      send: (message, answered) => this.#send(message, answered),
      slowMs: SLOW_ANSWER_MS,
      onSlow: () => this.#hangs(),
      limitMs: ANSWER_LIMIT_MS,
      onSilence: parts.onSilence,
    });
  }

  /** What the broker allows on this connection. */
  get limits(): BrokerLimits {
    return this.#limits;
  }

  /** Whether acknowledgements are overdue. */
  get hanging(): boolean {
    return this.#hanging;
  }

  /** Whether the broker reads more slowly than we write. */
  get congested(): boolean {
    const stream = this.#parts.client()?.stream as { writableLength?: number } | undefined;
    return (stream?.writableLength ?? 0) > MAX_UNSENT_BYTES;
  }

  /** Number of messages that wait until the broker has acknowledged others. */
  get waiting(): number {
    return this.#window.waiting;
  }

  /** The message that has been unacknowledged the longest. */
  get oldest(): Message | null {
    return this.#window.oldest;
  }

  /** A new connection, with the limits that the broker states in its CONNACK. */
  connected(properties: unknown): void {
    this.#limits = brokerLimits(properties);
    this.#window.size = this.#parts.disconnects.careful ? 1 : this.#largestWindow;
  }

  /** The connection has been up for a while: messages need no longer be sent one at a time. */
  stable(): void {
    this.#window.size = this.#largestWindow;
  }

  /** The connection is gone: all messages in the window are lost. */
  clear(): void {
    this.#window.clear();
  }

  /**
   * Sends if connected, otherwise drops; `done` is called when the message was written (QoS 0), answered (QoS 1), or
   * lost.
   */
  publish(message: Message, done: (outcome: Outcome) => void = () => undefined): void {
    const { client, disconnects } = this.#parts;
    if (client() === null || this.#isTooMuch(message)) {
      done("lost");
    } else if (this.#limits.maximumQos === 1 && (message.qos === 1 || disconnects.careful)) {
      // While looking for the message that makes the broker disconnect, every message must be acknowledged.
      this.#window.put(disconnects.careful ? { ...message, qos: 1 } : message, done);
    } else {
      this.#send({ ...message, qos: 0 }, done);
    }
  }

  /** Sends values of a reading with QoS 0, immediately and in one piece (publish-packet.ts). */
  publishReading(messages: readonly Message[]): void {
    const client = this.#parts.client();
    if (this.#limits.maximumQos === 1 && this.#parts.disconnects.careful) {
      for (const message of messages) this.publish(message);
      return;
    }
    const fitting = messages.filter((message) => !this.#isTooMuch(message));
    if (client === null || !client.connected || client.disconnecting || fitting.length === 0) return;
    client.stream.write(publishPackets(fitting, this.#packetOptions(client)));
  }

  /** Whether the broker accepts a message of this size, as far as known. */
  fits(message: Message): boolean {
    return !this.#parts.disconnects.avoids(message) && packetBytes(message) <= this.#limits.maximumPacketBytes;
  }

  /** Sends what is published from now on with one call to the kernel, with `flush`. */
  hold(): void {
    this.#parts.client()?.stream.cork();
  }

  /** Sends what was published in this turn immediately, rather than at the end of the turn. */
  flush(): void {
    const stream = this.#parts.client()?.stream;
    while (stream !== undefined && stream.writableCorked > 0) stream.uncork();
  }

  get #largestWindow(): number {
    return Math.min(this.#limits.receiveMaximum, MAX_UNANSWERED);
  }

  #send(message: Message, done: (outcome: Outcome) => void): void {
    const { topic, payload, qos = 0, retain = true, urgent } = message;
    const client = this.#parts.client();
    if (client === null) return;
    const written = (error: unknown): void => {
      const code = (error as { code?: unknown } | undefined | null)?.code;
      if (!error) {
        if (qos === 1) this.#answered(message);
        done("delivered");
      } else done(typeof code === "number" && code >= 0x80 ? { refused: code } : "lost");
    };
    const isOurs = urgent === true && qos === 1 && client.connected && !client.disconnecting;
    const identifier = isOurs ? client.messageIdProvider.allocate() : null;
    if (identifier !== null) this.#sendReading(client, message, identifier, written);
    else client.publish(topic, payload, { qos, retain: retain && this.#limits.retain }, written);
  }

  /** The last message of a reading, encoded by us (publish-packet.ts). MQTT.js handles the acknowledgement as that of its own. */
  #sendReading(client: MqttClient, message: Message, identifier: number, answered: (error: unknown) => void): void {
    const { topic, payload } = message;
    const options = this.#packetOptions(client);
    client.outgoing[identifier] = { volatile: false, cmd: "publish", cb: answered };
    const packet = {
      cmd: "publish",
      messageId: identifier,
      topic,
      payload,
      qos: 1,
      retain: options.retain,
      dup: false,
    } as const;
    client.outgoingStore.put(packet, () => undefined);
    client.stream.write(publishPackets([message], { ...options, identifier }));
  }

  #packetOptions(client: MqttClient): PacketOptions {
    return { protocolVersion: client.options.protocolVersion === 5 ? 5 : 4, retain: this.#limits.retain };
  }

  #answered(message: Message): void {
    this.#parts.disconnects.answered(message);
    if (!this.#hanging) return;
    this.#hanging = false;
    this.#parts.log.info(`the broker at ${this.#parts.label()} answers again`);
  }

  #hangs(): void {
    if (this.#hanging || !this.#parts.client()?.connected) return;
    this.#hanging = true;
    const then = "it gets the newest reading when it does";
    this.#parts.log.warn(`the broker at ${this.#parts.label()} does not acknowledge messages; ${then}`);
  }

  /** Whether the broker would reject this message: larger than allowed, or known to make it disconnect. */
  #isTooMuch(message: Message): boolean {
    const { disconnects, report, label } = this.#parts;
    if (disconnects.avoids(message)) return true;
    const { maximumPacketBytes } = this.#limits;
    // Cheap check first: a UTF-8 packet has at most three bytes per character.
    if ((message.topic.length + message.payload.length) * 3 + 20 <= maximumPacketBytes) return false;
    const bytes = packetBytes(message);
    if (bytes <= maximumPacketBytes) return false;
    report.warnOnce(
      `large ${message.topic.split("/")[0]}`,
      `${message.topic} is not sent, nor is anything else that is too large: it takes ${bytes} bytes, and the broker at ${label()} allows ${maximumPacketBytes}. Allow larger packets there (Mosquitto: max_packet_size)`,
    );
    return true;
  }
}
