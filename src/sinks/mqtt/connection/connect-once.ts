/** A connection to the broker for a one-shot command: no retries. */
import { randomBytes } from "node:crypto";
import type { MqttClient } from "mqtt";
import type { MqttConfig } from "../../../config/options.ts";
import { type Broker, clientOptions, useServer } from "./client-options.ts";
import { loadClient } from "./load-client.ts";

/** Maximum size of a packet from the broker, in bytes: the discovery message of a meter with 300 values takes 240 KB. */
const MAX_PACKET_BYTES = 1024 * 1024;

/** @throws errors that `describeConnectionError` explains: the broker is unreachable, or refuses us */
export async function connectOnce({
  mqtt: config,
  broker,
  signal,
}: {
  readonly mqtt: MqttConfig;
  readonly broker: Broker;
  readonly signal?: AbortSignal;
}): Promise<MqttClient> {
  const clientId = `kaifa2mqtt_check_${randomBytes(4).toString("hex")}`;
  const options = { ...clientOptions(config, { clientId, maxPacketBytes: MAX_PACKET_BYTES }), reconnectPeriod: 0 };
  // The Supervisor provides its own login.
  const connect = await loadClient([broker], options);
  useServer(options, { user: config.user, password: config.password, ...broker });
  const client = connect(options);
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
