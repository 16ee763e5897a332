/** MQTT.js options: those derived from the configuration, and those that depend on the server. */
import { readFileSync } from "node:fs";
import type { IClientOptions } from "mqtt";
import type { MqttConfig } from "../../../config/options.ts";
import type { Message } from "../message.ts";

/** A broker's address and login. */
export interface Broker {
  readonly server: string;
  readonly user?: string | undefined;
  readonly password?: string | undefined;
}

/** Timeout for establishing a connection. */
export const CONNECT_TIMEOUT_MS = 10_000;

const PORTS: Readonly<Record<string, number>> = { mqtt: 1883, mqtts: 8883, ws: 80, wss: 443 };
const WITH_TLS: Readonly<Record<string, string>> = { mqtt: "mqtts", ws: "wss" };

/**
 * Options shared by all servers.
 * @param maxPacketBytes maximum size of a packet from the broker
 * @throws the system error for a certificate file that can't be read
 */
export function clientOptions(
  config: MqttConfig,
  { clientId, will, maxPacketBytes }: { clientId: string; will?: Message; maxPacketBytes: number },
): IClientOptions {
  const file = (path: string | undefined): { file?: Buffer } =>
    path === undefined ? {} : { file: readFileSync(path) };
  const [ca, cert, key] = [file(config.ca).file, file(config.cert).file, file(config.key).file];
  return {
    clientId,
    protocolVersion: config.version === 5 ? 5 : 4,
    keepalive: config.keepalive,
    clean: true,
    reconnectOnConnackError: true,
    connectTimeout: CONNECT_TIMEOUT_MS,
    queueQoSZero: false,
    // A ping every `keepalive` whatever else is sent, instead of two timers a message.
    reschedulePings: false,
    // We resubscribe on every connect ourselves, together with everything else.
    resubscribe: false,
    // Precomputed packet lengths: megabytes of memory with no benefit at our message rate (docs/benchmarks.md).
    writeCache: false,
    rejectUnauthorized: config.reject_unauthorized,
    // Sent with MQTT 5 only.
    properties: { maximumPacketSize: maxPacketBytes },
    wsOptions: { maxPayload: maxPacketBytes },
    ...(will === undefined
      ? {}
      : { will: { topic: will.topic, payload: Buffer.from(will.payload), qos: 1, retain: true } }),
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  };
}

/**
 * Writes the server-specific settings into the MQTT.js options, which MQTT.js rereads for every attempt.
 * @throws {TypeError} with code `ERR_INVALID_URL` for an invalid address
 */
export function useServer(options: IClientOptions, { server, user, password }: Broker): void {
  const url = new URL(server);
  const protocol = schemeOf(url, options);
  const host = url.hostname.replace(/^\[|\]$/g, "");
  // A login in the address takes precedence over mqtt.user and mqtt.password.
  const username = url.username === "" ? user : decodeURIComponent(url.username);
  const secret = url.username === "" ? password : decodeURIComponent(url.password);
  Object.assign(options, {
    protocol,
    host,
    hostname: host,
    port: url.port === "" ? PORTS[protocol] : Number(url.port),
    path: protocol.startsWith("ws") ? `${url.pathname}${url.search}` : undefined,
    servername: undefined,
    username,
    password: secret === "" ? undefined : secret,
  });
}

/** `mqtt`, `mqtts`, `ws`, `wss`. A client certificate implies TLS. */
export function schemeOf({ protocol }: URL, { cert, key }: IClientOptions): string {
  const given = protocol.slice(0, -1);
  return cert && key ? (WITH_TLS[given] ?? given) : given;
}

/** The address for logs and pages: without the login, and without the query, which may contain a token. */
export function withoutLogin(server: string): string {
  return server.replace(/\/\/[^/]*@/, "//").replace(/\?.*$/s, "?***");
}
