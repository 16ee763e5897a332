/**
 * MQTT.js's client with only the transports that are used. Its own `connect` loads all of them, with Node's TLS, HTTP and
 * compression (docs/benchmarks.md).
 */
import { createConnection } from "node:net";
import type { IClientOptions, MqttClient } from "mqtt";
import type { StreamBuilder } from "mqtt/lib/shared";
import { type Broker, schemeOf } from "./client-options.ts";

/**
 * For `useServer` with any of `brokers`.
 * @returns a function that starts connecting
 * @throws {TypeError} with code `ERR_INVALID_URL` for an invalid address
 */
export async function loadClient(
  brokers: readonly Broker[],
  options: IClientOptions,
): Promise<(options: IClientOptions) => MqttClient> {
  const schemes = new Set(brokers.map(({ server }) => schemeOf(new URL(server), options)));
  const [{ default: library }, ...transports] = await Promise.all([
    import("mqtt/lib/client"),
    ...[...schemes].map(async (scheme) => [scheme, await loadTransport(scheme)] as const),
  ]);
  const builders = new Map<string | undefined, StreamBuilder>(transports);
  return (options) => {
    const open = (client: MqttClient) => {
      const build = builders.get(client.options.protocol);
      if (build === undefined) throw new Error(`no transport for ${client.options.protocol}`);
      return build(client, client.options);
    };
    const client = new library.default(open, options);
    // Errors are also reported when nobody listens any more.
    client.on("error", () => undefined);
    return client;
  };
}

/** @param scheme `mqtt`, `mqtts`, `ws`, `wss` */
async function loadTransport(scheme: string): Promise<StreamBuilder> {
  switch (scheme) {
    case "mqtt":
      return (_, { host = "", port = 0 } = {}) => createConnection({ host, port });
    case "mqtts":
      return (await import("mqtt/lib/connect/tls")).default.default;
    default:
      return (await import("mqtt/lib/connect/ws")).default.streamBuilder;
  }
}
