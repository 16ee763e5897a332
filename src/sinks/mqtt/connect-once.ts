/** A connection to the broker for a command that does one thing and ends: no retries. */
import { randomBytes } from "node:crypto";
import type { MqttClient } from "mqtt";
import type { MqttConfig } from "../../config/options.ts";
import { type Broker, clientOptions, useServer } from "./client-options.ts";

/** Bytes that the broker may send in one packet. */
const MAX_PACKET_BYTES = 64 * 1024;

/** @throws what `describeConnectionError` explains: the broker is away, or refuses us */
export async function connectOnce({
  mqtt: config,
  broker,
  signal,
}: {
  readonly mqtt: MqttConfig;
  readonly broker: Broker;
  readonly signal?: AbortSignal;
}): Promise<MqttClient> {
  const { default: mqtt } = await import("mqtt");
  const clientId = `kaifa2mqtt_check_${randomBytes(4).toString("hex")}`;
  const options = { ...clientOptions(config, { clientId, maxPacketBytes: MAX_PACKET_BYTES }), reconnectPeriod: 0 };
  // The Supervisor names a login of its own.
  useServer(options, { user: config.user, password: config.password, ...broker });
  const client = mqtt.connect(options);
  return await new Promise<MqttClient>((resolve, reject) => {
    let failure: unknown = { code: "closed" };
    const fail = (error: unknown): void => {
      client.end(true);
      reject(error);
    };
    client.once("connect", () => resolve(client));
    client.once("error", (error) => {
      failure = error;
      fail(error);
    });
    client.once("close", () => fail(failure));
    signal?.addEventListener("abort", () => fail(new Error("stopped")), { once: true });
  });
}
